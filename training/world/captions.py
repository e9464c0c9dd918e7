"""Captions of a scene: synonyms, word order, partial descriptions.

:func:`describe` returns the words and what they claim, as a :class:`Claim`: with it one can tell
every scene that a partial caption is true of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from training.world.scene import Ground, Scene, Thing
from training.world.things import drawn_things

SYNONYMS = {
    "turquoise": ("turquoise", "turquoise", "cyan"),
    "purple": ("purple", "purple", "violet"),
    "grey": ("grey", "gray"),
    "circle": ("circle", "circle", "disc"),
    "cross": ("cross", "cross", "plus sign"),
    "ring": ("ring", "ring", "hoop"),
    "small": ("small", "little", "tiny"),
    "big": ("big", "large", "huge"),
}
_STYLE_BEFORE = {
    "charcoal": ("a charcoal drawing of", "charcoal drawing of", "a charcoal sketch of"),
    "watercolour": ("a watercolour painting of", "a watercolor of", "a watercolor painting of"),
    "pixel art": ("pixel art of", "a pixel art picture of", "8 bit pixel art of"),
    "neon": ("a neon sign of", "neon lights showing", "a glowing neon"),
    "pencil sketch": ("a pencil sketch of", "a pencil drawing of", "pencil sketch of"),
    "oil": ("an oil painting of", "oil painting of", "an oil on canvas of"),
    "mosaic": ("a mosaic of", "a tile mosaic of", "a roman mosaic of"),
    "blueprint": ("a blueprint of", "a technical drawing of", "blueprint of"),
    "woodcut": ("a woodcut of", "a woodcut print of", "a linocut of"),
    "stained glass": (
        "a stained glass window of",
        "stained glass of",
        "a stained glass picture of",
    ),
}
_STYLE_AFTER = {
    "charcoal": ("charcoal drawing", "in charcoal", "charcoal"),
    "watercolour": ("watercolour painting", "watercolor", "in watercolour"),
    "pixel art": ("pixel art", "in pixel art style", "as pixel art"),
    "neon": ("neon", "in neon lights", "neon sign"),
    "pencil sketch": ("pencil sketch", "in pencil", "pencil drawing"),
    "oil": ("oil painting", "in oil", "oil on canvas"),
    "mosaic": ("mosaic", "as a mosaic", "in mosaic tiles"),
    "blueprint": ("blueprint", "as a blueprint", "technical drawing"),
    "woodcut": ("woodcut", "as a woodcut", "linocut"),
    "stained glass": ("stained glass", "in stained glass", "stained glass window"),
}
_SCENERY_WORDS = {
    "sky": ("in the sky", "in front of a blue sky", "up in the sky"),
    "sea": ("on the sea", "at sea", "on the ocean"),
    "night": ("at night", "under the night sky", "in front of a starry sky"),
    "grass": ("on the grass", "on a meadow", "in a field"),
    "desert": ("in the desert", "on sand dunes", "in a sandy desert"),
    "snow": ("in the snow", "on a snowy field", "in a snowy landscape"),
    "city": ("in the city", "in front of a city", "in front of houses"),
}
_NUMBERS = {2: "two", 3: "three"}


class ThingClaim(NamedTuple):
    """What a caption says about one of its things; None if it does not say."""

    shape: str | None
    colour: str | None
    size: str | None
    number: int = 1

    def true_of(self, thing: Thing) -> bool:
        """Whether ``thing`` matches."""
        return (
            self.shape in (None, thing.shape)
            and self.colour in (None, thing.colour)
            and self.size in (None, thing.size)
            and self.number == thing.count
        )


@dataclass(frozen=True)
class Claim:
    """What a caption says; None if it does not say.

    A caption without a style word claims a plain drawing: "a red square" is not true of a charcoal
    drawing, which has no red. ``either`` is set if the caption does not say which of its
    ``things`` is the relation's first.
    """

    things: tuple[ThingClaim, ...] = ()
    relation: str | None = None
    ground_colour: str | None = None
    ground_pattern: str | None = None
    style: str | None = None
    either: bool = False

    def true_of(self, scene: Scene) -> bool:
        """Whether the caption is true of ``scene``."""
        if self.ground_colour is not None and self.ground_colour != scene.ground.colour:
            return False
        if self.style != scene.style:
            return False
        if self.ground_pattern is not None and self.ground_pattern != scene.ground.pattern:
            return False
        if not self.things:
            return True
        if len(self.things) != len(scene.things):
            return False
        if self.relation is not None and self.relation != scene.relation:
            return False
        if self._fits(scene.things):
            return True
        return self.either and self._fits(scene.things[::-1])

    def _fits(self, things: tuple[Thing, ...]) -> bool:
        return all(claim.true_of(thing) for claim, thing in zip(self.things, things, strict=True))


def _word(name: str, rng: np.random.Generator) -> str:
    words = SYNONYMS.get(name, (name,))
    return words[int(rng.integers(len(words)))]


def _choose(rng: np.random.Generator, phrases: tuple[str, ...]) -> str:
    return phrases[int(rng.integers(len(phrases)))]


def _counted(words: str, claim: ThingClaim) -> str:
    if claim.number > 1:
        return f"{_NUMBERS[claim.number]} {words}"
    drawn = drawn_things().get(str(claim.shape))
    return words if drawn is not None and not drawn.single else article(words)


def _noun(
    thing: Thing, rng: np.random.Generator, sized: bool, full: bool
) -> tuple[str, ThingClaim]:
    """Words for a thing, without the article or number that goes before them."""
    draw = 1.0 if full else rng.random()
    if draw < 0.06 and thing.colour is not None:
        words = [_word(thing.colour, rng), _choose(rng, ("shape", "thing"))]
        return _in_number(" ".join(words), thing), ThingClaim(None, thing.colour, None, thing.count)
    if draw < 0.12:
        return (
            _in_number(_word(thing.shape, rng), thing),
            ThingClaim(thing.shape, None, None, thing.count),
        )
    size = thing.size if sized and thing.size != "medium" and rng.random() < 0.7 else None
    words = []
    # A drawing's colours are fixed, so people rarely name them.
    colour = thing.colour if not thing.drawn or (not full and rng.random() < 0.2) else None
    if colour is not None:
        words.append(_word(colour, rng))
    words.append(_in_number(_word(thing.shape, rng), thing))
    if size is not None:
        words.insert(0, _word(size, rng))
    return " ".join(words), ThingClaim(thing.shape, colour, size, thing.count)


def _in_number(noun: str, thing: Thing) -> str:
    if thing.count == 1:
        return noun
    drawn = drawn_things().get(noun)
    if drawn is not None and drawn.plural is not None:
        return drawn.plural
    return f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"


def article(words: str) -> str:
    """``words`` after "a" or "an"."""
    vowel = words.startswith("hour") or (words[0] in "aeiou" and not words.startswith("uni"))
    return f"an {words}" if vowel else f"a {words}"


def _plain_ground_words(ground: Ground, rng: np.random.Generator) -> tuple[str, bool]:
    """Words for a ground that is not scenery, and whether they name the pattern."""
    colour = _word(ground.colour, rng)
    if ground.second is None:
        if rng.random() < 0.15:
            return f"plain {colour} background", True
        return f"{colour} background", False
    second = _word(ground.second, rng)
    if rng.random() < 0.2:
        return f"{colour} background", False
    if ground.pattern == "gradient":
        return _choose(
            rng, (f"gradient from {colour} to {second}", f"{colour} to {second} gradient")
        ), True
    if ground.pattern == "dotted":
        return _choose(
            rng,
            (f"{colour} background with {second} dots", f"dotted {colour} and {second} background"),
        ), True
    return f"{ground.pattern} {colour} and {second} background", True


def ground_words(
    ground: Ground, rng: np.random.Generator, full: bool = True
) -> tuple[str, str | None]:
    """Such as "on a red background" or "in the snow", and the pattern if it is named."""
    if ground.own_colours:
        phrases = _SCENERY_WORDS[ground.pattern]
        return phrases[0] if full else _choose(rng, phrases), ground.pattern
    words, named = _plain_ground_words(ground, rng)
    return f"on {article(words)}", ground.pattern if named else None


def style_words(style: str) -> str:
    """The plainest words for a style alone."""
    return _STYLE_AFTER[style][0]


def in_style(words: str, style: str) -> str:
    """``words`` after the plainest ones for a style, such as "a charcoal drawing of"."""
    return f"{_STYLE_BEFORE[style][0]} {words}"


def describe(scene: Scene, rng: np.random.Generator, *, full: bool = False) -> tuple[str, Claim]:
    """A caption that is true of ``scene``, and what it claims.

    With ``full`` it says everything that could tell the scene from another, in the plainest words;
    without it, about a third of the captions are partial.
    """
    detail = 1.0 if full else rng.random()
    style = scene.style
    if not full and style is not None and rng.random() < 0.12:
        words = _choose(rng, _STYLE_AFTER[style])
        return words, Claim(style=style)
    if detail < 0.05 and style is None:
        ground, pattern = ground_words(scene.ground, rng, full)
        return ground.removeprefix("on "), Claim(
            ground_colour=scene.ground.colour, ground_pattern=pattern
        )
    text, claim = describe_things(scene, rng, full)
    colour = pattern = None
    if detail > 0.2:
        things = text
        ground, pattern = ground_words(scene.ground, rng, full)
        colour = scene.ground.colour
        text = f"{text} {ground}"
        if not full and rng.random() < 0.08:
            text = (
                f"{ground}, {things}"
                if scene.ground.own_colours
                else f"{ground.removeprefix('on ')} with {things}"
            )
    if style is not None:
        if full:
            text = in_style(text, style)
        elif rng.random() < 0.6:
            text = f"{_choose(rng, _STYLE_BEFORE[style])} {text}"
        else:
            text = f"{text}, {_choose(rng, _STYLE_AFTER[style])}"
    elif not full and rng.random() < 0.05:
        text = f"{_choose(rng, ('a picture of', 'a drawing of', 'a painting of'))} {text}"
    return text, Claim(claim.things, claim.relation, colour, pattern, style, claim.either)


def describe_things(scene: Scene, rng: np.random.Generator, full: bool) -> tuple[str, Claim]:
    """Words for the scene's things and their relation only, and what they claim."""
    if len(scene.things) == 1:
        words, thing = _noun(scene.things[0], rng, True, full)
        bare = not full and rng.random() >= 0.9 and thing.number == 1
        return words if bare else _counted(words, thing), Claim((thing,))
    first, first_claim = _noun(scene.things[0], rng, False, full)
    second, second_claim = _noun(scene.things[1], rng, False, full)
    first, second = _counted(first, first_claim), _counted(second, second_claim)
    draw = 1.0 if full else rng.random()
    if draw < 0.08:
        return f"{first} and {second}", Claim((first_claim, second_claim), either=True)
    if draw < 0.16 and scene.relation == "left of":
        words = _choose(rng, ("beside", "next to"))
        return f"{first} {words} {second}", Claim(
            (first_claim, second_claim), "left of", either=True
        )
    claim = Claim((first_claim, second_claim), scene.relation)
    forward = {
        "left of": ("to the left of", "left of"),
        "above": ("above", "over", "on top of"),
        "inside": ("inside", "in", "in the middle of"),
    }
    back = {
        "left of": ("to the right of", "right of"),
        "above": ("below", "under"),
        "inside": ("around", "behind"),
    }
    if full or rng.random() < 0.65 or scene.relation == "inside":
        ways = forward[str(scene.relation)]
        return f"{first} {ways[0] if full else _choose(rng, ways)} {second}", claim
    return f"{second} {_choose(rng, back[str(scene.relation)])} {first}", claim
