"""One request as it reaches the gate: who asks, where, by which way in, and for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.requests.continuation import Continuation
from bot.requests.origin import Origin
from bot.requests.picture import Picture
from bot.requests.time_lapse import TimeLapse
from engine.request.request import ImageRequest


@dataclass(frozen=True)
class Asking:
    """A member's finished request.

    ``origin`` is the member, the place and the way in. The request names its ``pictures`` by
    SHA-256; those that the store already has can be left out. ``continues`` says whose painting
    goes on, ``shows`` whose time-lapse is asked for, instead of a new picture.
    """

    origin: Origin
    request: ImageRequest
    pictures: Sequence[Picture] = ()
    continues: Continuation | None = None
    shows: TimeLapse | None = None

    @property
    def work(self) -> ImageRequest:
        """The request that limits are checked against: what is left to paint."""
        part = self.continues or self.shows
        return self.request if part is None else part.work

    @property
    def is_fixed(self) -> bool:
        """Whether nothing can be filled in, because its picture is painted or half painted."""
        return self.continues is not None or self.shows is not None
