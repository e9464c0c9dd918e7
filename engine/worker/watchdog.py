"""Receiving a worker's messages about one job, and ending a worker that has gone silent."""

from __future__ import annotations

import logging

from engine.worker.messages import AboutJob, Busy, Stepped
from engine.worker.process import Inbox, Worker
from engine.worker.timeouts import SilenceTimeout, read_within

log = logging.getLogger("engine.queue")


async def next_message(
    worker: Worker, inbox: Inbox, silence: SilenceTimeout, id: str
) -> AboutJob | None:
    """The next message about the job ``id`` besides its timing; None once the worker is dead.

    A worker that is silent for longer than ``silence`` is killed here and marked as hung.
    """
    while True:
        try:
            message = await read_within(inbox.get, silence.seconds)
        except TimeoutError:
            log.error(
                "no message from the worker for %.3g s; killing it",
                silence.seconds,
                extra={"job": id},
            )
            worker.hung = True
            await worker.kill()
            return None
        match message:
            case Busy():
                silence.busy()
            case Stepped():
                silence.stepped(message.iteration, message.seconds)
            case _:
                return message
