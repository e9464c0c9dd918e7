"""Jobs to store, and stored jobs in one state or another."""

from __future__ import annotations

import uuid

from engine.events import Done
from engine.jobs.job import JobRecord, Place
from engine.request.request import make_request

HERE = Place("100", "200", "de")


def record(prompt="a fox", person="ann", place=HERE, created_at=1_000, id=None, **values):
    return JobRecord(
        id or uuid.uuid4().hex,
        make_request(prompt, **{"seed": 7, **values}),
        person,
        place,
        created_at,
    )


async def added(store, *args, pictures=None, **values):
    new = record(*args, **values)
    await store.add(new, pictures or {})
    return new.id


def done(picture=b"png", **values):
    return Done(
        picture,
        **{
            "seed": 7,
            "seconds": 1.5,
            "iterations": 9,
            "width": 32,
            "height": 48,
            "notices": ("Mind this.",),
            **values,
        },
    )


async def painted(store, *args, **values):
    id = await added(store, *args, **values)
    await store.started(id)
    assert await store.rendered(id, done(id.encode()))
    return id
