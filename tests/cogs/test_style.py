"""/style: a member's own styles, the server's, and what they do to prompts."""

from __future__ import annotations

import pytest

from bot.requests.styles import MOST_OWN
from tests.cogs.conftest import newest
from tests.cogs.media import answered, png

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
        "### Styles",
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


async def test_edits_and_blends_are_in_a_chosen_style(world, here, host):
    alice, red, blue = here.alice, ("red.png", png()), ("blue.png", png("blue"))
    await world.bot.styles.add(str(alice.id), "ink", "ink drawing --cutouts 3")
    await style(world, here, alice, "use", name="ink")
    blended = {"image": red, "image_2": blue, **ONE}
    expected = [
        ("blend", {**blended, "prompt": "a fox"}, "a fox, ink drawing"),
        ("blend", blended, ""),
        ("blend", {**blended, "style": "ink"}, "ink drawing"),
        ("edit", {"image": red, "prompt": "a fox", **ONE}, "a fox"),
        (
            "edit",
            {"image": red, "prompt": "fog -> sun", "style": "ink", **ONE},
            "fog -> sun, ink drawing",
        ),
    ]
    for count, (command, options, prompt) in enumerate(expected, 1):
        told = await alice.slash(here.channel, command, **options)
        assert (await answered(world, told)).startswith("Queued")
        request = (await newest(world, here.channel, count)).request
        assert (request.prompt, request.cutouts == 3) == (prompt, "ink" in prompt)
        typed = {name: value for name, value in options.items() if name != "style"}
        offered = await alice.autocomplete(here.channel, command, "style", "i", **typed)
        assert [choice["value"] for choice in offered] == ["ink"]


async def test_remix_and_edit_offer_the_styles_in_their_modals(world, here):
    alice = here.alice
    await painted(world, here, alice, "a fox --cutouts 2", 1)
    [picture] = world.results(here.channel)
    opened = await alice.click(picture, label="Remix")
    assert len(opened.modal["components"]) == 1  # without any style
    await world.bot.styles.add(str(alice.id), "ink", "ink drawing --cutouts 3")
    for count, (label, fields, expected) in enumerate(
        (
            ("Remix", {"prompt": "a hen", "style": ["ink"]}, ("a hen, ink drawing", 3)),
            ("Remix", {"prompt": "a hen --cutouts 1", "style": ["ink"]}, ("a hen, ink drawing", 1)),
            ("Remix", {"prompt": "a hen"}, ("a hen", 2)),
            ("Edit", {"words": "a hen", "style": ["ink"]}, ("a hen, ink drawing", 3)),
        ),
        2,
    ):
        opened = await alice.click(picture, label=label)
        await alice.submit_modal(opened, fields)
        request = (await newest(world, here.channel, count)).request
        assert (request.prompt, request.cutouts) == expected
    opened = await alice.click(picture, label="Remix")
    await style(world, here, alice, "remove", name="ink")
    late = await alice.submit_modal(opened, {"prompt": "a hen", "style": ["ink"]})
    assert "no style called ink here" in await answered(world, late)


async def test_more_styles_than_fit_a_list_are_typed(world, here):
    for number in range(MOST_OWN):
        await world.bot.styles.add(str(here.alice.id), f"style {number}", "ink")
    guild = str(here.guild.id)
    await world.bot.store.styles.share(guild, "1", "wash", "watercolour", 1)
    await painted(world, here, here.alice, "a fox", 1)
    opened = await here.alice.click(world.results(here.channel)[0], label="Remix")
    await here.alice.submit_modal(opened, {"prompt": "a hen", "style": " Wash"})
    assert (await newest(world, here.channel, 2)).request.prompt == "a hen, watercolour"


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
