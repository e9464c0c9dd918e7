"""Captions of a scene: synonyms, word order, partial descriptions.

:func:`describe` gives the words and, beside them, what they claim as a :class:`Claim`, so
that a training batch knows every picture that a partial caption is true of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.training.world import Ground, Scene, Thing

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
}
_STYLE_AFTER = {
    "charcoal": ("charcoal drawing", "in charcoal", "charcoal"),
    "watercolour": ("watercolour painting", "watercolor", "in watercolour"),
    "pixel art": ("pixel art", "in pixel art style", "as pixel art"),
    "neon": ("neon", "in neon lights", "neon sign"),
}


@dataclass(frozen=True)
class Claim:
    """What a caption says; None where it says nothing.

    A caption without a style word claims a plain drawing: "a red square" is not true of a
    charcoal drawing, which has no red. ``things`` holds (shape, colour, size) of each thing
    named; ``either`` is set where the caption leaves open which is the relation's first.
    """

    things: tuple[tuple[str | None, str | None, str | None], ...] = ()
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
        return all(
            shape in (None, thing.shape) and colour in (None, thing.colour)
            and size in (None, thing.size)
            for (shape, colour, size), thing in zip(self.things, things, strict=True))


def _word(name: str, rng: np.random.Generator) -> str:
    words = SYNONYMS.get(name, (name,))
    return words[int(rng.integers(len(words)))]


def _choose(rng: np.random.Generator, phrases: tuple[str, ...]) -> str:
    return phrases[int(rng.integers(len(phrases)))]


def _name(thing: Thing, rng: np.random.Generator, sized: bool, full: bool
          ) -> tuple[str, tuple[str | None, str | None, str | None]]:
    """Words for a thing without its article, and the claim they make."""
    draw = 1.0 if full else rng.random()
    if draw < 0.06:
        return f"{_word(thing.colour, rng)} {_choose(rng, ('shape', 'thing'))}", (
            None, thing.colour, None)
    if draw < 0.12:
        return _word(thing.shape, rng), (thing.shape, None, None)
    size = thing.size if sized and thing.size != "medium" and rng.random() < 0.7 else None
    words = [_word(thing.colour, rng), _word(thing.shape, rng)]
    if size is not None:
        words.insert(0, _word(size, rng))
    return " ".join(words), (thing.shape, thing.colour, size)


def article(words: str) -> str:
    """``words`` with "a" or "an" before them."""
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _ground(ground: Ground, rng: np.random.Generator) -> tuple[str, bool]:
    """Words for what is behind, and whether they tell the pattern."""
    colour = _word(ground.colour, rng)
    if ground.second is None:
        if rng.random() < 0.15:
            return f"plain {colour} background", True
        return f"{colour} background", False
    second = _word(ground.second, rng)
    if rng.random() < 0.2:
        return f"{colour} background", False
    if ground.pattern == "dotted":
        return _choose(rng, (f"{colour} background with {second} dots",
                             f"dotted {colour} and {second} background")), True
    return f"{ground.pattern} {colour} and {second} background", True


def describe(scene: Scene, rng: np.random.Generator, *, full: bool = False) -> tuple[str, Claim]:
    """A caption that is true of ``scene`` and what it claims.

    With ``full`` nothing that tells the scene apart from another is left out, and the
    wording is the plainest; without it, about a third of the captions are partial.
    """
    telling = 1.0 if full else rng.random()
    style = scene.style
    if not full and style is not None and rng.random() < 0.12:
        words = _choose(rng, _STYLE_AFTER[style])
        return words, Claim(style=style)
    if telling < 0.05 and style is None:
        words, told = _ground(scene.ground, rng)
        return article(words), Claim(ground_colour=scene.ground.colour,
                                      ground_pattern=scene.ground.pattern if told else None)
    text, claim = _things(scene, rng, full)
    colour = pattern = None
    if telling > 0.2:
        words, told = _ground(scene.ground, rng)
        colour, pattern = scene.ground.colour, scene.ground.pattern if told else None
        text = f"{text} on {article(words)}"
        if not full and rng.random() < 0.08:
            text = f"{article(words)} with {text.split(' on ')[0]}"
    if style is not None:
        if full or rng.random() < 0.6:
            phrases = _STYLE_BEFORE[style][:1] if full else _STYLE_BEFORE[style]
            text = f"{_choose(rng, phrases)} {text}"
        else:
            text = f"{text}, {_choose(rng, _STYLE_AFTER[style])}"
    elif not full and rng.random() < 0.05:
        text = f"{_choose(rng, ('a picture of', 'a drawing of', 'a painting of'))} {text}"
    return text, Claim(claim.things, claim.relation, colour, pattern, style, claim.either)


def _things(scene: Scene, rng: np.random.Generator, full: bool) -> tuple[str, Claim]:
    if len(scene.things) == 1:
        words, said = _name(scene.things[0], rng, True, full)
        return (article(words) if full or rng.random() < 0.9 else words), Claim((said,))
    first, said_first = _name(scene.things[0], rng, False, full)
    second, said_second = _name(scene.things[1], rng, False, full)
    first, second = article(first), article(second)
    draw = 1.0 if full else rng.random()
    if draw < 0.08:
        return f"{first} and {second}", Claim((said_first, said_second), either=True)
    if draw < 0.16 and scene.relation == "left of":
        words = _choose(rng, ("beside", "next to"))
        return f"{first} {words} {second}", Claim((said_first, said_second), "left of",
                                                  either=True)
    claim = Claim((said_first, said_second), scene.relation)
    forward = {"left of": ("to the left of", "left of"), "above": ("above", "over", "on top of"),
               "inside": ("inside", "in", "in the middle of")}
    back = {"left of": ("to the right of", "right of"), "above": ("below", "under"),
            "inside": ("around", "behind")}
    if full or rng.random() < 0.65 or scene.relation == "inside":
        ways = forward[str(scene.relation)]
        return f"{first} {ways[0] if full else _choose(rng, ways)} {second}", claim
    return f"{second} {_choose(rng, back[str(scene.relation)])} {first}", claim
