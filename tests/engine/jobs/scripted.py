"""Workers and a store in memory, for the queue's logic: a test decides what happens when."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path

from engine.events import Done, Progress
from engine.jobs.effort import Learnt
from engine.jobs.job import JobRecord
from engine.jobs.workers import Condition, Order, WorkerDiedError
from engine.request.request import ImageRequest
from engine.worker.messages import AboutJob, JobEvent, Paint, Saved
from engine.worker.status import WorkerStatus


class ScriptedWorker:
    """Has ``slots`` slots, ``loaded`` models, and ends or loses its jobs as it is told.

    ``painted`` counts how often each job was given to it.
    """

    def __init__(self, *loaded: str, slots: int = 1, load_seconds: float = 10.0) -> None:
        self.watchers: list[Callable[[], None]] = []
        self.condition: Condition = "ready"
        self.loaded = list(loaded)
        self.slots, self._seconds = slots, load_seconds
        self.painted: Counter[str] = Counter()
        self.told: list[tuple[str, str]] = []
        self.jobs: dict[str, asyncio.Queue[AboutJob | WorkerDiedError]] = {}
        self._closed = False

    def free_slots(self, request: ImageRequest, running: Sequence[ImageRequest]) -> int:
        return self.slots - len(running)

    def load_seconds(self, model: str) -> float:
        return 0.0 if model in self.loaded else self._seconds

    async def start(self) -> None:
        """It runs already."""

    async def submit(self, order: Order, hangs: int = 0) -> None:
        if self._closed:
            raise WorkerDiedError
        assert order.id not in self.jobs
        assert len(self.jobs) < self.slots or (isinstance(order, Paint) and order.grid)
        self.painted[order.id] += 1
        self.jobs[order.id] = asyncio.Queue()

    async def events(self, id: str) -> AsyncGenerator[AboutJob]:
        try:
            while True:
                message = await self.jobs[id].get()
                if isinstance(message, WorkerDiedError):
                    raise message
                yield message
        finally:
            del self.jobs[id]

    def stop(self, id: str) -> None:
        self.told.append(("stop", id))

    def cancel(self, id: str) -> None:
        self.told.append(("cancel", id))

    def steer(self, id: str, key: str, change: str) -> None:
        self.told.append((change, id))

    def status(self, model: str | None) -> WorkerStatus:
        return WorkerStatus(self.condition == "ready", None, "scripted", model, None, 1)

    async def close(self, seconds: float) -> None:
        self._closed = True
        self.die()

    # What a test has it do.

    def progress(self, iteration: int, *, saved: bool = False) -> None:
        """Report an iteration of each job, and perhaps its saved state."""
        for id, messages in self.jobs.items():
            messages.put_nowait(JobEvent(id, Progress(iteration, 10, b"", {}, 1.0)))
            if saved:
                messages.put_nowait(Saved(id, iteration))

    def finish(self, *ids: str) -> None:
        """Finish these jobs, or all that it has."""
        for id in ids or list(self.jobs):
            messages = self.jobs[id]
            messages.put_nowait(JobEvent(id, Done(b"png", 1, 1.0, 10, 32, 32)))

    def die(self, **how: bool) -> None:
        """Die; it is ready again at once."""
        for messages in self.jobs.values():
            messages.put_nowait(WorkerDiedError(**how))

    def become(self, condition: Condition) -> None:
        """Change its condition, and say so."""
        self.condition = condition
        for watcher in self.watchers:
            watcher()


class MemoryStore:
    """A JobStore that checks each transition; ``endings`` counts them by job."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.endings: Counter[str] = Counter()

    def _move(self, id: str, state: str, *before: str) -> bool:
        if self.states.get(id) not in before:
            return False
        self.states[id] = state
        self.endings[id] += state in ("rendered", "failed", "cancelled")
        return True

    async def add(self, record: JobRecord, pictures: Mapping[str, bytes]) -> None:
        self.states[record.id] = "queued"

    async def add_all(self, records: Sequence[JobRecord], pictures: Mapping[str, bytes]) -> None:
        for record in records:
            await self.add(record, pictures)

    async def attachments(self, id: str) -> dict[str, bytes]:
        await asyncio.sleep(0)
        return {}

    def state_path(self, id: str) -> Path:
        return Path("nowhere") / id

    async def bring_state(self, id: str) -> None:
        """It is there."""

    def state_saved(self, id: str) -> None:
        """Nothing follows."""

    def frames_path(self, id: str) -> Path:
        return Path("nowhere") / f"{id}.frames"

    async def learnt(self) -> Learnt:
        return Learnt()

    async def learn(self, news: Learnt) -> None:
        """Nothing is kept."""

    async def waiting(self) -> list[JobRecord]:
        return []

    async def started(self, id: str) -> bool:
        await asyncio.sleep(0)
        return self._move(id, "running", "queued", "running")

    async def requeued(self, id: str) -> bool:
        return self._move(id, "queued", "running")

    async def interrupted(self, id: str, interrupt: str) -> bool:
        await asyncio.sleep(0)
        return self.states[id] == "running"

    async def ask_owner(self, id: str, interrupt: str) -> bool:
        return False  # there is one process

    async def steer(self, id: str, key: str, change: str) -> bool:
        return self.states.get(id) == "running"

    async def steered(self, id: str, key: str, request: ImageRequest) -> bool:
        return self.states.get(id) == "running"

    async def rendered(self, id: str, done: Done) -> bool:
        await asyncio.sleep(0)
        return self._move(id, "rendered", "queued", "running")

    async def failed(self, id: str, reason: str) -> bool:
        return self._move(id, "failed", "queued", "running")

    async def cancelled(self, id: str, partial: bytes | None) -> bool:
        return self._move(id, "cancelled", "queued", "running")

    async def rendition(self, id: str) -> tuple[ImageRequest, int] | None:
        return None


async def settle() -> None:
    """Let everything happen that can; nothing of these workers and this store takes time."""
    for _ in range(40):
        await asyncio.sleep(0)
