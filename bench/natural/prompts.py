"""Writes the held-out prompts of natural pictures: ``python -m bench.natural.prompts``.

They were drawn once from a fixed seed and committed as ``natural.json``, ``scenes.json`` and
``styles.json`` in ``bench/prompts``; the script writes the same bytes again. Each entry has a
caption and 99 wrong ones in the same wording: about 40 with classes that the judge confuses easily,
the others with random ones. ``classes`` has the classes that each caption is true of, the right
caption's first; for prompts with a style, ``styles`` has the styles.

- ``natural``: 200 of the 1,000 classes, uniformly, in about 40 wordings;
- ``scenes``: 100 classes, each with a place, weather, time of day or colour;
- ``styles``: 100 classes in ten styles, some with the style added after a plus.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.natural.classes import Class, load_classes
from bench.natural.nouns import Noun, choose, fill, read_nouns
from bench.natural.scenes import GROUPS
from bench.prompts import Entry, write_entries

CAPTIONS, HARD, SEED = 100, 40, 20261128
NUMBERS = {"natural": 200, "scenes": 100, "styles": 100}
ANIMALS = 398
"""The classes below this number are animals."""

# fmt: off
ANY = (
    "{0:n}", "{0:a}", "a photo of {0:a}", "a photograph of {0:a}", "{0:a} seen from close by",
    "a close-up of {0:a}", "a picture of {0:a}", "photo of {0:a}, sharp focus",
    "a realistic picture of {0:a}", "{0:n}, high resolution photo", "please paint {0:a}",
    "I would like {0:a}", "draw me {0:a}", "{0:a}, very detailed", "{0:a typical}",
    "{0:a beautiful}", "{0:a nice}", "{0:a lovely}", "{0:a}, nothing else",
    "{0:n}, photograph, natural light", "{0:n}, close-up", "a sharp photo of {0:a} in good light",
    "{0:a} in the middle of the picture", "the picture shows {0:a}", "{0:a} in natural colours",
    "{0:a} in natural colors", "a colour photo of {0:a}", "a color photograph of {0:a}",
    "an image of {0:a}", "a good photo of {0:a ordinary}", "show me {0:a}", "can you make {0:a}?",
    "a professional photo of {0:a}, 35 mm")
# fmt: on
OF_ANIMALS = (
    "portrait of {0:a}",
    "a portrait of {0:a}",
    "{0:a} looking at the camera",
    "wildlife photo of {0:a}",
)
OF_SEVERAL = ("{0:p}", "some {0:p}", "a photo of two {0:p}", "{0:p} seen from close by")
STYLES: dict[str, tuple[str, ...]] = {
    "charcoal": ("charcoal drawing", "a charcoal drawing of {0:a}"),
    "pencil": ("pencil sketch", "a pencil sketch of {0:a}"),
    "watercolour": ("watercolour", "a watercolour of {0:a}", "a watercolor painting of {0:a}"),
    "oil": ("oil painting", "an oil painting of {0:a}"),
    "pixel art": ("pixel art", "pixel art of {0:a}"),
    "mosaic": ("mosaic", "a mosaic of {0:a}"),
    "woodcut": ("woodcut", "a woodcut of {0:a}"),
    "blueprint": ("blueprint", "a blueprint of {0:a}"),
    "stained glass": ("stained glass", "a stained glass window of {0:a}"),
    "neon": ("neon lights", "{0:a} made of neon lights"),
    "photo": ("photograph", "a photograph of {0:a}"),
}
"""For each style, its words after a comma or a plus, then whole wordings."""
PAINTED_STYLES = tuple(style for style in STYLES if style != "photo")


@functools.cache
def _nouns() -> list[tuple[Noun, ...]]:
    return read_nouns([each.name for each in load_classes()])


def _has_plural(index: int) -> bool:
    return all(noun.kind == "count" for noun in _nouns()[index])


def _caption(index: int, wording: str, rng: np.random.Generator) -> str:
    return fill(wording, choose(_nouns()[index], rng))


def _wrong_classes(own: Class, allowed: list[int], rng: np.random.Generator) -> Iterator[int]:
    """Classes that are wrong for ``own``'s pictures: its 40 nearest, then random ones."""
    wrong = [index for index in allowed if index not in own.confusable and index not in own.true]
    near = [index for index in own.nearest if index in set(wrong)][:HARD]
    yield from near
    others = [index for index in wrong if index not in set(near)]
    yield from (others[i] for i in rng.permutation(len(others)))


_Wrong = tuple[str, int, str | None]
"""A wrong caption, its class, and its style."""


def _gather(caption: str, candidates: Iterator[_Wrong]) -> dict[str, Any]:
    """The first 99 different captions, with the classes and styles that they are true of."""
    found: dict[str, tuple[int, str | None]] = {}
    for other, index, style in candidates:
        if other != caption:
            found.setdefault(other, (index, style))
        if len(found) == CAPTIONS - 1:
            break
    classes = load_classes()
    return {
        "others": list(found),
        "classes": [list(classes[index].true) for index, _ in found.values()],
        "styles": [style for _, style in found.values()],
    }


def _entry(
    own: Class, caption: str, seed: int, style: str | None, candidates: Iterator[_Wrong]
) -> Entry:
    gathered = _gather(caption, candidates)
    entry = {
        "caption": caption,
        "index": own.index,
        "name": own.name,
        "seed": seed,
        "others": gathered["others"],
        "classes": [list(own.true), *gathered["classes"]],
    }
    return entry if style is None else entry | {"styles": [style, *gathered["styles"]]}


def make_natural() -> list[Entry]:
    """A random fifth of all classes, in wordings as people type them."""
    rng = np.random.default_rng([SEED, 0])
    classes = load_classes()
    entries = []
    for seed, index in enumerate(rng.permutation(len(classes))[: NUMBERS["natural"]].tolist()):
        wordings, allowed = list(ANY), range(len(classes))
        draw = rng.random()
        if index < ANIMALS and draw < 0.2:
            wordings, allowed = list(OF_ANIMALS), range(ANIMALS)
        elif _has_plural(index) and draw > 0.85:
            wordings = list(OF_SEVERAL)
        wording = wordings[int(rng.integers(len(wordings)))]
        fitting = [i for i in allowed if wording not in OF_SEVERAL or _has_plural(i)]
        caption = _caption(index, wording, rng)
        wrong = (
            (_caption(i, wording, rng), i, None)
            for i in _wrong_classes(classes[index], fitting, rng)
        )
        entries.append(_entry(classes[index], caption, seed, None, wrong))
    return entries


def _pool() -> list[tuple[int, str]]:
    """All classes of the scenes, and the group of each."""
    numbers = {each.name: each.index for each in load_classes()}
    return [
        (numbers[name], name_of_group)
        for name_of_group, group in GROUPS.items()
        for name in group.classes
    ]


def make_scenes() -> list[Entry]:
    """Things at places; the wrong captions have other things at the same place."""
    rng = np.random.default_rng([SEED, 1])
    pool, classes = _pool(), load_classes()
    chosen = [pool[i] for i in rng.permutation(len(pool))[: NUMBERS["scenes"]]]
    entries = []
    for seed, (index, group) in enumerate(chosen):
        wordings = GROUPS[group].wordings
        wording = wordings[int(rng.integers(len(wordings)))]
        caption = _caption(index, wording, rng)
        wrong = (
            (_caption(i, wording, rng), i, None)
            for i in _wrong_classes(classes[index], list(range(len(classes))), rng)
        )
        entries.append(_entry(classes[index], caption, seed, None, wrong))
    return entries


def _styled_caption(index: int, style: str, form: int, rng: np.random.Generator) -> str:
    """A class in a style: as a whole sentence (form 0), after a comma (1) or a plus (2)."""
    words, *whole = STYLES[style]
    if form == 0:
        return _caption(index, whole[int(rng.integers(len(whole)))], rng)
    return _caption(index, "{0:a}", rng) + (", " if form == 1 else " + ") + words


def make_styles() -> list[Entry]:
    """Ten things in each style; wrong are other things, and the same thing in another style."""
    rng = np.random.default_rng([SEED, 2])
    pool, classes = _pool(), load_classes()
    every = list(range(len(classes)))
    chosen = [pool[i][0] for i in rng.permutation(len(pool))[: NUMBERS["styles"]]]
    styles = rng.permutation(np.arange(NUMBERS["styles"]) % len(PAINTED_STYLES)).tolist()
    entries = []
    for seed, (index, number) in enumerate(zip(chosen, styles, strict=True)):
        own, style, form = classes[index], PAINTED_STYLES[number], int(rng.integers(3))
        caption = _styled_caption(index, style, form, rng)

        def wrong(own: Class = own, style: str = style, form: int = form) -> Iterator[_Wrong]:
            for other in STYLES:
                if other != style:
                    yield _styled_caption(own.index, other, form, rng), own.index, other
            for place, i in enumerate(_wrong_classes(own, every, rng)):
                other = (
                    style
                    if place < HARD or rng.random() < 0.5
                    else list(STYLES)[int(rng.integers(len(STYLES)))]
                )
                yield _styled_caption(i, other, form, rng), i, other

        entries.append(_entry(own, caption, seed, style, wrong()))
    return entries


MAKERS = {"natural": make_natural, "scenes": make_scenes, "styles": make_styles}


if __name__ == "__main__":
    for name, make in MAKERS.items():
        write_entries(name, make())
