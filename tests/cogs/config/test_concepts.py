"""/config concepts: pictures that show a listed concept are flagged, hidden or withheld."""

from __future__ import annotations

import pytest

import engine.worker.scores
from tests.cogs.cards import listed, text_of
from tests.cogs.channels import channel_for_adults
from tests.cogs.configuring import add_manager, configure
from tests.cogs.conftest import job_id_of
from tests.databases import open_database


@pytest.fixture
def manager(here):
    return add_manager(here)


async def paint(world, here, **options):
    """Paint a picture for alice and return the message about its ending."""
    before = {message.id for message in world.messages(here.channel)}
    await here.alice.slash(here.channel, "imagine", prompt="a fox", iterations=2, **options)
    await world.until(lambda: not world.bot.queue.overview() and not world.bot.delivery.busy)
    [message] = [
        message
        for message in world.messages(here.channel)
        if message.id not in before and here.alice.mention in message.content
    ]
    return message


async def moderation_log(here):
    result = await here.moderator.slash(here.channel, "mod log")
    assert result.ephemeral
    return result.response.content or listed(result)


async def test_a_warning_is_logged_and_shown_on_the_message(world, here, manager):
    assert "1 concept (server)" in await configure(
        here, manager, "concepts add", concept=" A  Snake ", action="warn", threshold=0.0
    )
    message = await paint(world, here)
    assert message.attachments[0].filename.endswith(".png")
    [field] = [field for field in message.embeds[0].fields if field.name == "Picture check"]
    assert "||a snake||" in field.value
    job = await world.bot.store.job(job_id_of(message))
    [found] = await world.bot.store.picture_checks.findings(str(here.guild.id), 9)
    assert found.score == job.result["scores"]["a snake"]
    assert found.score is not None
    assert 0 < found.score < 1
    log = await moderation_log(here)
    assert f"||a snake|| in a picture by {here.alice.mention}" in log
    assert "posted with a warning" in log
    assert not (await paint(world, here, seed=1)).attachments[0].filename.startswith("SPOILER_")


async def test_a_spoiler_hides_the_picture_and_its_time_lapse(world, here, manager):
    await configure(here, manager, "concepts add", concept="blood", action="spoiler", threshold=0.0)
    message = await paint(world, here)
    assert message.attachments[0].filename.startswith("SPOILER_")
    assert message.embeds[0].image.url is None
    await here.alice.click(message, label="Video")
    [posted] = await world.filmed(here.channel)
    [film] = posted.attachments
    assert film.filename.startswith("SPOILER_")
    assert film.filename.endswith(".mp4")
    # The setting does not apply in direct messages.
    await here.alice.user.slash("imagine", prompt="a fox", iterations=1)
    [mine] = await world.painted(here.alice.user.dm_channel)
    assert not mine.attachments[0].filename.startswith("SPOILER_")


async def test_a_withheld_picture_is_shown_nowhere(world, here, manager):
    await configure(
        here, manager, "concepts add", concept="blood", action="withhold", threshold=0.0
    )
    await configure(here, manager, "concepts add", concept="a snake", action="warn", threshold=0.0)
    message = await paint(world, here)
    assert "This picture was withheld because it seems to show something" in message.content
    assert message.attachments == []
    assert world.results(here.channel) == []
    assert all(not each.attachments for each in world.messages(here.channel))
    store = world.bot.store
    job = await store.job(job_id_of(message))
    assert (job.state, job.has_picture) == ("failed", False)
    assert list((store.folder / "pictures").iterdir()) == []
    assert list((store.folder / "states").iterdir()) == []
    assert "no pictures yet" in text_of(await here.alice.slash(here.channel, "history"))
    log = await moderation_log(here)
    assert "||blood||" in log
    assert "not posted" in log
    # It stays withheld after a restart, and is logged once.
    await world.restart()
    assert len(await world.bot.store.picture_checks.findings(str(here.guild.id), 9)) == 2
    assert world.results(here.channel) == []


async def test_pictures_below_the_threshold_or_with_the_concept_off_are_posted(
    world, here, manager
):
    await configure(
        here, manager, "concepts add", concept="blood", action="withhold", threshold=1.0
    )
    await configure(here, manager, "concepts add", concept="a snake", action="off", threshold=0.0)
    message = await paint(world, here)
    assert message.attachments
    assert message.embeds[0].fields == []
    job = await world.bot.store.job(job_id_of(message))
    assert set(job.result["scores"]) == {"blood"}
    assert await world.bot.store.picture_checks.findings(str(here.guild.id), 9) == []


@pytest.mark.parametrize(("action", "posted"), [("withhold", False), ("spoiler", True)])
async def test_a_picture_that_cannot_be_scored_is_withheld_only_if_the_action_is_withhold(
    world, here, manager, monkeypatch, action, posted
):
    def fails(*arguments):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(engine.worker.scores, "concept_scores", fails)
    await configure(here, manager, "concepts add", concept="blood", action=action)
    message = await paint(world, here)
    assert bool(message.attachments) == posted
    assert ("couldn't check it" in message.content) != posted
    log = await moderation_log(here)
    assert ("not scored; not posted" in log) != posted


async def test_the_list_can_be_shown_changed_and_emptied(world, here, manager):
    assert "aren't checked" in await configure(here, manager, "concepts list")
    await configure(here, manager, "concepts add", concept="blood", action="warn")
    await configure(
        here, manager, "concepts add", concept="Blood", action="spoiler", threshold=0.25
    )
    assert await configure(here, manager, "concepts list") == (
        "### 1 concept\n||blood|| · spoiler · threshold 0.25"
    )
    log = await configure(here, manager, "log")
    assert "`concepts`: − ||warn 0.5 blood|| + ||spoiler 0.25 blood||" in log  # noqa: RUF001
    assert "one or more words" in await configure(
        here, manager, "concepts add", concept="!?", action="warn"
    )
    assert "isn't on the list" in await configure(here, manager, "concepts remove", concept="snake")
    assert "/config concepts" in await configure(
        here, manager, "set", name="concepts", value="blood"
    )
    await configure(here, manager, "concepts remove", concept="BLOOD")
    assert "aren't checked" in await configure(here, manager, "concepts list")
    for number in range(20):
        await configure(here, manager, "concepts add", concept=f"thing {number}", action="off")
    assert "at most 20" in await configure(
        here, manager, "concepts add", concept="one more", action="off"
    )


async def test_a_picture_finished_before_a_restart_is_checked_after_it(world, here, manager):
    message = await paint(world, here)
    await here.moderator.delete(message)
    await configure(here, manager, "concepts add", concept="blood", action="withhold")

    async def meanwhile():
        [database] = world.settings.painting.data_folder.glob("*.sqlite3")
        with open_database(database) as connection:
            connection.execute(
                "UPDATE jobs SET state = 'rendered', delivered_at = NULL, result_message_id = NULL"
            )

    await world.restart(meanwhile)
    await world.until(
        lambda: (
            not world.bot.delivery.busy
            and any("couldn't check it" in each.content for each in world.messages(here.channel))
        )
    )
    assert (await world.bot.store.job(job_id_of(message))).state == "failed"
    assert "||blood||" in await moderation_log(here)


async def test_a_list_that_is_too_long_for_a_message_is_sent_as_a_file(world, here, manager):
    concepts = {
        f"{letter}_" * 30: {"threshold": 0.5, "action": "warn"} for letter in "abcdefghijklmnopqrst"
    }
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", {"concepts": concepts})
    shown = await manager.slash(here.channel, "config concepts list")
    assert shown.response.content == "20 concepts"
    [file] = shown.response.attachments
    assert file.filename == "concepts.txt"


async def test_concepts_can_be_left_to_age_restricted_channels(world, here):
    values = {
        "concepts": {"blood": {"threshold": 1.0, "action": "off"}},
        "concepts_adults_only": True,
    }
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", values)
    adults = await channel_for_adults(world, here)
    for prompt in ("a fox in bl00d --iterations 1", "blooood --iterations 1"):
        refused = await here.alice.slash(here.channel, "imagine", prompt=prompt)
        assert "only for age-restricted channels" in refused.response.content
    queued = await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    assert queued.response.content.startswith("Queued")
    allowed = await here.alice.slash(adults, "imagine", prompt="a fox in blood --iterations 1")
    assert "age-restricted" not in allowed.response.content
    await world.until(lambda: not world.bot.delivery.busy, "the end")
