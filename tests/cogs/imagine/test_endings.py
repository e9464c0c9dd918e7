"""Every ending is reported once, even if the bot died before it could report it."""

from __future__ import annotations

import pytest

from data import Store
from tests.cogs.conftest import job_id_of, labels

REASON = "The model fox at /srv/host/models/clip.pt is cut off; fetch it again."


async def end_without_report(world, here, end):
    """Return alice's progress message and the id of her job, which has ended only in the store.

    A process that dies between storing the ending and posting it leaves a job like this.
    """
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 900")
    await world.until(lambda: "of 900" in world.messages(here.channel)[0].content, "a preview")
    [progress] = world.messages(here.channel)
    id = job_id_of(progress)

    async def meanwhile():
        store = await Store.open(world.settings.painting.data_folder)
        assert [record.id for record in await store.waiting()] == [id]
        assert await end(store, id)
        await store.close()

    await world.restart(meanwhile)
    await world.until(lambda: not world.bot.delivery.busy, "the delivery")
    return progress, id


async def test_an_unreported_failure_is_reported_once_at_the_next_start(world, here):
    progress, id = await end_without_report(world, here, lambda store, id: store.failed(id, REASON))
    _, told = world.messages(here.channel)
    assert told.content == (
        f"{here.alice.mention} The model fox at clip.pt is cut off; fetch it again."
    )
    assert [user.id for user in told.mentions] == [here.alice.id]
    assert labels(told) == ["Again", "Remix"]
    assert world.messages(here.channel)[0].id == progress.id
    assert world.messages(here.channel)[0].content == "This one failed."
    job = await world.bot.store.job(id)
    assert (job.state, job.result_message_id) == ("failed", str(told.id))
    assert job.error == REASON  # in full, for the host
    await world.restart()
    await world.until(lambda: not world.bot.delivery.busy, "nothing")
    assert len(world.messages(here.channel)) == 2


async def test_a_failure_that_was_posted_but_not_recorded_is_not_posted_again(world, here):
    _, id = await end_without_report(world, here, lambda store, id: store.failed(id, REASON))
    _, told = world.messages(here.channel)

    async def forget():
        store = await Store.open(world.settings.painting.data_folder)
        await store._database.change(
            "UPDATE jobs SET delivered_at = NULL, result_message_id = NULL WHERE id = ?", id
        )
        await store.close()

    await world.restart(forget)
    await world.until(lambda: not world.bot.delivery.busy, "the delivery")
    assert len(world.messages(here.channel)) == 2
    assert (await world.bot.store.job(id)).result_message_id == str(told.id)


@pytest.mark.parametrize("partial", [None, b"half a picture"])
async def test_an_unreported_cancellation_is_shown_and_posts_nothing(world, here, partial):
    progress, id = await end_without_report(
        world, here, lambda store, id: store.cancelled(id, partial)
    )
    [message] = world.messages(here.channel)
    assert (message.id, message.content) == (progress.id, "Cancelled.")
    assert message.attachments == []
    assert (await world.bot.store.job(id)).delivered_at is not None
    assert await world.bot.store.undelivered() == []
