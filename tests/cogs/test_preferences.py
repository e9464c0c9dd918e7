"""/preferences: a user's defaults for options left out, and how the user is notified."""

from __future__ import annotations

from data.people import Preferences
from tests.cogs.cards import listed, said
from tests.cogs.configuring import add_manager, configure
from tests.cogs.conftest import job_id_of


async def test_options_left_out_are_filled_in_and_named_ones_are_kept(world, here):
    shown = await here.alice.slash(here.channel, "preferences set", size="48x32", iterations=2)
    assert shown.ephemeral
    assert "48×32" in said(shown)
    await here.alice.slash(here.channel, "imagine", prompt="a fox")
    await here.alice.slash(here.channel, "imagine", prompt="a hen --size 32 --iterations 1")
    await here.alice.slash(here.channel, "imagine", prompt="a cow --ar 2:1")
    await here.bob.slash(here.channel, "imagine", prompt="bob's")
    results = await world.painted(here.channel, 4)
    made = {}
    for result in results:
        job = await world.bot.store.job(job_id_of(result))
        made[job.request.prompt] = (
            job.result["width"],
            job.result["height"],
            job.result["iterations"],
        )
    assert made["a fox"] == (48, 32, 2)
    assert made["a hen"] == (32, 32, 1)
    assert made["a cow"][2] == 2
    assert 1.8 < made["a cow"][0] / made["a cow"][1] < 2.2  # in whole tokens
    assert made["a cow"][0] * made["a cow"][1] > 1.2 * 32 * 32  # the area of 48x32
    assert made["bob's"] == (32, 32, 5)  # the model's own


async def test_preferences_belong_to_one_user_survive_a_restart_and_can_be_reset(world, here):
    await here.alice.slash(
        here.channel,
        "preferences set",
        iterations=3,
        model="tiny",
        direct_message=True,
        previews=False,
    )
    await world.restart()
    shown = said(await here.alice.slash(here.other, "preferences show"))
    assert "Iterations: 3" in shown
    assert "Model: tiny" in shown
    assert "picture is ready: on" in shown
    assert "Previews: off" in shown
    bobs = listed(await here.bob.slash(here.channel, "preferences show"))
    assert "Iterations: default" in bobs
    reset = await here.alice.slash(here.channel, "preferences reset")
    assert "Iterations: default" in said(reset)
    assert await world.bot.people.preferences(str(here.alice.id)) == Preferences()


async def test_values_that_cannot_be_painted_are_refused_and_change_nothing(world, here):
    for option, value, words in (
        ("size", "2000x2000", "at most 262144 pixels"),
        ("size", "wide", "must look like 256x128"),
        ("size", "8x8", "between 16 and 2048"),
        ("iterations", 2000, "At most 1000 iterations"),
        ("model", "nobody's", "nobody's"),
    ):
        shown = await here.alice.slash(here.channel, "preferences set", **{option: value})
        assert shown.ephemeral
        assert words in said(shown)
    assert await world.bot.people.preferences(str(here.alice.id)) == Preferences()


async def test_preferences_above_the_server_s_maximum_are_lowered(world, here):
    manager = add_manager(here)
    await here.alice.slash(here.channel, "preferences set", size="64x32", iterations=4)
    await configure(here, manager, "set", name="max_iterations", value="2")
    await configure(here, manager, "set", name="max_size", value="32x32")
    refused = await here.alice.slash(here.channel, "imagine", prompt="a fox", iterations=4)
    assert "iterations can be at most 2 in this server, not 4" in refused.response.content
    await here.alice.slash(here.channel, "imagine", prompt="a fox")
    [result] = await world.painted(here.channel)
    request = (await world.bot.store.job(job_id_of(result))).request
    assert (request.iterations, request.width, request.height) == (2, 45, 22)


async def test_without_previews_the_progress_is_text_only(world, here):
    await here.alice.slash(here.channel, "preferences set", previews=False)
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 900")
    await here.bob.slash(here.other, "imagine", prompt="a hen --iterations 900")
    await world.until(lambda: "of 900" in world.messages(here.channel)[0].content, "the progress")
    message = world.messages(here.channel)[0]
    assert "Painting" in message.content
    assert message.attachments == []
    assert message.embeds[0].image.url is None
    await here.alice.click(message, label="Cancel")
    await world.until(lambda: "of 900" in world.messages(here.other)[0].content, "the other")
    assert len(world.messages(here.other)[0].attachments) == 1
    await here.bob.click(world.messages(here.other)[0], label="Cancel")
    await world.until(lambda: not world.bot.delivery.busy, "the end")


async def test_users_who_want_it_get_a_direct_message_when_their_picture_is_done(world, here):
    await here.alice.slash(here.channel, "preferences set", direct_message=True)
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    [result] = await world.painted(here.channel)
    [told] = here.alice.user.dm_channel.history()
    assert result.jump_url in told.content
    assert "a fox" in told.content
    await here.bob.slash(here.channel, "imagine", prompt="a hen --iterations 1")
    await world.painted(here.channel, 2)
    assert here.bob.user.dm_channel.history() == []


async def test_pictures_in_direct_messages_send_no_second_message(world, here):
    await here.alice.user.slash("preferences set", direct_message=True)
    await here.alice.user.slash("imagine", prompt="a fox --iterations 1")
    channel = here.alice.user.dm_channel
    await world.painted(channel)
    assert [
        message for message in world.messages(channel) if message.content.startswith("Your picture")
    ] == []


async def test_closed_direct_messages_do_not_affect_the_picture(world, here):
    await here.alice.slash(here.channel, "preferences set", direct_message=True)
    dm = here.alice.user.dm_channel
    world.env.inject_error(
        "POST", f"/channels/{dm.id}/messages", status=403, code=50007, times=None
    )
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    await world.painted(here.channel)
    assert dm.history() == []
