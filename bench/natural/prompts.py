"""The held-out prompts of natural pictures, drawn once from a fixed seed and committed.

``python -m bench.natural.prompts`` writes ``bench/prompts/{natural,scenes,styles}.json`` again; the
same bytes come out. Each entry has a caption and 99 others in the same wording that are not true of
it: about 40 with classes that look alike to the judge, the others with random ones. ``classes`` has
what each caption is true of, its own first; where the style counts, so has ``styles``.

- ``natural``: 200 of the 1,000 classes, uniformly, in about 40 wordings;
- ``scenes``: 100 classes, each at a place, in a weather, at a time of day or in a colour;
- ``styles``: 100 classes in ten styles, or with a style added after a plus.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bench.natural.classes import Class, load_classes
from bench.natural.nouns import Noun, choose, fill, read_nouns
from bench.natural.scenes import GROUPS
from bench.prompts import FOLDER

CAPTIONS, HARD, SEED = 100, 40, 20261128
NUMBERS = {"natural": 200, "scenes": 100, "styles": 100}
ANIMALS = 398
"""The classes below are animals."""

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
OF_ANIMALS = ("portrait of {0:a}", "a portrait of {0:a}", "{0:a} looking at the camera",
              "wildlife photo of {0:a}")
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
    "photo": ("photograph", "a photograph of {0:a}")}
"""By style, what is said of it after a comma or a plus, and whole wordings."""
PAINTED = tuple(style for style in STYLES if style != "photo")


@functools.cache
def _nouns() -> list[tuple[Noun, ...]]:
    return read_nouns([each.name for each in load_classes()])


def _can_be_several(index: int) -> bool:
    return all(noun.kind == "count" for noun in _nouns()[index])


def _say(index: int, wording: str, rng: np.random.Generator) -> str:
    return fill(wording, choose(_nouns()[index], rng))


def _wrong(own: Class, allowed: list[int], rng: np.random.Generator) -> Iterator[int]:
    """Classes that are not true of ``own``'s pictures: its 40 nearest, then random ones."""
    kept = [index for index in allowed if index not in own.alike and index not in own.true]
    near = [index for index in own.near if index in set(kept)][:HARD]
    yield from near
    others = [index for index in kept if index not in set(near)]
    yield from (others[i] for i in rng.permutation(len(others)))


def _gather(caption: str, told: Iterator[tuple[str, int, str | None]]) -> dict[str, Any]:
    """The first 99 different captions, with what they are true of."""
    found: dict[str, tuple[int, str | None]] = {}
    for other, index, style in told:
        if other != caption:
            found.setdefault(other, (index, style))
        if len(found) == CAPTIONS - 1:
            break
    classes = load_classes()
    return {"others": list(found), "classes": [list(classes[index].true)
                                               for index, _ in found.values()],
            "styles": [style for _, style in found.values()]}


def _entry(own: Class, caption: str, seed: int, style: str | None,
           told: Iterator[tuple[str, int, str | None]]) -> dict[str, Any]:
    gathered = _gather(caption, told)
    entry = {"caption": caption, "index": own.index, "name": own.name, "seed": seed,
             "others": gathered["others"], "classes": [list(own.true), *gathered["classes"]]}
    return entry if style is None else entry | {"styles": [style, *gathered["styles"]]}


def make_natural() -> list[dict[str, Any]]:
    """A fifth of all classes, none chosen by hand, in wordings as people type."""
    rng = np.random.default_rng([SEED, 0])
    classes = load_classes()
    entries = []
    for seed, index in enumerate(rng.permutation(len(classes))[:NUMBERS["natural"]].tolist()):
        wordings, allowed = list(ANY), range(len(classes))
        draw = rng.random()
        if index < ANIMALS and draw < 0.2:
            wordings, allowed = list(OF_ANIMALS), range(ANIMALS)
        elif _can_be_several(index) and draw > 0.85:
            wordings = list(OF_SEVERAL)
        wording = wordings[int(rng.integers(len(wordings)))]
        kept = [i for i in allowed if wording not in OF_SEVERAL or _can_be_several(i)]
        caption = _say(index, wording, rng)
        told = ((_say(i, wording, rng), i, None) for i in _wrong(classes[index], kept, rng))
        entries.append(_entry(classes[index], caption, seed, None, told))
    return entries


def _pool() -> list[tuple[int, str]]:
    """All classes that scenes are made of, and the group of each."""
    numbers = {each.name: each.index for each in load_classes()}
    return [(numbers[name], group) for group, told in GROUPS.items() for name in told.classes]


def make_scenes() -> list[dict[str, Any]]:
    """Things at places; a wrong caption has another thing at the same place."""
    rng = np.random.default_rng([SEED, 1])
    pool, classes = _pool(), load_classes()
    chosen = [pool[i] for i in rng.permutation(len(pool))[:NUMBERS["scenes"]]]
    entries = []
    for seed, (index, group) in enumerate(chosen):
        wordings = GROUPS[group].wordings
        wording = wordings[int(rng.integers(len(wordings)))]
        caption = _say(index, wording, rng)
        told = ((_say(i, wording, rng), i, None)
                for i in _wrong(classes[index], list(range(len(classes))), rng))
        entries.append(_entry(classes[index], caption, seed, None, told))
    return entries


def _styled(index: int, style: str, form: int, rng: np.random.Generator) -> str:
    """The class in the style: as a whole sentence, after a comma, or after a plus."""
    words, *whole = STYLES[style]
    if form == 0:
        return _say(index, whole[int(rng.integers(len(whole)))], rng)
    return _say(index, "{0:a}", rng) + (", " if form == 1 else " + ") + words


def make_styles() -> list[dict[str, Any]]:
    """Ten things in each style; wrong is another thing, or the same one in another style."""
    rng = np.random.default_rng([SEED, 2])
    pool, classes = _pool(), load_classes()
    every = list(range(len(classes)))
    chosen = [pool[i][0] for i in rng.permutation(len(pool))[:NUMBERS["styles"]]]
    styles = rng.permutation(np.arange(NUMBERS["styles"]) % len(PAINTED)).tolist()
    entries = []
    for seed, (index, number) in enumerate(zip(chosen, styles, strict=True)):
        own, style, form = classes[index], PAINTED[number], int(rng.integers(3))
        caption = _styled(index, style, form, rng)

        def tell(own: Class = own, style: str = style, form: int = form,
                 say: Callable[[int, str, int, np.random.Generator], str] = _styled
                 ) -> Iterator[tuple[str, int, str | None]]:
            for other in STYLES:
                if other != style:
                    yield say(own.index, other, form, rng), own.index, other
            for place, i in enumerate(_wrong(own, every, rng)):
                other = style if place < HARD or rng.random() < 0.5 else list(STYLES)[
                    int(rng.integers(len(STYLES)))]
                yield say(i, other, form, rng), i, other
        entries.append(_entry(own, caption, seed, style, tell()))
    return entries


MAKERS = {"natural": make_natural, "scenes": make_scenes, "styles": make_styles}


def written(kind: str) -> str:
    """The whole text of one kind's file."""
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in MAKERS[kind]())
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    for name in MAKERS:
        (FOLDER / f"{name}.json").write_text(written(name), encoding="utf-8")
