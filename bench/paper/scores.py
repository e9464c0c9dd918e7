"""The judges' scores of painted cells, and what they come to by column or by row."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from bench.common.statistics import mean_interval, share, wilson_interval
from bench.natural.figures import Judgement, caption_ranked_first, in_top
from bench.natural.judge import load_judge
from bench.natural.style_judge import STYLE_NAMES, load_style_judge
from bench.paper.cells import YES_OR_NO, Cell, Figure, Scores
from bench.paper.edit_scores import MEASURES, measured, structure
from bench.paper.painting import Gallery
from engine.painting.images import to_tensor
from engine.pictures.reading import read_picture


def tensor_of(picture: Image.Image) -> Tensor:
    """A picture as [3, H, W] in 0..1."""
    return to_tensor(picture, picture.width, picture.height)[0]


def probability(classes: Tensor, wanted: Iterable[int]) -> float:
    """The probability of any of the classes, from log probabilities [1000]."""
    return float(classes[list(wanted)].logsumexp(0).exp())


def same_things(one: Tensor, other: Tensor) -> float:
    """How much alike the judge reads two pictures, 0 to 1, from log probabilities [1000].

    The Bhattacharyya coefficient of the two distributions.
    """
    return float(((one + other) / 2).logsumexp(0).exp())


def prompt_scores(cell: Cell, classes: Tensor) -> Scores:
    """Scores of a held-out prompt, from log probabilities [1000]; none of the paper's own."""
    if not cell.entry:
        return {}
    own, judgement = cell.entry["classes"][0], Judgement(classes[None])
    return {
        "probability": probability(classes, own),
        "first_class": float(in_top(classes[None], [own], 1)[0]),
        "first_five": float(in_top(classes[None], [own], 5)[0]),
        "first_caption": float(caption_ranked_first(judgement, [cell.entry])[0]),
    }


def addition_scores(cell: Cell, classes: Tensor, styles: Tensor, sentence: Tensor) -> Scores:
    """Scores of a cell of Fig. 17; ``sentence`` are the log probabilities of the row's sentence."""
    style = STYLE_NAMES.index(cell.entry["style"])
    return {
        "content": probability(classes, cell.entry["classes"]),
        "style": float(styles[style].exp()),
        "first_style": float(int(styles.argmax()) == style),
        "like_the_sentence": same_things(classes, sentence),
    }


def edit_scores(cell: Cell, pictures: list[Tensor], classes: Tensor) -> Scores:
    """Scores of an edit: ``pictures`` before and after, and their log probabilities [2, 1000]."""
    measure = cell.entry["measure"]
    if measure in MEASURES:
        values = [measured(measure, picture) for picture in pictures]
    else:
        values = [probability(row, cell.entry["classes"]) for row in classes]
    before, after = pictures
    return {
        "before": values[0],
        "after": values[1],
        "edges_kept": structure(before, after),
        "things_kept": same_things(*classes),
        "moved_255": float((after - before).abs().mean() * 255),
    }


@torch.no_grad()
def score_cells(
    figure: Figure, painted: dict[Cell, Image.Image], gallery: Gallery
) -> dict[Cell, Scores]:
    """The scores of the painted cells."""
    judge, scores = load_judge(), {}
    tensors = {cell: tensor_of(picture) for cell, picture in painted.items()}
    classes = {cell: judge.read(picture[None])[0] for cell, picture in tensors.items()}
    for cell, picture in tensors.items():
        if cell.photograph is not None:
            data = gallery.photograph(cell.photograph)
            before = tensor_of(read_picture(data).resize(painted[cell].size))
            read = torch.stack([judge.read(before[None])[0], classes[cell]])
            scores[cell] = edit_scores(cell, [before, picture], read)
        elif figure.number == "17":
            sentence = [
                own for own in painted if (own.row, own.column) == (cell.row, figure.reference)
            ]
            if sentence:
                styles = load_style_judge().read(picture[None])[0]
                scores[cell] = addition_scores(cell, classes[cell], styles, classes[sentence[0]])
        else:
            scores[cell] = prompt_scores(cell, classes[cell])
    return scores


def summarised(cells: list[Cell], scores: dict[Cell, Scores]) -> dict[str, Any]:
    """For each score of these cells its mean, 95% interval, and lowest and highest of the seeds."""
    found: dict[str, Any] = {"n": len(cells)}
    for name in scores[cells[0]]:
        values = [scores[cell][name] for cell in cells]
        groups: dict[int, list[float]] = {}
        for cell in cells:
            groups.setdefault(cell.group, []).append(scores[cell][name])
        means = [statistics.fmean(group) for group in groups.values()]
        flags = [value == 1 for value in values]
        found[name] = {
            "mean": share(flags) if name in YES_OR_NO else round(statistics.fmean(values), 3),
            "interval": wilson_interval(flags) if name in YES_OR_NO else mean_interval(values),
            "seeds": [round(min(means), 3), round(max(means), 3)],
        }
    return found


def _differences(
    cells: list[Cell], others: list[Cell], scores: dict[Cell, Scores]
) -> dict[str, Any]:
    """The mean differences of cells from others of the same rows, with their 95% intervals."""
    found: dict[str, Any] = {}
    for name in scores[cells[0]]:
        values = [
            scores[cell][name] - scores[other][name]
            for cell, other in zip(cells, others, strict=True)
        ]
        found[name] = [round(statistics.fmean(values), 3), mean_interval(values)]
    return found


def figures_of(figure: Figure, scores: dict[Cell, Scores]) -> dict[str, Any]:
    """The figures of a figure, over what is painted so far.

    With a reference by column, each also as its difference from the reference over the rows that
    both have; without one by row.
    """
    judged = [cell for cell in figure.cells if scores.get(cell)]
    found: dict[str, Any] = {}
    if figure.reference is None:
        for row in figure.rows:
            cells = [cell for cell in judged if cell.row == row]
            if cells:
                found[row] = summarised(cells, scores)
        return found
    references = {cell.row: cell for cell in judged if cell.column == figure.reference}
    for column in figure.columns:
        cells = [cell for cell in judged if cell.column == column]
        if not cells:
            continue
        found[column] = summarised(cells, scores)
        both = [cell for cell in cells if cell.row in references]
        if column != figure.reference and both:
            others = [references[cell.row] for cell in both]
            found[column][f"minus {figure.reference}"] = {
                "n": len(both),
                **_differences(both, others, scores),
            }
    return found
