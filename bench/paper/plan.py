"""Which pictures each figure has.

The paper's own prompts where the judges know what they ask for (17, 18, 5 to 7) or where nobody has
to judge them (15); else the held-out prompts of ``bench/prompts/natural.json``, each with its own
seed, in ``SEEDS`` groups of ``EACH``. A group stands for one of the five seeds of a figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.paper.cells import Cell, Figure
from bench.prompts import FOLDER, Entry, read_entries

PHOTOGRAPHS = Path(__file__).parent / "photographs"
SEEDS, EACH, USUAL_EACH = 5, 8, 4
"""Seeds of a figure; held-out prompts for each seed, at most and without an option."""

METHODS = ("codebook", "z", "z-reg")
"""Fig. 15, in the paper's order."""
CODEBOOK_RATE = 0.42
"""The notebook's 0.05 times 400 / 48 iterations: in the included model's 48, logits move as far."""
PAPER_PROMPTS = (
    "a forest rendered in the Unreal Engine",
    "a watercolor painting of the universal library",
    "An oil painting of The New York City Skyline by Natalia Goncharova",
    "the gateway between dreams trending on ArtStation",
)
"""Fig. 15's prompts."""

AUGMENTATIONS = {
    "none": "none",
    "flip": "none,flip",
    "affine": "none,affine",
    "perspective": "none,perspective",
    "jitter": "none,jitter",
    "noise": "none,noise",
    "all": None,
}
"""Fig. 16: each column and its ``--augment``. The included model has all by default."""

ADDED = ("content", "sentence", "addition", "style")
"""Fig. 17's columns: the prompt, with the style in words, with the style added, the style alone."""


@dataclass(frozen=True)
class Styled:
    """A row of Fig. 17: a content and a style, and how the judges know them."""

    content: str
    style: str
    sentence: str
    classes: tuple[int, ...]
    judged_style: str


STYLED = (
    Styled(
        "A baseball game",
        "A watercolor painting",
        "A watercolor painting of a baseball game",
        (429, 981),
        "watercolour",
    ),
    Styled(
        "A farm",
        "A charcoal drawing",
        "A charcoal drawing of a farm",
        (425, 595, 730, 866, 958),  # barn, harvester, plow, tractor, hay
        "charcoal",
    ),
)


@dataclass(frozen=True)
class Edit:
    """A row of Figs. 5 to 7 and 18: what to type for which photograph, and what is measured.

    ``measure`` is a name of bench.paper.edit_scores; ``classes`` are those that the judge should
    see in the edit.
    """

    prompt: str
    photograph: str
    measure: str
    classes: tuple[int, ...] = ()
    where: bool = False


EDITS = {
    "5": (
        Edit("green", "cup", "green"),
        Edit("red flower", "flower", "red"),  # the paper's "red bus": we have none
    ),
    "6": (
        Edit("foggy sky -> clear sky", "temple", "contrast"),
        Edit("clear sky -> cloudy sky", "rocket", "brightness"),
        Edit("cloudy -> sunny", "cameraman", "brightness"),
    ),
    "7": (
        Edit("wooden", "temple", "brown"),
        Edit("withered flowers", "flower", "colour"),
        Edit("focused", "blurred-cat", "sharpness"),
    ),
    "18": (
        Edit("jacket -> fur", "cameraman", "class", (568,), where=True),
        # The paper's windmills: slim things that stand in a landscape.
        Edit("rocket -> mushrooms", "rocket", "class", (947, 992, 994, 997), where=True),
    ),
}
EDITS_ABOUT = {
    "5": "Editing the colour",
    "6": "Changing the weather",
    "7": "More difficult changes",
    "18": "Masked editing",
}


def groups_of(entries: list[Entry], seeds: int, each: int) -> Iterator[tuple[int, Entry]]:
    """The first ``each`` entries of ``seeds`` groups, one of each group in turn, with its number.

    A run that was stopped has then painted the same prompts in all columns and groups.
    """
    for place in range(each):
        for group in range(seeds):
            if group * EACH + place < len(entries):
                yield group, entries[group * EACH + place]


def _held_out(
    columns: dict[str, dict[str, Any]], prompts: Path, seeds: int, each: int
) -> Iterator[Cell]:
    entries = read_entries("natural", prompts, SEEDS * EACH)
    for group, entry in groups_of(entries, seeds, each):
        for column, options in columns.items():
            yield Cell(
                entry["caption"],
                column,
                entry["caption"],
                entry["seed"],
                group,
                tuple(options.items()),
                entry=entry,
            )


def methods(prompts: Path, seeds: int, each: int) -> Figure:
    """Fig. 15: the paper's prompts with one seed, then held-out ones, which can be judged."""
    # The included model has no regulariser, so its default is the method z.
    columns: dict[str, dict[str, Any]] = {
        "codebook": {"method": "codebook", "learning_rate": CODEBOOK_RATE},
        "z": {},
        "z-reg": {"method": "z-reg"},
    }
    shown = [
        Cell(prompt, column, prompt, 0, 0, tuple(options.items()))
        for prompt in PAPER_PROMPTS
        for column, options in columns.items()
    ]
    held_out = list(_held_out(columns, prompts, seeds, each))
    first = seeds * len(columns)
    return Figure(
        "15",
        "Codebook sampling, z, and z with the regulariser",
        METHODS,
        (*held_out[:first], *shown, *held_out[first:]),
        "z-reg",
    )


def augmentations(prompts: Path, seeds: int, each: int) -> Figure:
    """Fig. 16, and the figures of appendix G.2."""
    columns = {
        name: {} if augment is None else {"augment": augment}
        for name, augment in AUGMENTATIONS.items()
    }
    return Figure(
        "16",
        "No augmentation, each alone, and all",
        tuple(AUGMENTATIONS),
        tuple(_held_out(columns, prompts, seeds, each)),
        "all",
    )


def addition(prompts: Path, seeds: int, each: int) -> Figure:
    """Fig. 17: a content and a style in one sentence, and as two prompts that are added."""
    cells = [
        Cell(
            f"{row.content}, seed {seed}",
            column,
            prompt,
            seed,
            seed,
            # H.1 averages the losses.
            (("addition", "mean"),) if column == "addition" else (),
            entry={"classes": row.classes, "style": row.judged_style},
        )
        for seed in range(seeds)
        for row in STYLED
        for column, prompt in zip(
            ADDED,
            (row.content, row.sentence, f"{row.style} + {row.content}", row.style),
            strict=True,
        )
    ]
    return Figure("17", "A sentence, and addition of prompts", ADDED, tuple(cells), "sentence")


def edits(number: str, seeds: int) -> Figure:
    """Figs. 5, 6, 7 and 18: a row for each edit, a column for each seed."""
    cells = tuple(
        Cell(
            f"{edit.prompt} ({edit.photograph})",
            f"seed {seed}",
            "" if edit.where else edit.prompt,
            seed,
            seed,
            (("where", edit.prompt),) if edit.where else (),
            edit.photograph,
            {"classes": edit.classes, "measure": edit.measure},
        )
        for seed in range(seeds)
        for edit in EDITS[number]
    )
    return Figure(
        number, EDITS_ABOUT[number], tuple(f"seed {seed}" for seed in range(seeds)), cells
    )


_PAINTED: dict[str, Callable[[Path, int, int], Figure]] = {
    "15": methods,
    "16": augmentations,
    "17": addition,
}
NUMBERS = ("16", "15", "18", "17", "5", "6", "7")
"""All figures, in the order in which they are painted."""


def make_figure(
    number: str, seeds: int = SEEDS, each: int = USUAL_EACH, prompts: Path = FOLDER
) -> Figure:
    """The figure of the paper with this number, with the first ``seeds`` of its seeds.

    ``each`` is how many held-out prompts a seed has in Figs. 15 and 16.
    """
    if number in _PAINTED:
        return _PAINTED[number](prompts, seeds, each)
    return edits(number, seeds)
