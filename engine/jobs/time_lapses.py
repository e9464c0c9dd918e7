"""Time-lapses of finished jobs, which are painted again on request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.errors import EngineError, RequestError
from engine.events import Failed
from engine.jobs.job import JobStore
from engine.tasks import spawn
from engine.worker.messages import JobEvent, RenderTimeLapse, TimeLapseRendered
from engine.worker.process import Worker
from engine.worker.timeouts import SilenceTimeout
from engine.worker.watchdog import next_message

_ATTEMPTS = 2


class TimeLapses:
    """Renders time-lapses; several requests for the same one share the work.

    ``get_worker`` returns a living worker; one that is silent for ``silence`` seconds is killed
    (see engine.worker.timeouts).
    """

    def __init__(
        self, store: JobStore, get_worker: Callable[[], Awaitable[Worker]], silence: float
    ) -> None:
        self._store = store
        self._get_worker = get_worker
        self._silence = silence
        self._rendering: dict[str, asyncio.Task[bytes]] = {}

    @property
    def busy(self) -> bool:
        """Whether one is being rendered."""
        return bool(self._rendering)

    async def render(self, job_id: str) -> bytes:
        """The mp4 file's bytes of a rendered job.

        Raises RequestError if it has no picture, EngineError if no worker could render it.
        """
        if job_id not in self._rendering:
            task = spawn(self._render(job_id), f"time-lapse {job_id}")
            task.add_done_callback(lambda task: self._rendering.pop(job_id, None))
            self._rendering[job_id] = task
        # Shielded: others may wait for the same one when this caller is cancelled.
        return await asyncio.shield(self._rendering[job_id])

    def cancel(self) -> None:
        """Cancel all that are being rendered."""
        for task in self._rendering.values():
            task.cancel()

    async def _render(self, job_id: str) -> bytes:
        rendition = await self._store.rendition(job_id)
        if rendition is None:
            raise RequestError("There is no picture of that job to make a time-lapse of.")
        request, iterations = rendition
        pictures = await self._store.attachments(job_id)
        inbox_id = f"time-lapse-{job_id}"
        for _ in range(_ATTEMPTS):
            worker = await self._get_worker()
            inbox = worker.open(inbox_id)
            timeout = SilenceTimeout(self._silence)
            try:
                worker.send(
                    RenderTimeLapse(inbox_id, request.model_dump_json(), pictures, iterations)
                )
                message = await next_message(worker, inbox, timeout, job_id)
            finally:
                worker.close_inbox(inbox_id)
            if isinstance(message, TimeLapseRendered):
                return message.video
            if isinstance(message, JobEvent) and isinstance(message.event, Failed):
                raise EngineError(message.event.reason)
        raise EngineError(
            "The painting process crashed on the time-lapse twice, so it was "
            "stopped; the picture itself is safe."
        )
