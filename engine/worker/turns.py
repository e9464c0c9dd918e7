"""Which of a worker's jobs are stepped next, and how many together."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Hashable, Sequence

from engine.models.free_memory import free_bytes
from engine.painting.batch import most_together, shape_of
from engine.painting.synthesis import Synthesis
from engine.worker.jobs import PaintJob
from engine.worker.worker_job import WorkerJob

MOST = 16
"""Jobs of one worker."""

_WARM_UP, _SAMPLES = 3, 9  # steps of a width before and while its speed is measured
_GAIN = 1.05  # of the throughput, for which twice as many jobs are worth it
_REMEMBERED = 64  # shapes


class Turns:
    """The turns of jobs, of which up to ``slots`` are painted at once.

    Jobs of one shape take their turns together, others one after the other. Those of one grid are
    painted at once even if there are more than ``slots``. ``slots`` None lets
    the number grow for as long as twice the jobs have at least 1.05 times the throughput. With
    ``check_memory`` no more are stepped together than fit into the free memory.
    """

    def __init__(self, slots: int | None, check_memory: bool = True) -> None:
        self._fixed = slots
        self._check_memory = check_memory
        self._clock = 0
        self._last: dict[str, int] = {}  # the turn that each job had last, by its id
        self._widths: dict[Hashable, Widths] = {}
        self._fitting: dict[Hashable, int] = {}
        self._ids: frozenset[str] = frozenset()
        self.slots = 1 if slots is None else slots

    def next(self, jobs: Sequence[WorkerJob]) -> list[WorkerJob]:
        """The jobs, in order of arrival, of which those with the next turn are returned.

        Several are all PaintJobs that are due for a step, of one shape.
        """
        most = MOST if self._fixed is None else self._fixed
        painted = [job for job in jobs if not job.brief]
        grids = {job.grid for job in painted[:most]} - {""}
        active = [job for i, job in enumerate(painted) if i < most or job.grid in grids]
        active += [job for job in jobs if job.brief]
        ids = frozenset(job.id for job in active)
        if ids != self._ids:
            self._ids = ids
            self._fitting.clear()  # there is more or less memory for those that stay
            self._last = {id: turn for id, turn in self._last.items() if id in ids}
        shapes = [None if (due := _due(job)) is None else shape_of(due) for job in active]
        if self._fixed is None:
            limits = [
                min(self._limit(shape), self._fitting.get(shape, MOST))
                for shape in shapes
                if shape is not None
            ]
            self.slots = max(limits, default=self.slots)
        waiting = sorted(
            zip(active, shapes, strict=True), key=lambda each: self._last.get(each[0].id, 0)
        )
        chosen = self._together(waiting)
        self._clock += 1
        self._last.update((job.id, self._clock) for job in chosen)
        return chosen

    def _together(self, jobs: Sequence[tuple[WorkerJob, Hashable | None]]) -> list[WorkerJob]:
        """Those of the jobs, each with its shape, that share the turn of the first."""
        first, shape = jobs[0]
        painting = _due(first)
        if shape is None or painting is None:
            return [first]
        alike = [job for job, other in jobs if other == shape]
        width = min(self._limit(shape), len(alike))
        if width > 1 and self._check_memory:
            if shape not in self._fitting:
                free = free_bytes(painting.latent.z.device)
                self._fitting[shape] = most_together(painting, free)
            width = min(width, self._fitting[shape])
        return alike[:width]

    def _limit(self, shape: Hashable) -> int:
        widths = self._of(shape)
        return min(widths.cap, widths.limit() if self._fixed is None else MOST)

    def _of(self, shape: Hashable) -> Widths:
        if shape not in self._widths:
            while len(self._widths) >= _REMEMBERED:
                del self._widths[next(iter(self._widths))]
            self._widths[shape] = Widths()
        return self._widths[shape]

    def took(self, shape: Hashable | None, width: int, seconds: float) -> None:
        """Learn how long one step of ``width`` jobs took."""
        if self._fixed is None and shape is not None:
            self._of(shape).measured(width, seconds)

    def failed(self, shape: Hashable | None, width: int, *, memory: bool) -> None:
        """Step fewer jobs of this shape together: half, or one if it was not for ``memory``."""
        if shape is not None:
            self._of(shape).cap = max(1, width // 2) if memory else 1


def _due(job: WorkerJob) -> Synthesis | None:
    return job.due() if isinstance(job, PaintJob) and job.started else None


class Widths:
    """What is known of steps of one shape: the seconds by width, and the most that works."""

    def __init__(self) -> None:
        self.cap = MOST
        self._taken: dict[int, deque[float]] = {}
        self._steps: dict[int, int] = {}

    def measured(self, width: int, seconds: float) -> None:
        """Learn that a step of ``width`` took this long."""
        self._steps[width] = self._steps.get(width, 0) + 1
        if self._steps[width] > _WARM_UP:
            self._taken.setdefault(width, deque(maxlen=_SAMPLES)).append(seconds)

    def limit(self) -> int:
        """The width that is worth it, or is to be tried next."""
        width = 1
        while width < MOST:
            now, double = self._throughput(width), self._throughput(2 * width)
            if now is None:
                return width
            if double is None:
                return 2 * width
            if double < _GAIN * now:
                return width
            width *= 2
        return width

    def _throughput(self, width: int) -> float | None:
        """Jobs stepped in a second; None before it is measured."""
        taken = self._taken.get(width, ())
        return width / statistics.median(taken) if len(taken) == _SAMPLES else None
