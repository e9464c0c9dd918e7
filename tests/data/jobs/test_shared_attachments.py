"""An attached picture that one process needs again while another deletes its last job."""

from __future__ import annotations

import hashlib
import os

import pytest

from engine.errors import RequestError
from tests.data.stored_jobs import added

PICTURE = b"a picture"
NAME = hashlib.sha256(PICTURE).hexdigest()


def after_looking(store, monkeypatch, work):
    """Run ``work`` when ``store`` has just found that the picture's file is there."""
    attach, calls = store._attach, []

    async def attach_then(*args):
        await attach(*args)
        calls.append(args)
        if len(calls) == 1:
            await work()

    monkeypatch.setattr(store, "_attach", attach_then)


async def test_a_file_that_is_deleted_meanwhile_is_written_again(store, other, monkeypatch):
    last = await added(store, init_image=NAME, pictures={NAME: PICTURE})
    after_looking(other, monkeypatch, lambda: store.delete(last))
    new = await added(other, init_image=NAME, pictures={NAME: PICTURE})
    assert await store.job(last) is None
    assert await other.attachments(new) == {NAME: PICTURE}


async def test_without_its_bytes_the_person_is_asked_for_it(store, other, monkeypatch):
    last = await added(store, init_image=NAME, pictures={NAME: PICTURE})
    after_looking(other, monkeypatch, lambda: store.delete(last))
    with pytest.raises(RequestError, match="Attach it again"):
        await added(other, init_image=NAME, id="a" * 32)
    assert await other.job("a" * 32) is None


async def test_an_old_file_that_is_used_again_meanwhile_is_not_swept(store, other, monkeypatch):
    path = store.files.attachment(NAME)
    path.write_bytes(PICTURE)
    os.utime(path, (0, 0))
    scan = store._database.scan
    new: list[str] = []

    async def scan_then_use(*args):
        rows = await scan(*args)
        if not new and "attachments" in args[0]:
            new.append(await added(other, init_image=NAME))
        return rows

    monkeypatch.setattr(store._database, "scan", scan_then_use)
    assert await store.retention.sweep() == 0
    assert await other.attachments(new[0]) == {NAME: PICTURE}
