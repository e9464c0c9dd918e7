"""The real process with PostgreSQL and a bucket: pictures go there, also after it was away."""

from __future__ import annotations

import asyncio

import pytest

from data.pictures.place import place_for_pictures
from tests.e2e.jobs import job_id_of
from tests.postgres import running_server
from tests.s3 import S3Server, needs_server
from tests.s3 import environment as s3_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def server():
    needs_server()
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def address(server):
    return f"s3://{server.new_bucket()}/bot"


@pytest.fixture
def environment(environment, server, address):
    return (
        environment
        | s3_environment(server)
        | {
            "IMAGINE_DATABASE_URL": running_server().new_database("bucket"),
            "IMAGINE_PICTURES": address,
        }
    )


async def test_a_picture_is_posted_only_once_the_bucket_has_it(
    channel, alice, standin, bot, server, address, tmp_path, monkeypatch
):
    for name, value in s3_environment(server).items():
        monkeypatch.setenv(name, value)
    place = place_for_pictures(tmp_path, address)

    async def posted(count):
        await bot.until(lambda: len(standin.results(channel)) == count, f"result {count}")
        newest = standin.results(channel)[-1]
        sent = next(
            request
            for request in standin.requests("POST", r"/channels/\d+/messages")
            if request.answer and request.answer["id"] == newest["id"]
        )
        [(_, data)] = sent.files.values()
        return job_id_of(newest), data

    await standin.command(alice, channel, "imagine", prompt="a red circle", iterations=1)
    id, data = await posted(1)
    assert await place.read(f"pictures/{id}.png") == data
    assert list((bot.data / "pictures").iterdir()) == []

    server.stop()
    await standin.command(alice, channel, "imagine", prompt="a red circle", iterations=1)
    await bot.until(lambda: "can't be used" in bot.log_text(), "the bucket's error")
    await asyncio.sleep(1)
    assert len(standin.results(channel)) == 1
    again = S3Server(server.port)  # with the same buckets
    try:
        id, data = await posted(2)
        assert await place.read(f"pictures/{id}.png") == data
    finally:
        again.stop()
