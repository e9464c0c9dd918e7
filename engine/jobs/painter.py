"""Has one job painted by one worker, and stores how it ended."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Sequence

from engine.errors import EngineError
from engine.events import Cancelled, Ending, Failed
from engine.jobs.attempt import Attempt
from engine.jobs.eta import EtaEstimator
from engine.jobs.job import Job, JobStore
from engine.jobs.patience import Patience
from engine.jobs.workers import DeviceWorker, WorkerDiedError
from engine.translatable import Translatable
from engine.worker.failures import died_twice, too_many_hangs
from engine.worker.messages import Paint, RenderTimeLapse, Steered

# Of workers, on one job without progress in between. Machines are lost for reasons of their own,
# but a job could be the reason, too.
_MAX_DEATHS, _MAX_HANGS, _MAX_LOST_NODES = 2, 4, 8
_NO_PICTURE = Translatable("The picture of this time-lapse was deleted.")


class Painter:
    """Makes one attempt at a job at a time; a job can have several, each with another worker.

    ``on_progress`` is called after each event of a job. ``record_frames`` is that of PaintQueue.
    """

    def __init__(
        self,
        store: JobStore,
        estimator: EtaEstimator,
        on_progress: Callable[[], None],
        *,
        record_frames: bool,
    ) -> None:
        # The concepts that a job's finished picture is scored for; may raise EngineError.
        self.concepts_of: Callable[[Job], Awaitable[Sequence[str]]] | None = None
        self._store = store
        self._estimator = estimator
        self._on_progress = on_progress
        self._record_frames = record_frames
        self._patience = Patience()

    def close(self) -> None:
        """Give up waiting for a store that cannot be reached; see engine.jobs.patience."""
        self._patience.close()

    async def paint(self, job: Job, worker: DeviceWorker) -> Ending:
        """The job's ending; raises WorkerDiedError if the worker dies before.

        Then :meth:`after_death` tells whether the job has another attempt. Raises UnavailableError
        as :meth:`store_ending` does.
        """
        pictures = await self._patience.until_done(lambda: self._store.attachments(job.id), job.id)
        iterations = None
        if job.time_lapse_of is not None:
            rendition = await self._store.rendition(job.time_lapse_of)
            if rendition is None:
                return Failed(_NO_PICTURE)
            iterations = rendition[1]
        concepts = tuple(await self.concepts_of(job)) if self.concepts_of is not None else ()
        shown = job.time_lapse_of or job.id
        frames = str(self._store.frames_path(shown)) if self._record_frames else ""
        request = job.request.model_dump_json()
        state = str(self._store.state_path(job.id))
        if iterations is None:
            await self._patience.until_done(lambda: self._store.bring_state(job.id), job.id)
        attempt = Attempt(
            job,
            worker,
            self._estimator,
            self._on_progress,
            self._steered,
            self._store.state_saved,
        )
        return await attempt.run(
            Paint(job.id, request, pictures, state, concepts, frames, job.grid or "")
            if iterations is None
            else RenderTimeLapse(job.id, request, pictures, iterations, concepts, frames)
        )

    async def _steered(self, job: Job, message: Steered) -> None:
        """Store how a change takes effect, and with it what the job paints."""
        if message.key not in job.steering:
            return  # it was stored before
        request = job.request
        if message.steer is not None:
            step = json.loads(message.steer)
            request = request.steered(step.pop("at"), step)
        await self._patience.until_done(
            lambda: self._store.steered(job.id, message.key, request), job.id
        )
        job.request = request
        job.steered.add(message.key)
        del job.steering[message.key]

    def after_death(self, job: Job, death: WorkerDiedError) -> Ending | None:
        """The ending of a job whose worker died; None if another worker should continue it."""
        if job.interrupt == "cancel":
            return Cancelled(None)
        setbacks = job.setbacks
        if job.saved_iteration > setbacks.saved:
            setbacks.deaths = setbacks.hangs = setbacks.lost_nodes = 0
        setbacks.saved = job.saved_iteration
        if death.hung:
            setbacks.hangs += 1
        elif death.lost_node:
            setbacks.lost_nodes += 1
        else:
            setbacks.deaths += 1
        if setbacks.deaths == _MAX_DEATHS or setbacks.lost_nodes == _MAX_LOST_NODES:
            return died_twice(lost_device=death.lost_device)
        return too_many_hangs() if setbacks.hangs == _MAX_HANGS else None

    async def store_ending(self, job: Job, ending: Ending) -> bool:
        """Store how the job ended; False if another process owns it.

        Raises UnavailableError only after :meth:`close`: its picture could not be stored.
        """
        stored = await self._patience.until_done(lambda: self._store_ending(job, ending), job.id)
        news = self._estimator.news()
        if news is not None:
            with contextlib.suppress(EngineError):  # then it is learnt again
                await self._store.learn(news)
        return stored

    async def _store_ending(self, job: Job, ending: Ending) -> bool:
        if isinstance(ending, Failed):
            return await self._store.failed(job.id, ending.reason)
        if isinstance(ending, Cancelled):
            return await self._store.cancelled(job.id, ending.partial)
        return await self._store.rendered(job.id, ending)

    async def store_failure(self, job: Job, ending: Failed) -> None:
        """Store a failure if that is possible."""
        with contextlib.suppress(EngineError):
            await self._store.failed(job.id, ending.reason)
