"""What the queue learnt about the time that jobs take is kept, the newest of it."""

from __future__ import annotations

import json

from engine.jobs.effort import Effort, Learnt

SMALL, LARGE, OTHER = Effort("m", 64, 64, 8), Effort("m", 256, 128, 32), Effort("n", 64, 64, 8)


async def test_it_is_read_as_it_was_kept_and_the_newest_of_the_same_counts(store, clock):
    assert await store.learnt() == Learnt()
    said = json.dumps(["m", None, 0.5, True])
    await store.learn(Learnt(((SMALL, 1.5), (OTHER, 0.25)), ((said, SMALL, 20),)))
    clock.offset += 1
    await store.learn(Learnt(((SMALL, 2.5),), ((said, LARGE, 30),)))
    assert await store.learnt() == Learnt(((OTHER, 0.25), (SMALL, 2.5)), ((said, LARGE, 30),))


async def test_what_is_outdated_is_replaced(store):
    await store.learn(Learnt(((SMALL, 1.5), (LARGE, 9.0), (OTHER, 0.25))))
    await store.learn(Learnt(((SMALL, 0.01),), outdated=("m",)))
    assert dict((await store.learnt()).speeds) == {OTHER: 0.25, SMALL: 0.01}


async def test_the_oldest_go(store, clock, monkeypatch):
    monkeypatch.setattr("data.learnt.MOST", 2)
    for number in range(4):
        clock.offset += 1
        effort = Effort("m", 64, 64, 8 + number)
        await store.learn(Learnt(((effort, 1.0),), ((str(number), effort, 9),)))
    for _ in range(2):
        kept = await store.learnt()
        monkeypatch.undo()
    assert [effort.cutouts for effort, _ in kept.speeds] == [10, 11]
    assert [said for said, *_ in kept.sizes] == ["2", "3"]
