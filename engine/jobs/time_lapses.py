"""Time-lapses of rendered jobs, painted again when somebody asks for one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.errors import EngineError, RequestError
from engine.jobs.job import JobStore
from engine.tasks import spawn
from engine.worker.messages import Film, Filmed, Refused
from engine.worker.process import Worker
from engine.worker.timeouts import Patience
from engine.worker.watchdog import hear

_TRIES = 2


class Films:
    """Makes each time-lapse once, however many ask for it.

    ``worker_up`` gives a living worker; one that says nothing for ``silence`` seconds is ended
    (see engine.worker.timeouts).
    """

    def __init__(self, store: JobStore, worker_up: Callable[[], Awaitable[Worker]],
                 silence: float) -> None:
        self._store = store
        self._worker_up = worker_up
        self._silence = silence
        self._making: dict[str, asyncio.Task[bytes]] = {}

    @property
    def busy(self) -> bool:
        """Whether one is being made."""
        return bool(self._making)

    async def make(self, job_id: str) -> bytes:
        """The mp4 file's bytes of a rendered job.

        Raises RequestError where there is no picture of it, EngineError where no worker could.
        """
        if job_id not in self._making:
            film = spawn(self._make(job_id), f"film {job_id}")
            film.add_done_callback(lambda task: self._making.pop(job_id, None))
            self._making[job_id] = film
        # Two who ask wait for the same one; the first to lose patience takes it from nobody.
        return await asyncio.shield(self._making[job_id])

    def cancel(self) -> None:
        """Give up all that are being made."""
        for film in self._making.values():
            film.cancel()

    async def _make(self, job_id: str) -> bytes:
        rendition = await self._store.rendition(job_id)
        if rendition is None:
            raise RequestError("There is no picture of that job to make a time-lapse of.")
        request, iterations = rendition
        pictures = await self._store.attachments(job_id)
        name = f"film-{job_id}"
        for _ in range(_TRIES):
            worker = await self._worker_up()
            inbox = worker.open(name)
            try:
                worker.send(Film(name, request.model_dump_json(), pictures, iterations))
                message = await hear(worker, inbox, Patience(self._silence), job_id)
            finally:
                worker.close_inbox(name)
            if isinstance(message, Filmed):
                return message.video
            if isinstance(message, Refused):
                raise EngineError(message.reason)
        raise EngineError("The time-lapse stopped the painting process twice, so it was given up; "
                          "the picture itself is kept.")
