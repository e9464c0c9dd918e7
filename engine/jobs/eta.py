"""How long a job will take, from how long others took."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable

from engine.jobs.effort import Effort, Learnt
from engine.jobs.job import Job
from engine.request.recipe import PRESETS
from engine.request.request import ImageRequest

# Seconds an iteration before anything is measured. On two CPU cores the small models paint a
# picture of 128 px in these; 1 s is between a CPU (6 s) and a GPU (0.5 s) for the published ones.
_FIRST_GUESS = {
    "drawn": 0.1,
    "natural": 0.5,
    "natural-fourier": 0.4,
    "natural-pixels": 0.4,
    "natural-curves": 0.6,
}
_FIRST_GUESS_OTHERS = 1.0
# The share of an iteration's time that grows with the picture's pixels; the rest grows with the
# cutouts. Measured at 256x256 with 32 cutouts on a CPU.
_PIXELS_SHARE = 0.3
_NEWEST_COUNTS = 0.3  # least weight of the newest measurement in the average of all of them
_NEWS = 0.1  # the change of a speed that is worth keeping
_OTHER_DEVICE = 4.0  # the change of a speed that only another device or setting explains


class EtaEstimator:
    """Learns seconds per iteration, and the sizes that requests without a size turn out to have.

    An effort that was never measured is estimated from the nearest effort of the same model,
    scaled by pixels and cutouts; if the model was never measured, it is a fixed guess. What an
    earlier process learnt (:meth:`restore`) counts like its own measurements until one of them
    shows another device: then the model's others are forgotten.
    """

    def __init__(self) -> None:
        self._seconds: dict[Effort, float] = {}
        self._sizes: dict[tuple[object, ...], tuple[Effort, int]] = {}
        self._measured: dict[Effort, int] = {}  # how often; what was restored counts as once
        self._restored: set[Effort] = set()
        self._kept: dict[Effort, float] = {}
        self._new_sizes: dict[tuple[object, ...], tuple[Effort, int]] = {}
        self._outdated: dict[str, None] = {}

    @staticmethod
    def _key(request: ImageRequest) -> tuple[object, ...]:
        return (*kind_of(request), request.iterations, request.more, request.strength)

    def learn_size(self, request: ImageRequest, effort: Effort, iterations: int) -> None:
        """Record what ``request`` amounts to, as its worker reports."""
        key, size = self._key(request), (effort, iterations)
        if self._sizes.get(key) != size:
            self._sizes[key] = self._new_sizes[key] = size

    def learn_speed(self, effort: Effort, seconds: float) -> None:
        """Record that an iteration took ``seconds`` on average over one job."""
        before = self._seconds.get(effort)
        if effort in self._restored and before is not None:
            self._restored.discard(effort)
            if not 1 / _OTHER_DEVICE < seconds / before < _OTHER_DEVICE:
                self._forget_restored(effort.model)
                before = None
        if before is None:
            before, self._measured[effort] = seconds, 0
        self._measured[effort] += 1
        weight = max(_NEWEST_COUNTS, 1 / self._measured[effort])
        self._seconds[effort] = before + weight * (seconds - before)

    def _forget_restored(self, model: str) -> None:
        """Forget what was restored of a model and not measured since."""
        for other in [each for each in self._restored if each.model == model]:
            del self._seconds[other]
        self._restored = {each for each in self._restored if each.model != model}
        self._outdated[model] = None
        # What was measured is kept again, because the rows of the model are deleted.
        self._kept = {each: kept for each, kept in self._kept.items() if each.model != model}

    def restore(self, learnt: Learnt) -> None:
        """Take over what was kept of an earlier estimator's :meth:`news`; what is known stays."""
        for effort, seconds in learnt.speeds:
            if effort not in self._seconds:
                self._seconds[effort] = self._kept[effort] = seconds
                self._measured[effort] = 1
                self._restored.add(effort)
        for said, effort, iterations in learnt.sizes:
            self._sizes.setdefault(tuple(json.loads(said)), (effort, iterations))

    def news(self) -> Learnt | None:
        """Return what was learnt and not returned before, for :meth:`restore`; None for nothing.

        A speed is new again once it is a tenth larger or smaller.
        """
        speeds = {
            effort: seconds
            for effort, seconds in self._seconds.items()
            if abs(seconds - self._kept.get(effort, 0.0)) > _NEWS * self._kept.get(effort, 0.0)
        }
        news = Learnt(
            tuple(speeds.items()),
            tuple((json.dumps(key), *size) for key, size in self._new_sizes.items()),
            tuple(self._outdated),
        )
        self._kept |= speeds
        self._new_sizes.clear()
        self._outdated.clear()
        return None if news == Learnt() else news

    def effort(self, request: ImageRequest) -> tuple[Effort, int]:
        """The effort of an iteration and the number of iterations, measured or estimated."""
        known = self._sizes.get(self._key(request))
        if known is not None:
            return known
        recipe = PRESETS[request.preset]
        similar = next(
            (
                value
                for key, value in self._sizes.items()
                if key[:2] == (request.networks, request.preset)
            ),
            None,
        )
        width, height, cutouts, iterations = (
            (recipe.width, recipe.height, recipe.augmentation.count, recipe.iterations)
            if similar is None
            else (similar[0].width, similar[0].height, similar[0].cutouts, similar[1])
        )
        if request.width or request.height:
            width = request.width or request.height or width
            height = request.height or width
        elif request.pixels:
            width = height = round(request.pixels**0.5)
        return (
            Effort(request.networks, width, height, request.cutouts or cutouts),
            request.iterations or iterations,
        )

    def seconds_per_iteration(self, effort: Effort) -> float:
        """Measured, scaled from a similar effort, or guessed."""
        exact = self._seconds.get(effort)
        if exact is not None:
            return exact
        nearest, smallest = None, float("inf")
        for other in self._seconds:
            ratio = _cost(effort) / _cost(other)
            if other.model == effort.model and max(ratio, 1 / ratio) < smallest:
                nearest, smallest = other, max(ratio, 1 / ratio)
        if nearest is not None:
            return self._seconds[nearest] * _cost(effort) / _cost(nearest)
        return _FIRST_GUESS.get(effort.model, _FIRST_GUESS_OTHERS * _cost(effort))

    def seconds(self, request: ImageRequest) -> float:
        """Seconds of painting for the whole job."""
        if request.changes_nothing:
            return 0.0
        effort, iterations = self.effort(request)
        return (iterations + request.longer) * self.seconds_per_iteration(effort)

    def seconds_left(self, job: Job) -> float:
        """Seconds of painting that are left of ``job``, measured or estimated."""
        left = job.seconds_left
        return self.seconds(job.request) if left is None else left


def kind_of(request: ImageRequest) -> tuple[object, ...]:
    """What requests have in common whose pictures have one shape, edits perhaps not.

    It begins with the model and the preset.
    """
    return (
        request.networks,
        request.preset,
        request.width,
        request.height,
        request.aspect,
        request.pixels,
        request.cutouts,
        request.init_image is None,
    )


def finish_times(running: Iterable[float], waiting: Iterable[float], devices: int) -> list[float]:
    """Seconds until each waiting job is finished, if they start in this order.

    ``running`` are the seconds of work left on each device that paints;
    ``waiting`` are the seconds of painting of those that wait.
    """
    free = list(running)
    free += [0.0] * max(devices - len(free), 0 if free else 1)
    heapq.heapify(free)
    times = []
    for seconds in waiting:
        times.append(free[0] + seconds)
        heapq.heapreplace(free, times[-1])
    return times


def _cost(effort: Effort) -> float:
    return (
        _PIXELS_SHARE * effort.width * effort.height / 256**2
        + (1 - _PIXELS_SHARE) * effort.cutouts / 32
    )
