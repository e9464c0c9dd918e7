"""Who waits how long: shares of the queue by role, and relaxed pictures."""

from __future__ import annotations

import pytest

from data.people import Preferences
from engine.jobs.job import USUAL_SHARE
from tests.cogs.cards import said
from tests.cogs.configuring import add_manager, configure


@pytest.fixture
def patron(here):
    """A member with the role that gets a larger share."""
    here.patrons = here.guild.create_role("patrons")
    return here.guild.add_member(here.guild._env.create_user("pat"), roles=[here.patrons])


def waiting(world):
    """The prompts that wait, in the order in which they start."""
    return [job.request.prompt for job in world.bot.queue._line]


async def ask(member, channel, *prompts):
    for prompt in prompts:
        await member.slash(channel, "imagine", prompt=prompt)


async def test_a_role_with_twice_the_share_gets_twice_as_many_turns(world, here, patron, held):
    shown = await configure(here, add_manager(here), "roles share", role=here.patrons, percent=200)
    assert f"<@&{here.patrons.id}> 200" in shown
    held.hold()
    await ask(here.bob, here.channel, "first")  # takes the worker
    await ask(here.alice, here.channel, "a 1", "a 2", "a 3")
    await ask(patron, here.channel, "p 1", "p 2", "p 3", "p 4")
    order = waiting(world)
    assert sum(prompt.startswith("p") for prompt in order[:3]) == 2
    assert sum(prompt.startswith("p") for prompt in order[:6]) == 4


async def test_the_host_bounds_shares_and_lowers_what_was_set_before(world, here, patron, held):
    manager = add_manager(here)
    limits = world.settings.limits
    refused = await configure(here, manager, "roles share", role=here.patrons, percent=500)
    assert "from 10 to 200" in refused
    await configure(here, manager, "roles share", role=here.patrons, percent=200)
    limits.max_share = USUAL_SHARE
    held.hold()
    await ask(here.bob, here.channel, "first")
    await ask(patron, here.channel, "a fox")
    [job] = world.bot.queue._line
    assert job.charged(10.0) == 10.0
    limits.max_share = 200


async def test_a_relaxed_picture_waits_while_others_wait(world, here, held):
    shown = await here.alice.slash(here.channel, "preferences set", relax=True)
    assert "nobody else is waiting: on" in said(shown)
    held.hold()
    await ask(here.bob, here.channel, "first")
    told = await here.alice.slash(here.channel, "imagine", prompt="relaxed")
    assert "when nobody else is waiting" in told.response.content
    told = await here.bob.slash(here.channel, "imagine", prompt="second")
    assert "nobody else" not in told.response.content
    await ask(here.moderator, here.other, "third")
    assert waiting(world) == ["second", "third", "relaxed"]
    assert await world.bot.people.preferences(str(here.alice.id)) == Preferences(relax=True)
    [relaxed] = [job for job in await world.bot.store.waiting() if job.request.prompt == "relaxed"]
    assert relaxed.relaxed  # also for the process that continues it


async def test_a_prompt_can_be_relaxed_or_not_whatever_the_preference_is(world, here, held):
    held.hold()
    await ask(here.bob, here.channel, "first")
    await ask(here.alice, here.channel, "relaxed --relax", "usual")
    await here.alice.slash(here.channel, "preferences set", relax=True)
    await ask(here.alice, here.channel, "urgent --relax no")
    assert waiting(world) == ["usual", "urgent", "relaxed"]
    [*_, shown] = [
        message
        for message in world.messages(here.channel)
        if "relaxed" in str(message.embeds[0].to_dict())
    ]
    assert "relaxed" in shown.embeds[0].footer.text


async def test_alone_a_relaxed_picture_is_painted_at_once(world, here):
    await here.alice.slash(here.channel, "preferences set", relax=True)
    await ask(here.alice, here.channel, "a fox")
    await world.painted(here.channel)
