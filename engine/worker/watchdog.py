"""Hearing what a worker says of one job, and ending the worker that has fallen silent."""

from __future__ import annotations

import logging

from engine.worker.messages import AboutJob, Busy, Stepped, Turned
from engine.worker.process import Inbox, Worker
from engine.worker.timeouts import Patience, patiently

log = logging.getLogger("engine.queue")


async def hear(worker: Worker, inbox: Inbox, patience: Patience, id: str) -> AboutJob | None:
    """The next thing ``worker`` says of the job ``id``; None once the worker is gone.

    One that says nothing for longer than ``patience`` has is ended here, and marked as hung.
    """
    while True:
        try:
            message = await patiently(inbox.get, patience.seconds)
        except TimeoutError:
            log.error("the worker has been silent for %.3g s; it is ended", patience.seconds,
                      extra={"job": id})
            worker.hung = True
            await worker.kill()
            return None
        match message:
            case Busy():
                patience.busy()
            case Turned():
                patience.stepped(message.iteration, message.seconds)
            case Stepped():
                patience.stepped(message.iteration, message.seconds)
                return message
            case _:
                return message
