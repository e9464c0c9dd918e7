"""What all jobs of a worker have in common."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from engine.models import Models
from engine.request.request import ImageRequest
from engine.worker.messages import AboutJob, Busy, Logged

Send = Callable[[AboutJob | Busy | Logged], None]


class WorkerJob(ABC):
    """A job that a worker can step, and that answers through ``send``.

    ``interrupt`` is set to "stop" or "cancel" when that is asked for. One that is ``brief`` gets
    its turns next to the jobs that are painted, instead of waiting for one of them to end.
    """

    brief: ClassVar[bool] = False

    def __init__(self, id: str, request: ImageRequest, send: Send) -> None:
        self.id = id
        self.request = request
        self.interrupt: str | None = None
        self.grid = ""  # the id of the grid that it belongs to, if any
        # Changes that were asked for, by their keys, and are not made yet.
        self.asked: dict[str, str] = {}
        self._send = send

    @property
    @abstractmethod
    def started(self) -> bool:
        """Whether :meth:`start` has set it up."""

    @abstractmethod
    def start(self, load: Callable[[], Models]) -> None:
        """Set up with the models that ``load`` returns; raises EngineError if it cannot."""

    @abstractmethod
    def advance(self) -> bool:
        """Do one iteration; True if the job is over and its outcome was sent."""

    def take_steering(self) -> bool:
        """Make the changes that were ``asked`` for; True if the job is over. By default none."""
        self.asked.clear()
        return False

    def save(self) -> None:
        """Keep what a later process can continue from; by default nothing: it starts again."""
        return

    def close(self) -> None:
        """Clean up, whether or not it succeeded; by default there is nothing."""
        return

    def _warn(self, text: str) -> None:
        self._send(Logged(self.id, logging.WARNING, text))
