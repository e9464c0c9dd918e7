"""How long a job will take, from how long others took."""

from __future__ import annotations

from dataclasses import dataclass

from engine.request.recipe import PRESETS
from engine.request.request import ImageRequest

# On the two cores this was written on: the small models paint a picture of 128 px in about
# 0.1 s an iteration; 1 s is between a CPU (6 s) and a GPU (.5 s) with the published ones.
_FIRST_GUESS = {"drawn": 0.1, "natural": 0.5, "natural-fourier": 0.4}
_FIRST_GUESS_OTHERS = 1.0
# How much of an iteration goes with the picture's pixels, the rest going with the cutouts:
# design figures at 256x256 with 32 cutouts on a CPU.
_PIXELS_SHARE = 0.3
_NEWEST_COUNTS = 0.3


@dataclass(frozen=True)
class Effort:
    """What an iteration's time depends on; sizes in pixels."""

    model: str
    width: int
    height: int
    cutouts: int


class Pace:
    """Seconds an iteration by effort, and what requests that leave numbers open came to.

    Where an effort was never measured, the nearest of the same model is scaled to it by pixels
    and cutouts; where the model was not either, it is a guess.
    """

    def __init__(self) -> None:
        self._seconds: dict[Effort, float] = {}
        self._open: dict[tuple[object, ...], tuple[Effort, int]] = {}

    @staticmethod
    def _key(request: ImageRequest) -> tuple[object, ...]:
        return (request.model, request.preset, request.width, request.height, request.aspect,
                request.cutouts, request.iterations, request.more, request.init_image is None,
                request.strength)

    def learn_size(self, request: ImageRequest, effort: Effort, iterations: int) -> None:
        """What ``request`` really asks for, once its model was there to tell."""
        self._open[self._key(request)] = (effort, iterations)

    def learn(self, effort: Effort, seconds: float) -> None:
        """An iteration took ``seconds``, on average over a while."""
        before = self._seconds.get(effort)
        self._seconds[effort] = seconds if before is None else (
            before + _NEWEST_COUNTS * (seconds - before))

    def effort(self, request: ImageRequest) -> tuple[Effort, int]:
        """The effort of an iteration and how many there will be, as far as known."""
        known = self._open.get(self._key(request))
        if known is not None:
            return known
        recipe = PRESETS[request.preset]
        like = next((value for key, value in self._open.items()
                     if key[:2] == (request.model, request.preset)), None)
        width, height, cutouts, iterations = (
            (recipe.width, recipe.height, recipe.augmentation.count, recipe.iterations)
            if like is None else (like[0].width, like[0].height, like[0].cutouts, like[1]))
        if request.width or request.height:
            width = request.width or request.height or width
            height = request.height or width
        return (Effort(request.model, width, height, request.cutouts or cutouts),
                request.iterations or iterations)

    def seconds_per_iteration(self, effort: Effort) -> float:
        """Measured, scaled or guessed."""
        exact = self._seconds.get(effort)
        if exact is not None:
            return exact
        nearest, least = None, float("inf")
        for other in self._seconds:
            ratio = _cost(effort) / _cost(other)
            if other.model == effort.model and max(ratio, 1 / ratio) < least:
                nearest, least = other, max(ratio, 1 / ratio)
        if nearest is not None:
            return self._seconds[nearest] * _cost(effort) / _cost(nearest)
        return _FIRST_GUESS.get(effort.model, _FIRST_GUESS_OTHERS * _cost(effort))

    def seconds(self, request: ImageRequest) -> float:
        """The whole job's time."""
        effort, iterations = self.effort(request)
        return iterations * self.seconds_per_iteration(effort)


def _cost(effort: Effort) -> float:
    return (_PIXELS_SHARE * effort.width * effort.height / 256**2
            + (1 - _PIXELS_SHARE) * effort.cutouts / 32)
