"""Runs a function in a new process, so that neither its memory nor its imports count here."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_apart(function: Callable[..., Result], *arguments: Any) -> Result:
    """What ``function`` returns; it and the arguments must be picklable."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()
