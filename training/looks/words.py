"""Texts that name looks.

A text names several looks, or none. What only sounds like one is in the texts, too: a snow leopard,
a charcoal grill, an oil tanker, a red fox.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.models.perceptors.looks import NAMED, THING
from engine.models.perceptors.text_tower import TextTower
from engine.models.perceptors.tokenizing import Tokenizer
from training.looks.wordings import (
    COLOUR_WORDS,
    COLOURED,
    DECOYS,
    HELD_OUT,
    LIGHT_NOUNS,
    LIGHT_WORDS,
    OTHER_STYLES,
    PHOTOGRAPHED,
    STYLE_WORDS,
    STYLED,
    THINGS,
    WORDS,
)
from training.words.corpus import phrases
from training.words.corpus.classes import image_classes
from training.words.corpus.phrases import plural, with_article

_ONLY_LOOKS, _DECOYS = 0.17, 0.15  # shares of the texts
_IN_SNOW = {"in the snow", "in fresh snow"}  # sometimes just "in snow"


@dataclass(frozen=True)
class Named:
    """A text, and the looks that it names, as numbers in NAMED, with THING's if it names one."""

    text: str
    looks: frozenset[int]


def write(rng: np.random.Generator, *, held_out: bool = False) -> Named:
    """A random text; with ``held_out`` with wordings that are not trained on, where it has any."""
    kind = rng.random()
    if kind < _ONLY_LOOKS:
        text, looks = _look_alone(rng, held_out)
    elif kind < _ONLY_LOOKS + _DECOYS:
        decoy = _one(rng, DECOYS) if rng.random() < 0.4 else _misleading(rng)
        text, looks = _one(rng, PHOTOGRAPHED).format(decoy), {THING}
    else:
        thing, looks = _thing(rng, held_out)
        text, style = _pictured(thing, rng, held_out)
        looks |= style | {THING}
    if rng.random() < 0.15:
        text = text.capitalize()
    return Named(text, frozenset(NAMED.index(look) for look in looks))


def _one(rng: np.random.Generator, of: Sequence[str]) -> str:
    return str(of[int(rng.integers(len(of)))])


def _wording(rng: np.random.Generator, look: str, held_out: bool) -> str:
    chosen = [word for word in WORDS[look] if (word in HELD_OUT) == held_out]
    return _one(rng, chosen or WORDS[look])


def _class_name(rng: np.random.Generator) -> str:
    return image_classes()[int(rng.integers(1000))].plain_name


def _look_alone(rng: np.random.Generator, held_out: bool) -> tuple[str, set[str]]:
    """A style, a light or a colour, and nothing else."""
    kind = rng.random()
    if kind < 0.3:
        return _colour_alone(rng)
    if kind < 0.45:
        light = _one(rng, list(LIGHT_NOUNS))
        return _one(rng, LIGHT_NOUNS[light]), {light}
    look = _one(rng, list(STYLE_WORDS if kind < 0.8 else LIGHT_WORDS))
    text = _one(rng, ("{}", "{}", "{} style", "a {}", "{}, {other}", "in the style of {}"))
    return text.format(_wording(rng, look, held_out), other=_one(rng, OTHER_STYLES)), {look}


def _colour_alone(rng: np.random.Generator) -> tuple[str, set[str]]:
    """A colour or two, and nothing else."""
    one, other = (str(each) for each in rng.choice(list(COLOUR_WORDS), 2, replace=False))
    if rng.random() < 0.2:
        return f"{one} and {other}", {one, other}
    if one == "orange":  # alone it is a fruit
        one = "yellow"
    if rng.random() < 0.4:
        return one, {one}
    return _one(rng, COLOURED).format(_wording(rng, one, held_out=False)), {one}


def _misleading(rng: np.random.Generator) -> str:
    return with_article(_one(rng, _misleading_classes()))


def _thing(rng: np.random.Generator, held_out: bool) -> tuple[str, set[str]]:
    """A thing, perhaps of a colour, in a place and in a light; the looks among these."""
    looks = set[str]()
    noun = _class_name(rng)
    if rng.random() < 0.35:
        noun = _one(rng, THINGS)
    colour = ""
    if rng.random() < 0.5:
        named = _one(rng, list(COLOUR_WORDS))
        looks.add(named)
        colour = _wording(rng, named, held_out) + " "
    one, many = colour + noun, colour + plural(noun, {})
    thing = _one(rng, (with_article(one), one, f"the {one}", many, f"two {many}"))
    if rng.random() < 0.15:
        thing += " and " + with_article(_class_name(rng))
    if rng.random() < 0.3:
        thing += " " + _one(rng, list(phrases.PLACES)[20:])
    if rng.random() < 0.35:
        light = _one(rng, list(LIGHT_WORDS))
        looks.add(light)
        words = _wording(rng, light, held_out)
        thing = f"{words}, {thing}" if rng.random() < 0.15 else f"{thing} {words}"
        if words in _IN_SNOW and rng.random() < 0.3:
            thing = thing.replace(words, "in snow")
    if "underwater" in thing:  # one of the places
        looks.add("underwater")
    return thing, looks


def _pictured(thing: str, rng: np.random.Generator, held_out: bool) -> tuple[str, set[str]]:
    """The thing in a style, in one that is no look, as a photograph, or alone; the style."""
    if rng.random() < 0.4:
        style = _one(rng, list(STYLE_WORDS))
        form = _one(rng, STYLED)
        words = _wording(rng, style, held_out)
        return form.format(t=thing, s=words, o=_one(rng, OTHER_STYLES)), {style}
    if rng.random() < 0.3:
        form = _one(rng, STYLED)
        return form.format(t=thing, s=_one(rng, OTHER_STYLES), o=_one(rng, OTHER_STYLES)), set()
    if rng.random() < 0.5:
        return _one(rng, PHOTOGRAPHED).format(thing), set()
    return thing, set()


@functools.cache
def _misleading_classes() -> tuple[str, ...]:
    """Classes with the word of a look in their names: golden retriever, snow leopard, redbone."""
    words = {word for wordings in WORDS.values() for each in wordings for word in each.split()}
    words -= {"a", "in", "the", "with", "of", "as", "on", "at", "sea", "light", "art", "style"}
    starts = tuple(COLOUR_WORDS)
    names = {each.plain_name: each.plain_name.lower().replace("-", " ") for each in image_classes()}
    return tuple(
        name
        for name, plain in names.items()
        if words & set(plain.split()) or any(word.startswith(starts) for word in plain.split())
    )


@torch.no_grad()
def states_of(
    tower: TextTower, tokenizer: Tokenizer, texts: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """The states [B, L, W] of the texts' tokens, and their mask [B, L], where the tower is."""
    ids = torch.stack([tokenizer.tokenize(text).ids for text in texts])
    return tower.read(ids.to(tower.table.device))


def answers_of(texts: Sequence[Named]) -> Tensor:
    """1 where a text names a look, [B, len(NAMED)]."""
    answers = torch.zeros(len(texts), len(NAMED))
    for row, each in enumerate(texts):
        answers[row, list(each.looks)] = 1
    return answers
