"""Having a picture described by a worker, next to what it paints; nothing of it is stored."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping, Sequence

from engine.errors import EngineError
from engine.events import Failed
from engine.jobs.workers import DeviceWorker, WorkerDiedError
from engine.request.request import ImageRequest
from engine.translatable import Translatable
from engine.worker.messages import Describe, Described, JobEvent

_LOST = Translatable("The picture couldn't be described just now; try again in a minute.")
_ORDER = ("ready", "starting", "broken")


async def describe(
    workers: Sequence[DeviceWorker], request: ImageRequest, pictures: Mapping[str, bytes]
) -> Described:
    """Describe the picture to paint like of ``request``, by the perceptor of its model.

    The worker is one that has the model loaded, if there is one. Raises EngineError if none can do
    it, or it dies meanwhile. If this is cancelled, the worker drops it.
    """

    def rank(worker: DeviceWorker) -> tuple[int, float]:
        return _ORDER.index(worker.condition), worker.load_seconds(request.networks)

    worker = min(workers, key=rank, default=None)
    if worker is None:
        raise EngineError(_LOST)
    order = Describe(uuid.uuid4().hex, request.model_dump_json(), pictures)
    try:
        await worker.submit(order)
        async with contextlib.aclosing(worker.events(order.id)) as messages:
            try:
                async for message in messages:
                    if isinstance(message, Described):
                        return message
                    if isinstance(message, JobEvent) and isinstance(message.event, Failed):
                        raise EngineError(message.event.reason)
            except BaseException:
                worker.cancel(order.id)
                raise
    except (WorkerDiedError, OSError):
        raise EngineError(_LOST) from None
    raise EngineError(_LOST)
