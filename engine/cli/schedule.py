"""The schedules of a sound and of steering, as the `imagine` command prints them."""

from __future__ import annotations

from engine.request.request import ImageRequest
from engine.request.story import Story

_ROWS = 12
_WIDTH = 30  # characters


def schedule_lines(request: ImageRequest, story: Story | None) -> list[str]:
    """A table with the weights of a story's parts over the run, if there is a sound.

    Then what steering changes, a line for each step.
    """
    steps = [f"At iteration {each.at}: {each.change}" for each in request.steering or ()]
    if story is None or not story.loudness:
        return steps
    words: dict[int, list[str]] = {}
    for prompt in request.prompts():
        words.setdefault(prompt.part or 0, []).append(prompt.words)
    names = [" + ".join(words[part])[:_WIDTH] for part in range(story.parts)]
    lines = ["The sound's schedule:", "iteration  " + "  ".join(names)]
    rows = min(_ROWS, story.length)
    for row in range(rows):
        iteration = round(row * (story.length - 1) / max(1, rows - 1))
        shares = (
            f"{story.share(part, iteration):.2f}".ljust(len(name))
            for part, name in enumerate(names)
        )
        lines.append(f"{iteration:<9}  {'  '.join(shares)}".rstrip())
    return lines + steps
