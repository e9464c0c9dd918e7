"""What a worker does for a time-lapse whose frames were not recorded: paint the picture again."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from PIL import Image

from engine.errors import RequestError
from engine.events import Cancelled, Done, Progress
from engine.models import Models
from engine.painting.iterate import Iterate
from engine.painting.pipeline import prepare
from engine.painting.synthesis import Synthesis
from engine.request.request import request_from_json
from engine.worker.encoder import AtOnce, Encoder, encoder_for
from engine.worker.messages import JobEvent, RenderTimeLapse, Started, WorkerSettings
from engine.worker.scores import scores_of
from engine.worker.step_reporter import StepReporter
from engine.worker.video_file import VideoFile
from engine.worker.worker_job import Send, WorkerJob


class TimeLapseJob(WorkerJob):
    """A picture's time-lapse. The picture is painted again, bit for bit the same.

    ``interrupt`` may be set to "cancel"; a time-lapse cannot be stopped early.
    """

    def __init__(self, order: RenderTimeLapse, settings: WorkerSettings, send: Send) -> None:
        super().__init__(order.id, request_from_json(order.request), send)
        self._settings = settings
        self._told = -float("inf")
        self._order = order
        self._synthesis: Synthesis | None = None
        self._video: VideoFile | None = None
        self._reporter = StepReporter(order.id, send)
        self._encoder: Encoder = AtOnce()

    @property
    def started(self) -> bool:
        """Whether it is set up."""
        return self._synthesis is not None

    def start(self, load: Callable[[], Models]) -> None:
        """Make its Synthesis, and open the video's file."""
        if self.interrupt == "cancel":
            return
        if self.request.changes_nothing:
            raise RequestError("Strength 0 changes nothing, so there is no time-lapse.")
        pictures, check = self._order.pictures, self._settings.check_memory
        self._synthesis = prepare(self.request, load(), pictures, check_memory=check)
        self._encoder = encoder_for(self._synthesis.latent.z.device)
        recipe = self._synthesis.recipe
        loops = self.request.loop is True
        self._video = VideoFile(self._order.iterations, recipe.frame_unit, loops=loops)
        self._reporter.begin()
        self._send(
            Started(
                self.id,
                self._order.iterations,
                recipe.width,
                recipe.height,
                recipe.augmentation.count,
            )
        )

    def advance(self) -> bool:
        """One iteration and its frame, or the finished video."""
        synthesis, video = self._synthesis, self._video
        if self.interrupt == "cancel" or synthesis is None:
            self._send(JobEvent(self.id, Cancelled(None)))
            return True
        assert video is not None
        if synthesis.iteration < self._order.iterations:
            iterate = synthesis.step()
            self._reporter.stepped(iterate)
            self._tell(iterate)
            if video.wants(iterate.iteration):
                self._encoder.submit(partial(_add, video, iterate.sent()))
            return False
        self._encoder.drain()
        last = synthesis.look()
        shown = last.to_pil()
        data = video.finished(shown)
        recipe = synthesis.recipe
        done = Done(
            b"",
            synthesis.seed,
            synthesis.seconds,
            synthesis.iteration,
            recipe.width,
            recipe.height,
            scores=scores_of(synthesis.perceptor, last, shown, self._order.concepts, self._warn),
            video=data,
        )
        self._send(JobEvent(self.id, done))
        return True

    def _tell(self, iterate: Iterate) -> None:
        """Send how far it is, without a preview, as often as a picture's previews."""
        now = time.monotonic()
        if iterate.iteration == 0 or now - self._told < self._settings.preview_every:
            return
        self._told = now
        left = self._order.iterations - iterate.iteration
        eta = self._reporter.seconds_each(iterate) * left
        self._send(
            JobEvent(self.id, Progress(iterate.iteration, self._order.iterations, b"", {}, eta))
        )

    def close(self) -> None:
        """Delete the file."""
        self._encoder.close()
        if self._video is not None:
            self._video.close()


def _add(video: VideoFile, picture: Callable[[], Image.Image]) -> None:
    video.add(picture())
