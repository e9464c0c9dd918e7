"""What a worker does for a time-lapse whose frames were recorded: only the video."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.events import Cancelled, Done
from engine.models import Models, Perceptor
from engine.request.request import request_from_json
from engine.worker.frames import Recording
from engine.worker.messages import JobEvent, RenderTimeLapse
from engine.worker.scores import picture_scores
from engine.worker.video_file import VideoFile
from engine.worker.worker_job import Send, WorkerJob


class RecordedVideoJob(WorkerJob):
    """A picture's time-lapse from ``recording``, which must be complete.

    It takes about a second and reports no iterations, as it makes none. A model is only loaded to
    score the picture for concepts. ``interrupt`` may be set to "cancel".
    """

    def __init__(self, order: RenderTimeLapse, recording: Recording, send: Send) -> None:
        super().__init__(order.id, request_from_json(order.request), send)
        self._order = order
        self._recording = recording
        self._added = 0
        self._began = time.perf_counter()
        self._perceptor: Perceptor | None = None
        self._video: VideoFile | None = None

    @property
    def started(self) -> bool:
        """Whether it is set up."""
        return self._video is not None

    def start(self, load: Callable[[], Models]) -> None:
        """Open the video's file."""
        if self._order.concepts:
            self._perceptor = load().perceptor
        # Of an mp4 every frame is one of the video's, of a WebP of a long painting each second.
        count = len(self._recording.frames) - 1
        self._video = VideoFile(count, loops=self.request.loop is True)

    def advance(self) -> bool:
        """Add one frame, or send the finished video."""
        video, recording = self._video, self._recording
        if self.interrupt == "cancel" or video is None:
            self._send(JobEvent(self.id, Cancelled(None)))
            return True
        picture = recording.frames[self._added].opened()
        self._added += 1
        if self._added < len(recording.frames):
            if video.wants(self._added - 1):
                video.add(picture)
            return False
        data = video.finished(picture)
        scores: dict[str, float] = {}
        if self._perceptor is not None:
            scores = picture_scores(self._perceptor, picture, self._order.concepts, self._warn)
        assert self.request.seed is not None
        done = Done(
            b"",
            self.request.seed,
            time.perf_counter() - self._began,
            0,
            recording.width,
            recording.height,
            scores=scores,
            video=data,
        )
        self._send(JobEvent(self.id, done))
        return True

    def close(self) -> None:
        """Delete the file."""
        if self._video is not None:
            self._video.close()
