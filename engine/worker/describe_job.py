"""What a worker does for a picture that is to be described; it is not painted."""

from __future__ import annotations

from collections.abc import Callable, Generator

from engine.events import Cancelled
from engine.models import Models
from engine.painting.describing import Description, describing
from engine.pictures.reading import read_picture
from engine.request.request import request_from_json
from engine.worker.messages import Busy, Describe, Described, JobEvent
from engine.worker.small_pictures import small_tensor
from engine.worker.worker_job import Send, WorkerJob


class DescribeJob(WorkerJob):
    """A few texts a turn, so that jobs that are painted meanwhile go on.

    ``interrupt`` may be set to "stop" or "cancel", which mean the same.
    """

    brief = True

    def __init__(self, order: Describe, send: Send) -> None:
        super().__init__(order.id, request_from_json(order.request), send)
        self._order = order
        self._work: Generator[None, None, Description] | None = None

    @property
    def started(self) -> bool:
        """Whether it is set up."""
        return self._work is not None

    def start(self, load: Callable[[], Models]) -> None:
        """Load the model, and read the picture."""
        (data,) = self._order.pictures.values()
        picture = read_picture(data)
        self._work = describing(load().perceptor, small_tensor(picture))

    def advance(self) -> bool:
        """Encode some texts, or send what was found."""
        if self.interrupt is not None or self._work is None:
            self._send(JobEvent(self.id, Cancelled(None)))
            return True
        self._send(Busy())
        try:
            next(self._work)
        except StopIteration as end:
            found: Description = end.value
            self._send(Described(self.id, found.prompts, found.words))
            return True
        return False
