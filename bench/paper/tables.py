"""The figures as tables in Markdown, for the docs."""

from __future__ import annotations

from typing import Any

from bench.paper.cells import YES_OR_NO

PERCENT = (*YES_OR_NO, "probability", "content", "style", "like_the_sentence", "things_kept")
"""Scores between 0 and 1 that are shown in per cent."""


def _number(name: str, value: float, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if name in PERCENT:
        return f"{100 * value:{sign}.0f}"
    return f"{value:{sign}.2f}" if name == "edges_kept" else f"{value:{sign}.1f}"


def _score(name: str, found: dict[str, Any]) -> str:
    """A mean with its 95% interval, or from three values on down only the lowest and highest."""
    low, high = found["interval"] or found["seeds"]
    if not found["interval"] and low == high:
        return _number(name, low)
    brackets = "()" if found["interval"] else "[]"
    text = f"{_number(name, low)} to {_number(name, high)}"
    return f"{_number(name, found['mean'])} {brackets[0]}{text}{brackets[1]}"


def _difference(name: str, found: tuple[float, tuple[float, float] | None]) -> str:
    mean, interval = found
    text = _number(name, mean, signed=True)
    if interval is None:
        return text
    low, high = (_number(name, each, signed=True) for each in interval)
    return f"{text} ({low} to {high})"


def table(made: dict[str, Any]) -> list[str]:
    """The lines of one figure's table: a row for each column or edit, a column for each score."""
    found: dict[str, Any] = made["figures"]
    if not found:
        return ["Nothing is painted yet."]
    names = [name for name in next(iter(found.values())) if name != "n" and "minus" not in name]
    reference = next((key for row in found.values() for key in row if key.startswith("minus")), "")
    compared = names[0] if reference else ""
    titles = ["", "n", *(_title(name) for name in names)]
    if compared:
        titles.append(f"{_title(compared)}, {reference}")
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for row, scores in found.items():
        cells = [row, str(scores["n"]), *(_score(name, scores[name]) for name in names)]
        if compared:
            difference = scores.get(reference)
            same = (
                f"{_difference(compared, difference[compared])}, n = {difference['n']}"
                if (difference)
                else ""
            )
            cells.append(same)
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _title(name: str) -> str:
    return name.replace("_", " ") + (", %" if name in PERCENT else "")


def page(figures: dict[str, Any]) -> str:
    """The page with all tables."""
    lines = [
        "# The figures in numbers",
        "",
        "Written by `python -m bench.paper`. In round brackets are 95% intervals; in square ones",
        "are the lowest and highest of the seeds, for too few pictures.",
        "[README.md](README.md) says what the scores are.",
    ]
    for number, made in figures.items():
        painted = f"{made['painted']} of {made['cells']} pictures are painted."
        lines += ["", f"## Fig. {number}: {made['about']}", "", painted, "", *table(made)]
    return "\n".join(lines) + "\n"
