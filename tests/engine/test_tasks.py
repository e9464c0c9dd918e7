"""Background tasks: what ends one is said at once, and nothing of their caller is inherited."""

import asyncio
import contextvars

import pytest

from engine.tasks import spawn


async def fail() -> None:
    raise LookupError("no such job")


async def test_an_error_that_ends_a_task_is_logged_before_anyone_asks(caplog):
    task = spawn(fail(), "upkeep")
    await asyncio.wait([task])
    await asyncio.sleep(0)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "'upkeep'" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is task.exception()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_nothing_is_said_of_a_task_that_ends_as_it_should(caplog, cancelled):
    task = spawn(asyncio.sleep(60 if cancelled else 0), "upkeep")
    await asyncio.sleep(0)
    if cancelled:
        task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert not caplog.records


async def test_a_task_has_nothing_of_its_callers_context():
    job = contextvars.ContextVar("job", default="none")
    job.set("a fox")

    async def look() -> str:
        return job.get()

    assert await spawn(look(), "look") == "none"
