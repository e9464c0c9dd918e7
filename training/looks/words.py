"""Texts that name looks, and the head of the text tower that finds them.

A text names several looks, or none. What only sounds like one is in the texts, too: a snow leopard,
a charcoal grill, an oil tanker, a red fox.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.perceptors.looks import NAMED, THING, LooksWords
from engine.models.perceptors.text_tower import TextTower
from engine.models.perceptors.tokenizing import Tokenizer
from training.looks.wordings import (
    COLOUR_WORDS,
    DECOYS,
    HELD_OUT,
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


@dataclass(frozen=True)
class Named:
    """A text, and the looks that it names, as numbers in NAMED, with THING's if it names one."""

    text: str
    looks: frozenset[int]


def write(rng: np.random.Generator, *, held_out: bool = False) -> Named:
    """A random text; with ``held_out`` with wordings that are not trained on, where it has any."""

    def one(of: Sequence[str]) -> str:
        return str(of[int(rng.integers(len(of)))])

    def wording(look: str) -> str:
        chosen = [word for word in WORDS[look] if (word in HELD_OUT) == held_out]
        return one(chosen or WORDS[look])

    kind, looks = rng.random(), set[str]()
    if kind < 0.12:  # nothing but a look
        group = STYLE_WORDS if rng.random() < 0.6 else LIGHT_WORDS
        look = one(list(group))
        looks.add(look)
        text = one(("{}", "{}", "{} style", "a {}", "{}, {other}", "in the style of {}"))
        text = text.format(wording(look), other=one(OTHER_STYLES))
        return Named(_case(text, rng), frozenset(NAMED.index(each) for each in looks))
    if kind < 0.25:
        decoy = one(DECOYS) if rng.random() < 0.4 else with_article(one(_misleading_classes()))
        text = one(PHOTOGRAPHED).format(decoy)
        return Named(_case(text, rng), frozenset({NAMED.index(THING)}))
    noun = image_classes()[int(rng.integers(1000))].plain_name
    if rng.random() < 0.35:
        noun = one(THINGS)
    colour = ""
    if rng.random() < 0.35:
        named = one(list(COLOUR_WORDS))
        looks.add(named)
        colour = wording(named) + " "
    thing = one((with_article(colour + noun), colour + noun, "the " + colour + noun,
                 colour + plural(noun, {}), "two " + colour + plural(noun, {})))  # fmt: skip
    if rng.random() < 0.15:
        thing += " and " + with_article(image_classes()[int(rng.integers(1000))].plain_name)
    if rng.random() < 0.3:
        thing += " " + one(list(phrases.PLACES)[20:])
    if rng.random() < 0.35:
        light = one(list(LIGHT_WORDS))
        looks.add(light)
        words = wording(light)
        thing = f"{words}, {thing}" if rng.random() < 0.15 else f"{thing} {words}"
        if words in {"in the snow", "in fresh snow"} and rng.random() < 0.3:
            thing = thing.replace(words, "in snow")
    looks |= {"underwater"} if "underwater" in thing else set()
    text = thing
    if rng.random() < 0.4:
        style = one(list(STYLE_WORDS))
        looks.add(style)
        text = one(STYLED).format(t=thing, s=wording(style), o=one(OTHER_STYLES))
    elif rng.random() < 0.3:
        text = one(STYLED).format(t=thing, s=one(OTHER_STYLES), o=one(OTHER_STYLES))
    elif rng.random() < 0.5:
        text = one(PHOTOGRAPHED).format(text)
    names = frozenset(NAMED.index(each) for each in looks | {THING})
    return Named(_case(text, rng), names)


def _case(text: str, rng: np.random.Generator) -> str:
    return text.capitalize() if rng.random() < 0.15 else text


@functools.cache
def _misleading_classes() -> tuple[str, ...]:
    """Classes whose names have the word of a look: golden retriever, snow leopard, red wine."""
    words = {word for wordings in WORDS.values() for each in wordings for word in each.split()}
    words -= {"a", "in", "the", "with", "of", "as", "on", "at", "sea", "light", "art", "style"}
    names = (each.plain_name for each in image_classes())
    return tuple(name for name in names if words & set(name.lower().replace("-", " ").split()))


@torch.no_grad()
def states_of(
    tower: TextTower, tokenizer: Tokenizer, texts: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """The states [B, L, W] of the texts' tokens, and their mask [B, L]."""
    return tower.read(torch.stack([tokenizer.tokenize(text).ids for text in texts]))


def answers_of(texts: Sequence[Named]) -> Tensor:
    """1 where a text names a look, [B, len(NAMED)]."""
    answers = torch.zeros(len(texts), len(NAMED))
    for row, each in enumerate(texts):
        answers[row, list(each.looks)] = 1
    return answers


def fit(
    tower: TextTower, tokenizer: Tokenizer, *, steps: int = 600, batch: int = 64, seed: int = 43
) -> LooksWords:
    """Train the head on random texts; the tower stays as it is."""
    torch.manual_seed(seed)
    head = LooksWords(tower.sizes.width)
    optimiser = torch.optim.AdamW(head.parameters(), lr=3e-3, weight_decay=1e-3)
    for step in range(steps):
        rng = np.random.default_rng([seed, step])
        texts = [write(rng) for _ in range(batch)]
        states, mask = states_of(tower, tokenizer, [each.text for each in texts])
        loss = F.binary_cross_entropy_with_logits(head(states, mask), answers_of(texts))
        optimiser.zero_grad()
        loss.backward()
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * (1 - step / steps)
        optimiser.step()
    return head.eval().requires_grad_(False)
