"""A result goes to its channel, else to its user, else it waits for the server to change."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from bot.delivery import posting, results
from bot.delivery.picture_check import Verdict
from bot.delivery.results import Results
from bot.host.settings import OperationsSettings
from data.picture_checks import Finding
from engine.events import Failed
from engine.jobs.job import Place
from tests.bot.discord_edge import ALICE, new_id, refusal
from tests.data.stored_jobs import added, done, painted

HERE, DIRECT = Place("100", "200"), Place(None, "1110")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(posting, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(results, "FIRST_PAUSE", 0.0)


@pytest.fixture
def posts(store, client):
    return Results(store, client, OperationsSettings())


@pytest.fixture
async def job(store):
    return await store.job(await painted(store, "a fox", str(ALICE), HERE))


@pytest.fixture
async def rules(guild_settings):
    return await guild_settings.rules("100")


async def post(posts, job, rules, event=None, verdict=None, look_first=False):
    return await posts.post(
        job, done() if event is None else event, verdict or Verdict(), rules, look_first=look_first
    )


def png(side):
    file = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(file, "PNG")
    return file.getvalue()


async def test_the_channel_gets_it_and_the_job_is_delivered(store, client, posts, job, rules):
    link = await post(posts, job, rules)
    [message] = client.channels[200].messages
    assert link == message.jump_url
    assert list(message.files) == [f"a-fox-7-{job.id[:8]}.png"]
    stored = await store.job(job.id)
    assert (stored.state, stored.result_message_id) == ("delivered", str(message.id))
    assert posts.refused(100) == set()


async def test_a_failure_is_posted_without_the_host_s_folders(store, client, posts, rules):
    id = await added(store, "a fox", str(ALICE), HERE)
    await store.failed(id, "no")
    link = await post(
        posts, await store.job(id), rules, Failed("The file /home/host/models/fox.ckpt is damaged.")
    )
    [message] = client.channels[200].messages
    assert link == message.jump_url
    assert "fox.ckpt" in message.content
    assert "host/models" not in message.content
    assert [item.label for item in message.components] == ["Again", "Remix"]
    assert (await store.job(id)).state == "failed"
    assert await store.undelivered() == []


async def test_the_user_gets_it_directly_if_the_channel_refuses_it(
    store, client, posts, job, rules
):
    client.get_partial_messageable(200).failures = [("send", refusal(403, 50001))]
    link = await post(posts, job, rules)
    [message] = client.users[ALICE].direct.messages
    assert link == message.jump_url
    assert (await store.job(job.id)).state == "delivered"
    assert posts.refused(100) == set()


async def test_a_result_that_is_refused_everywhere_is_remembered_for_its_server(
    store, client, posts, job, rules
):
    client.get_partial_messageable(200).failures = [("send", refusal(403, 50013))]
    (await client.fetch_user(ALICE)).direct.failures = [("send", refusal(403, 50007))]
    assert await post(posts, job, rules) is None
    assert (await store.job(job.id)).state == "rendered"
    assert posts.refused(101) == set()
    assert posts.refused(100) == {job.id}
    assert posts.refused(100) == set()


async def test_a_result_posted_before_a_restart_is_not_posted_again(
    store, client, posts, job, rules
):
    link = await post(posts, job, rules)
    assert await post(posts, job, rules, look_first=True) == link
    assert client.channels[200].sends == 1


async def test_a_message_older_than_the_progress_message_is_not_the_result(
    store, client, posts, job, rules
):
    await post(posts, job, rules)
    await store.set_progress_message(job.id, str(new_id(age=-60)))
    await post(posts, await store.job(job.id), rules, look_first=True)
    assert client.channels[200].sends == 2


async def test_a_picture_is_made_as_small_as_the_server_takes(store, client, posts, job, rules):
    client.guild.filesize_limit = 20_000
    await post(posts, job, rules, done(png(256)))
    [(name, data)] = client.channels[200].messages[0].files.items()
    assert name.endswith(".webp")
    assert len(data) <= 20_000
    assert Image.open(io.BytesIO(data)).format == "WEBP"


async def test_a_card_tells_when_the_posted_file_has_fewer_pixels(store, client, posts, job, rules):
    client.guild.filesize_limit = 8_000
    await post(posts, job, rules, replace(done(png(256)), width=256, height=256))
    [message] = client.channels[200].messages
    [(_, data)] = message.files.items()
    width, height = Image.open(io.BytesIO(data)).size
    assert width < 256
    embed = message.embeds[0]
    assert "256×256" in embed.footer.text
    assert f"This file has {width}x{height} pixels" in embed.fields[0].value


async def test_a_picture_that_cannot_be_shrunk_enough_is_reported(store, client, posts, job, rules):
    client.guild.filesize_limit = 10
    await post(posts, job, rules, done(png(64)))
    [message] = client.channels[200].messages
    assert message.files == {}
    assert "/history" in message.content
    assert message.embeds[0].image.url is None


@pytest.mark.parametrize("why", ["setting", "finding"])
async def test_a_spoiler_hides_the_picture_in_embed_and_file(
    store, client, posts, job, guild_settings, configure, why
):
    findings: tuple[Finding, ...] = ()
    if why == "setting":
        await configure(spoiler=True)
    else:
        findings = (Finding("100", job.id, str(ALICE), "snake", 0.9, "spoiler"),)
    await post(posts, job, await guild_settings.rules("100"), verdict=Verdict(findings))
    [message] = client.channels[200].messages
    assert [name.startswith("SPOILER_") for name in message.files] == [True]
    assert message.embeds[0].image.url is None
    assert bool(message.embeds[0].fields) is (why == "finding" or bool(done().notices))


@pytest.mark.parametrize(("megabytes", "keep"), [(0.0, False), (5.0, True)])
async def test_the_keep_button_is_there_if_old_pictures_are_deleted_for_space(
    store, client, job, rules, megabytes, keep
):
    posts = Results(store, client, OperationsSettings(pictures_mb=megabytes))
    await post(posts, job, rules)
    labels = [item.label for item in client.channels[200].messages[0].components]
    assert ("Keep" in labels) is keep
