"""Background tasks of the event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def spawn(coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Start ``coroutine`` as a task called ``name``, in an empty context.

    Such a task serves every job, so it must not inherit what the caller has in its context, for
    example the id of the job that is logged. The caller keeps the task: the event loop holds only
    a weak reference to it.
    """
    loop = asyncio.get_running_loop()
    return loop.create_task(coroutine, name=name, context=contextvars.Context())
