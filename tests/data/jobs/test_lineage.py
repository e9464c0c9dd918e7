"""A picture's relatives are found, each after the one that it was made from."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from data.jobs.lineage import _depth
from data.jobs.stored import StoredJob
from tests.data.stored_jobs import painted, record


async def child(store, parent, prompt="a fox", person="ann"):
    new = record(prompt, person)
    await store.add(type(new)(**{**vars(new), "parent": parent}), {})
    return new.id


async def tree(store, id, limit=24):
    return [job.id for job in await store.lineage.tree(await store.job(id), limit)]


async def test_ancestors_children_and_siblings_are_found_eldest_first(store):
    root = await painted(store)
    first, second = await child(store, root), await child(store, root, person="bob")
    grandchild = await child(store, first)
    await painted(store, "a stranger")
    for id in (root, first, second, grandchild):
        found = await tree(store, id)
        assert set(found) == {root, first, second, grandchild}
        assert found[0] == root
        assert found[3] == grandchild
    assert await tree(store, grandchild, 3) == [root, first, grandchild]
    assert set(await tree(store, first, 3)) == {root, first, grandchild}


async def test_a_deleted_ancestor_ends_the_tree_and_a_circle_does_too(store):
    root = await painted(store)
    middle = await child(store, root)
    last = await child(store, middle)
    await store.delete(middle)
    assert await tree(store, last) == [last]
    circle = "c" * 32
    new = record(id=circle)
    await store.add(type(new)(**{**vars(new), "parent": circle}), {})
    assert await tree(store, circle) == [circle]


async def test_of_a_long_line_the_nearest_are_shown(store):
    line = [await painted(store)]
    for _ in range(20):
        line.append(await child(store, line[-1]))
    assert await tree(store, line[-1]) == line[-13:]


@given(st.lists(st.integers(0, 9), max_size=9))
@settings(max_examples=20)
def test_the_depth_is_the_number_of_known_ancestors(parents):
    jobs: dict[str, StoredJob] = {}
    for i, parent in enumerate([None, *parents]):
        of = None if parent is None or parent >= i else str(parent)
        jobs[str(i)] = _job(str(i), of)
    for job in jobs.values():
        above = 0 if job.parent is None else _depth(jobs[job.parent], jobs) + 1
        assert _depth(job, jobs) == above


def _job(id, parent):
    values = dict.fromkeys(StoredJob.__dataclass_fields__)
    return StoredJob(**{**values, "id": id, "parent": parent})
