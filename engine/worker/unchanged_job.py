"""What a worker does for an edit with strength 0: it returns the picture itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from engine.events import Cancelled, Done
from engine.models import Models
from engine.painting.unchanged import unchanged_picture
from engine.pictures.colours import over_white
from engine.pictures.writing import picture_texts, png_bytes
from engine.request.limits import MAX_SEED
from engine.request.request import ImageRequest
from engine.version import version
from engine.worker.messages import Busy, JobEvent, Paint
from engine.worker.scores import picture_scores
from engine.worker.worker_job import Send, WorkerJob


class UnchangedJob(WorkerJob):
    """An edit that changes nothing. A model is only loaded to score the picture for concepts.

    ``interrupt`` may be set to "stop" or "cancel", as a PaintJob's.
    """

    def __init__(self, order: Paint, request: ImageRequest, send: Send) -> None:
        super().__init__(order.id, request, send)
        self._order = order
        self._load: Callable[[], Models] | None = None

    @property
    def started(self) -> bool:
        """Whether it is set up."""
        return self._load is not None

    def start(self, load: Callable[[], Models]) -> None:
        """Remember where the models come from."""
        self._load = load

    def advance(self) -> bool:
        """Send the picture, or that the job was cancelled."""
        if self.interrupt == "cancel":
            self._send(JobEvent(self.id, Cancelled(None)))
            return True
        self._send(Busy())  # a large picture takes seconds
        picture = unchanged_picture(self.request, self._order.pictures)
        scores: dict[str, float] = {}
        if self._order.concepts and self._load is not None:
            perceptor, shown = self._load().perceptor, over_white(picture.image)
            scores = picture_scores(perceptor, shown, self._order.concepts, self._warn)
        seed = self.request.seed
        seed = secrets.randbelow(MAX_SEED + 1) if seed is None else seed
        facts = {"seed": seed, "model": self.request.networks, "imagine-bot": version()}
        texts = picture_texts(self.request, {**facts, "job": self.id})
        done = Done(
            png_bytes(picture.image, texts),
            seed,
            0.0,
            0,
            picture.image.width,
            picture.image.height,
            picture.remarks,
            scores=scores,
        )
        self._send(JobEvent(self.id, done))
        return True
