"""Runs that were interrupted, beside those that were not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.common.stage import resume, run_stage


def whole_and_resumed(
    make: Callable[[], Any], name: str, folder: Path, *, first: int, steps: int
) -> tuple[Any, Any]:
    """A trainer after ``steps``, and one that took over from another after the ``first`` of them.

    The second one's state is in ``folder`` / "parts".
    """

    def run(trainer: Any, where: str, until: int) -> None:
        run_stage(trainer, name, folder / where, minutes=5, steps=until, tell=lambda _: None)

    whole = make()
    run(whole, "whole", steps)
    run(make(), "parts", first)
    resumed = make()
    resume(resumed, name, folder / "parts")
    assert resumed.iteration == first
    run(resumed, "parts", steps)
    return whole, resumed
