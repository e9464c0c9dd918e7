"""Background tasks of the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


def spawn(coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Start ``coroutine`` as a task called ``name``, in an empty context.

    Such a task serves every job, so it must not inherit what the caller has in its context, for
    example the id of the job that is logged. The caller keeps the task: the event loop holds only
    a weak reference to it. An error that ends the task is logged at once, since the caller may look
    at the task only when it closes.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(coroutine, name=name, context=contextvars.Context())
    task.add_done_callback(_log_error)
    return task


def _log_error(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("The background task %r ended with an error.", task.get_name(), exc_info=error)
