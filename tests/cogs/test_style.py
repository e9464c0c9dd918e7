"""/style: a member's own styles, the server's, and what they do to prompts."""

from __future__ import annotations

import pytest

from bot.requests.styles import MOST_OWN
from tests.cogs.conftest import newest
from tests.cogs.media import answered

ONE = {"iterations": 1}


async def style(world, here, person, command, **options):
    result = await person.slash(here.channel, f"style {command}", **options)
    assert result.ephemeral
    return await answered(world, result)


async def painted(world, here, person, prompt, count, **options):
    await person.slash(here.channel, "imagine", prompt=prompt, **ONE, **options)
    return (await newest(world, here.channel, count)).request


async def test_a_style_is_kept_offered_painted_with_and_removed(world, here):
    alice = here.alice
    said = await style(world, here, alice, "add", name=" Wood  Cut ", words="woodcut --seed 7")
    assert said.startswith("Kept: **wood cut**")
    offered = await alice.autocomplete(here.channel, "imagine", "style", "wo", prompt="a fox")
    assert [choice["value"] for choice in offered] == ["wood cut"]
    request = await painted(world, here, alice, "a fox", 1, style="Wood cut")
    assert (request.prompt, request.seed) == ("a fox, woodcut", 7)
    assert "**wood cut**: woodcut --seed 7" in await style(world, here, alice, "list")
    assert "Removed" in await style(world, here, alice, "remove", name="wood cut")
    assert "no styles yet" in await style(world, here, alice, "list")
    refused = await alice.slash(here.channel, "imagine", prompt="a fox", style="wood cut")
    assert "no style called wood cut here" in await answered(world, refused)
    assert "no style called" in await style(world, here, alice, "remove", name="wood cut")


async def test_a_style_in_use_is_added_to_every_prompt_until_it_is_given_up(world, here):
    alice = here.alice
    await style(world, here, alice, "add", name="ink", words="ink drawing")
    await style(world, here, alice, "use", name="ink")
    assert "ink drawing · in use" in await style(world, here, alice, "list")
    assert (await painted(world, here, alice, "a fox", 1)).prompt == "a fox, ink drawing"
    assert (await painted(world, here, alice, "a fox", 2, style="none")).prompt == "a fox"
    assert (await painted(world, here, here.bob, "a fox", 3)).prompt == "a fox"
    await style(world, here, alice, "use")
    assert (await painted(world, here, alice, "a fox", 4)).prompt == "a fox"
    assert "no style called wash" in await style(world, here, alice, "use", name="wash")


async def test_moderators_share_styles_which_everyone_there_can_use(world, here):
    moderator, bob = here.moderator, here.bob
    await style(world, here, bob, "add", name="ink", words="ink drawing")
    assert "You need Manage Messages" in await style(world, here, bob, "share", name="ink")
    await style(world, here, moderator, "add", name="wash", words="watercolour")
    assert "Everyone here" in await style(world, here, moderator, "share", name="wash")
    assert (
        await painted(world, here, bob, "a fox", 1, style="wash")
    ).prompt == "a fox, watercolour"
    said = await style(world, here, bob, "list")
    assert said.splitlines() == [
        "**Your styles**",
        "- **ink**: ink drawing",
        "**This server's styles**",
        "- **wash**: watercolour",
    ]
    offered = await bob.autocomplete(here.channel, "style use", "name", "")
    assert [choice["value"] for choice in offered] == ["ink", "wash"]
    offered = await bob.autocomplete(here.channel, "style share", "name", "")
    assert [choice["value"] for choice in offered] == ["ink"]
    said = await style(world, here, bob, "remove", name="wash", server=True)
    assert "You need Manage Messages" in said
    await style(world, here, bob, "use", name="wash")
    assert "Removed" in await style(world, here, moderator, "remove", name="wash", server=True)
    # In use where there is one of that name, and nowhere else.
    assert (await painted(world, here, bob, "a hen", 2)).prompt == "a hen"


@pytest.mark.parametrize(
    ("name", "words", "part"),
    [
        ("???", "ink", "can't be called"),
        ("none", "ink", "can't be called none"),
        ("ink", "ink --colour red", "There is no option --colour"),
        ("ink", "{red, blue} ink", "can't have choices"),
        ("ink", "bad ink", "||bad|| is blocked"),
        ("ink", "https://example.com/a.png", "addresses are not opened"),
    ],
)
async def test_what_cannot_be_a_style_is_refused(world, here, name, words, part):
    await world.bot.store.guilds.change_settings(
        str(here.guild.id), "1", {"blocked_words": ["bad"]}
    )
    assert part in await style(world, here, here.alice, "add", name=name, words=words)
    assert await world.bot.store.styles.of_person(str(here.alice.id)) == []


async def test_blocked_words_hold_for_styles_that_were_kept_elsewhere(world, here):
    person = str(here.moderator.id)
    await world.bot.styles.add(person, "ink", "bad ink")
    await world.bot.store.guilds.change_settings(
        str(here.guild.id), "1", {"blocked_words": ["bad"]}
    )
    assert "||bad|| is blocked" in await style(world, here, here.moderator, "share", name="ink")
    refused = await here.moderator.slash(here.channel, "imagine", prompt="a fox", style="ink")
    assert "||bad|| is blocked" in await answered(world, refused)


async def test_there_is_a_limit_and_a_style_can_still_be_changed(world, here):
    person = str(here.alice.id)
    for number in range(MOST_OWN):
        await world.bot.styles.add(person, f"style {number}", "ink")
    said = await style(world, here, here.alice, "add", name="more", words="ink")
    assert f"You have {MOST_OWN} styles, the maximum" in said
    said = await style(world, here, here.alice, "add", name="style 0", words="wash")
    assert said.startswith("Kept")
    assert len(await style(world, here, here.alice, "list")) < 2000
