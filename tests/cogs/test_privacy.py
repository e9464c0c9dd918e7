"""/privacy: a user's data is exported completely, and deleted without a trace."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import zipfile

import discord
from PIL import Image

from bot.requests.picture import Picture
from engine.clock import DAY_MS
from tests.cogs.cards import listed
from tests.cogs.conftest import job_id_of
from tests.data.privacy.test_personal_data import traces
from tests.store_database import database_of


def picture_bytes(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(buffer, "PNG")
    return buffer.getvalue()


def direct(person):
    return person.user.dm_channel.history()


async def unzipped(message):
    """Return the bytes of every file in a message's zip archives, by name."""
    found: dict[str, bytes] = {}
    for attachment in message.attachments:
        data = await attachment.read()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found |= {name: archive.read(name) for name in archive.namelist()}
    return found


async def forget(world, person, channel, label="Delete everything"):
    """Run /privacy forget, press a button and return the answer."""
    asked = await person.slash(channel, "privacy forget")
    assert asked.ephemeral
    await person.click(asked.response, label=label)
    return await world.until(
        lambda: (
            None
            if asked.response.content.startswith("Deleting everything")
            else asked.response.content
        ),
        "the answer",
    )


async def leave_traces(world, here, monkeypatch):
    """Alice leaves every kind of trace, and bob makes a picture from one of hers."""
    photo = picture_bytes("red")

    async def from_cdn(address):
        data = world.env.backend.cdn.get(address)
        return Picture(hashlib.sha256(data).hexdigest(), data)

    # The virtual Discord's media host has no HTTP; test_attachments.py tests fetching.
    monkeypatch.setattr(world.bot.attachments, "picture", from_cdn)
    await here.alice.slash(here.channel, "preferences set", iterations=1)
    await here.alice.slash(
        here.channel, "imagine", prompt="alice's fox", init_image=("photo.png", photo)
    )
    [hers] = await world.painted(here.channel)
    await here.bob.click(hers, label="Again")
    await world.painted(here.channel, 2)
    await here.moderator.slash(here.channel, "mod limit", person=here.alice, a_day=50)
    await here.alice.slash(here.other, "imagine", prompt="a fox --iterations 900")
    await here.alice.slash(here.other, "imagine", prompt="a waiting hen")
    await world.until(
        lambda: any("of 900" in message.content for message in world.messages(here.other)),
        "a preview",
    )
    return hers, hashlib.sha256(photo).hexdigest()


async def test_deleting_all_data_leaves_no_row_file_or_name(world, here, monkeypatch):
    hers, sha = await leave_traces(world, here, monkeypatch)
    folder, id = world.bot.store.folder, str(here.alice.id)
    assert traces(folder, id)
    assert (folder / "attachments" / sha).exists()
    text = await forget(world, here.alice, here.channel)
    assert text.startswith("I've deleted your data")
    assert "Backups that still have it expire within 7 days." in text
    assert "couldn't delete" not in text
    assert traces(folder, id) == []
    assert not (folder / "attachments" / sha).exists()
    assert list((folder / "states").glob(f"*{job_id_of(hers)}*")) == []
    assert [path for path in (folder / "pictures").iterdir() if job_id_of(hers) in path.name] == []
    assert world.bot.queue.overview() == []
    # Alice's messages are gone, bob's is still there.
    [his] = world.results(here.channel)
    assert here.bob.mention in his.content
    assert world.messages(here.other) == []
    assert [
        message for message in world.messages(here.channel) if here.alice.mention in message.content
    ] == []
    # Nothing comes back after a restart either.
    await world.restart()
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    assert traces(folder, id) == []
    assert (await world.bot.store.job(job_id_of(his))).person == str(here.bob.id)


async def test_a_ban_holds_after_the_user_s_data_is_deleted(world, here):
    await here.moderator.slash(here.channel, "mod ban", person=here.alice, duration="7d")
    await forget(world, here.alice, here.channel)
    assert traces(world.bot.store.folder, str(here.alice.id)) == []
    refused = await here.alice.slash(here.channel, "imagine", prompt="a fox")
    assert "banned from making pictures" in refused.response.content
    shown = await here.moderator.slash(here.channel, "mod bans")
    assert listed(shown).startswith("someone who deleted their data")
    await here.moderator.slash(here.channel, "mod unban", person=here.alice)
    again = await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    assert again.response.content.startswith("Queued")
    await world.painted(here.channel)


async def test_deleting_asks_first_and_can_be_declined_also_after_a_restart(world, here):
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    [picture] = await world.painted(here.channel)
    asked = await here.alice.slash(here.channel, "privacy forget")
    shown = [button["label"] for row in asked.response.components for button in row["components"]]
    assert shown == ["Delete everything", "Keep my data"]
    await world.restart()
    await here.alice.click(asked.response, label="Keep my data")
    assert asked.response.content == "Nothing was deleted."
    assert await world.bot.store.job(job_id_of(picture)) is not None


async def test_a_message_that_cannot_be_deleted_does_not_stop_the_deletion(world, here):
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    [picture] = await world.painted(here.channel)
    world.env.inject_error(
        "DELETE",
        f"/channels/{here.channel.id}/messages/{picture.id}",
        status=403,
        code=50001,
        times=None,
    )
    text = await forget(world, here.alice, here.channel)
    assert "I couldn't delete the message of 1 picture;" in text
    assert traces(world.bot.store.folder, str(here.alice.id)) == []


async def test_a_user_without_data_can_ask_for_deletion(world, here):
    assert (await forget(world, here.bob, here.channel)).startswith("I've deleted your data")


async def test_an_export_is_sent_directly_with_rows_and_pictures(world, here):
    await here.alice.slash(here.channel, "preferences set", iterations=1)
    await here.alice.slash(here.channel, "imagine", prompt="alice's fox")
    [hers] = await world.painted(here.channel)
    await here.bob.slash(here.channel, "imagine", prompt="bob's hen --iterations 1")
    await world.painted(here.channel, 2)
    result = await here.alice.slash(here.channel, "privacy export")
    assert result.ephemeral
    assert result.response.content == "I sent you your data in a DM, in 1 file."
    [message] = direct(here.alice)
    found = await unzipped(message)
    id = job_id_of(hers)
    assert found[f"pictures/{id}.png"] == await world.bot.store.picture(id)
    [job] = json.loads(found["jobs.json"])
    assert job["request"]["prompt"] == "alice's fox"
    assert json.loads(found["preferences.json"])[0]["iterations"] == 1
    assert not any(b"bob's hen" in data for data in found.values())


async def test_an_export_is_split_under_the_upload_limit(world, here, monkeypatch):
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    await world.painted(here.channel)
    monkeypatch.setattr(discord.utils, "DEFAULT_FILE_SIZE_LIMIT_BYTES", 2_500)
    result = await here.alice.slash(here.channel, "privacy export")
    sent = direct(here.alice)
    assert len(sent) > 1
    assert f"in {len(sent)} files" in result.response.content
    for message in sent:
        [attachment] = message.attachments
        assert attachment.size <= 2_500


async def test_an_export_to_closed_direct_messages_is_refused_with_the_reason(world, here):
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    await world.painted(here.channel)
    world.env.inject_error(
        "POST",
        f"/channels/{here.alice.user.dm_channel.id}/messages",
        status=403,
        code=50007,
        times=None,
    )
    result = await here.alice.slash(here.channel, "privacy export")
    assert "Allow direct messages" in result.response.content


async def test_a_user_without_data_gets_no_export(world, here):
    result = await here.bob.slash(here.channel, "privacy export")
    assert result.response.content == "I have no data about you."
    assert direct(here.bob) == []


async def test_a_request_that_is_being_queued_is_deleted_too(world, here, monkeypatch):
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(asking, request, rules):
        reached.set()
        await world.env.external_wait(go_on.wait(), reason="the test")
        return request

    world.bot.gate.checks.append(slowly)
    asked = await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 900")
    assert reached.is_set()
    question = await here.alice.slash(here.channel, "privacy forget")
    asyncio.get_running_loop().call_later(0.3, go_on.set)
    await here.alice.click(question.response, label="Delete everything")
    await world.until(lambda: question.response.content.startswith("I've deleted"), "the end")
    assert asked.response.content.startswith("Queued")  # it was queued for a moment
    await world.until(lambda: not world.bot.delivery.busy, "the delivery")
    assert world.bot.queue.overview() == []
    assert traces(world.bot.store.folder, str(here.alice.id)) == []


async def test_requests_are_refused_while_the_user_s_data_is_deleted(world, here):
    with world.bot.busy.turn(str(here.alice.id)):
        for command, options in (("imagine", {"prompt": "a fox"}), ("privacy export", {})):
            result = await here.alice.slash(here.channel, command, **options)
            assert result.response.content.startswith("I'm still exporting or deleting your data")
    assert world.bot.queue.overview() == []


async def test_the_daily_task_deletes_old_pictures(world, here, monkeypatch):
    await here.alice.slash(here.channel, "imagine", prompt="an old fox --iterations 1")
    [old] = await world.painted(here.channel)
    await here.alice.slash(here.channel, "imagine", prompt="a new hen --iterations 1")
    new = (await world.painted(here.channel, 2))[-1]
    store = world.bot.store
    await database_of(store).change(
        "UPDATE jobs SET ended_at = ended_at - ? WHERE id = ?", 366 * DAY_MS, job_id_of(old)
    )
    monkeypatch.setattr("bot.host.retention.FIRST_SECONDS", 0.0)
    world.bot.retention.start()
    deadline = asyncio.get_running_loop().time() + 10
    while await store.get_meta("retention ran") is None:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)
    assert await store.job(job_id_of(old)) is None
    assert await store.job(job_id_of(new)) is not None
    await world.bot.retention.close()


async def test_the_same_is_not_done_again_at_once(world, here, monkeypatch):
    await here.alice.slash(here.channel, "imagine", prompt="a red circle --iterations 1")
    await world.painted(here.channel)
    sent = await here.alice.slash(here.channel, "privacy export")
    await world.until(lambda: sent.response.content.startswith("I sent you"), "the export")
    again = await here.alice.slash(here.channel, "privacy export")
    assert again.response.content.startswith("I did that a moment ago. You can ask again <t:")
    assert (await forget(world, here.alice, here.channel)).startswith("I've deleted your data")
    question = await here.alice.slash(here.channel, "privacy forget")
    refused = await here.alice.click(question.response, label="Delete everything")
    assert "a moment ago" in refused.response.content
    assert (await forget(world, here.bob, here.channel)).startswith("I've deleted your data")
    monkeypatch.setattr("bot.requests.busy.PAUSE_SECONDS", 0)
    assert (await forget(world, here.alice, here.channel)).startswith("I've deleted your data")
