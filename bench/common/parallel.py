"""Runs a function for many jobs in several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def _pool(workers: int) -> ProcessPoolExecutor:
    # With fork, models that this process has loaded are shared and not loaded again.
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork"))


def run_parallel(
    function: Callable[[Job], Result], jobs: Iterable[Job], workers: int
) -> list[Result]:
    """The results in the order of ``jobs``."""
    with _pool(workers) as pool:
        return list(pool.map(function, jobs))


def run_as_completed(
    function: Callable[[Job], Result], jobs: Iterable[Job], workers: int
) -> Iterator[Result]:
    """Yield each result as soon as it is there, in any order."""
    with _pool(workers) as pool:
        for future in as_completed([pool.submit(function, job) for job in jobs]):
            yield future.result()
