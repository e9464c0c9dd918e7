"""Pictures in a bucket: the store's whole way, and what goes wrong with buckets."""

from __future__ import annotations

import hashlib

import pytest

from data import Store
from data.errors import BucketError, StoreError
from data.pictures.names import attachment_name, picture_name
from data.pictures.place import place_for_pictures
from data.privacy.archives import archives
from tests.data.stored_jobs import added, done, painted
from tests.s3 import S3Server

PICTURE = b"a picture"
NAME = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture
async def store(tmp_path, address):
    store = await Store.open(tmp_path, pictures_url=address)
    yield store
    await store.close()


def impatient(address):
    """The place, which does not try again for long."""
    from data.pictures.bucket import BucketPictures

    return BucketPictures(address, retry_seconds=0.2)


async def names(place):
    return sorted(
        [
            each.name
            for kind in ("pictures", "attachments")
            async for part in place.found(kind)
            for each in part
        ]
    )


async def test_a_job_s_pictures_go_to_the_bucket_and_away_with_it(store):
    id = await painted(store, init_image=NAME, pictures={NAME: PICTURE})
    assert await store.picture(id) == id.encode()
    assert await store.attachments(id) == {NAME: PICTURE}
    assert await names(store.pictures) == [attachment_name(NAME), picture_name(id)]
    assert list(store.files.pictures_folder.iterdir()) == []
    assert list(store.files.attachments_folder.iterdir()) == []
    assert await store.delete(id)
    assert await names(store.pictures) == []


async def test_a_person_s_pictures_are_exported_and_forgotten(store):
    id = await painted(store, person="1", init_image=NAME, pictures={NAME: PICTURE})
    exported = await store.privacy.export("1")
    [archive] = archives(exported, 100_000)
    assert id.encode() in archive
    await store.privacy.forget("1")
    assert await names(store.pictures) == []


async def test_a_damaged_picture_is_not_shown_and_an_attachment_can_be_sent_again(store):
    id = await painted(store, init_image=NAME, pictures={NAME: PICTURE})
    await store.pictures.write(picture_name(id), b"X" * 32)
    await store.pictures.write(attachment_name(NAME), b"another")
    assert await store.picture(id) is None
    assert await store.attachments(id) == {}
    again = await added(store, init_image=NAME, pictures={NAME: PICTURE})
    assert await store.attachments(again) == {NAME: PICTURE}


async def test_quota_and_sweep_work_on_the_bucket(store, monkeypatch):
    ids = [await painted(store) for _ in range(3)]
    for id in ids:
        await store.set_result_message(id, "1")
    assert await store.quota.used() == 3 * 32
    room = await store.quota.make_room(40)
    assert (room.used, room.removed) == (32, 2)
    await store.pictures.write(picture_name("f" * 32), b"orphaned")
    await store.pictures.write(attachment_name("f" * 64), b"orphaned")
    assert await store.retention.sweep() == 0  # may belong to a row that is being written
    monkeypatch.setattr("data.retention._ORPHAN_MS", -5000)
    assert await store.retention.sweep() == 2
    assert await names(store.pictures) == [picture_name(ids[2])]


async def test_another_database_cannot_use_the_same_bucket(store, tmp_path, address):
    with pytest.raises(StoreError, match="belong to another database"):
        await Store.open(tmp_path / "other", pictures_url=address)
    again = await Store.open(tmp_path, pictures_url=address)
    await again.close()
    elsewhere = await Store.open(tmp_path / "other", pictures_url=f"{address}-2")
    await elsewhere.close()


@pytest.mark.parametrize(
    "address", ["bucket", "http://bucket", "s3://", "s3://B", "s3://a b/c", "s3://abc/d?e"]
)
def test_only_addresses_of_buckets_are_taken(s3, tmp_path, address):
    with pytest.raises(StoreError, match="s3://BUCKET/PREFIX"):
        place_for_pictures(tmp_path, address)


async def test_a_missing_bucket_is_said_and_is_no_missing_picture(s3):
    bucket = s3.new_bucket()
    place = impatient(f"s3://{bucket}/bot")
    assert await place.read(picture_name("a" * 32)) is None
    s3.delete_bucket(bucket)
    for work in (
        place.read(picture_name("a" * 32)),
        place.write(picture_name("a" * 32), b"x"),
        place.remove(picture_name("a" * 32)),
        place.used(),
        place.open("a database"),
    ):
        with pytest.raises(BucketError, match=f"There is no bucket {bucket}. Create it"):
            await work


async def test_refused_credentials_are_said_without_naming_them(s3, address):
    place = impatient(address)
    s3.refuse_strangers()
    try:
        with pytest.raises(BucketError, match=r"refuses these credentials \(\w+\)") as caught:
            await place.write(picture_name("a" * 32), b"x")
    finally:
        s3.refuse_strangers(False)
    assert "made-up" not in str(caught.value)


async def test_a_lost_connection_is_said_and_what_was_asked_is_done_once_it_is_back(
    s3, monkeypatch, tmp_path
):
    server = S3Server()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    address = f"s3://{server.new_bucket()}/bot"
    store = await Store.open(tmp_path, pictures_url=address)
    try:
        id = await added(store)
        await store.started(id)
        store.pictures = impatient(address)
        server.stop()
        with pytest.raises(BucketError, match="can't be used"):
            await store.rendered(id, done(b"a picture"))
        stored = await store.job(id)
        assert stored is not None
        assert stored.state == "running"
        server = S3Server(server.port)  # with the same buckets
        assert await store.rendered(id, done(b"a picture"))
        assert await store.picture(id) == b"a picture"
    finally:
        await store.close()
        server.stop()
