"""/history and /queue show users their own pictures, and no prompt that is hidden from them."""

from __future__ import annotations

import json

from cogs.history import MODEL_LENGTH, WORDS_LENGTH, PageButton, Wanted
from tests.cogs.cards import buttons, listed, text_of, walk
from tests.cogs.channels import set_rights
from tests.cogs.conftest import job_id_of, labels


async def paint(world, here, person, prompts):
    before = len(world.results(here.channel))
    for prompt in prompts:
        await person.slash(here.channel, "imagine", prompt=f"{prompt} --iterations 1")
    return (await world.painted(here.channel, before + len(prompts)))[before:]


async def test_history_shows_the_user_s_own_pictures_newest_first(world, here):
    await paint(world, here, here.bob, ["bob's secret"])
    first, second = await paint(world, here, here.alice, ["a red circle --seed 1", "a hen"])
    shown = await here.alice.slash(here.channel, "history")
    assert shown.ephemeral
    text = text_of(shown)
    assert text.index("a hen") < text.index("a red circle")
    assert "seed 1" in text
    assert "secret" not in text
    assert [button["label"] for button in buttons(shown)] == [
        *["Again", "Remix", "Continue", "Edit", "Video", "Favourite", "Delete"] * 2,
        "Newer",
        "Older",
    ]
    thumbnails = [part for part in walk(shown.response.components) if part["type"] == 11]
    assert len(thumbnails) == len(shown.response.attachments) == 2
    assert str(second.id) in text
    assert job_id_of(first) in json.dumps(shown.response.components)


async def test_history_has_pages(world, here):
    await paint(world, here, here.alice, [f"picture {number}" for number in range(6)])
    shown = await here.alice.slash(here.channel, "history")
    assert "Page 1 of 2, 6 in total" in text_of(shown)
    older = next(button for button in buttons(shown) if button["label"] == "Older")
    assert next(button for button in buttons(shown) if button["label"] == "Newer")["disabled"]
    await here.alice.click(shown.response, custom_id=older["custom_id"])
    text = text_of(shown)
    assert "Page 2 of 2" in text
    assert "picture 0" in text
    assert "picture 5" not in text
    assert len(shown.response.attachments) == 3
    assert len(list(walk(shown.response.components))) <= 40


async def test_history_searches_by_words_kind_model_and_time_through_pages(world, here):
    await paint(world, here, here.alice, [f"a Fox {number}" for number in range(4)] + ["a hen"])
    shown = await here.alice.slash(here.channel, "history", words="FOX a", kind="painted")
    text = text_of(shown)
    assert "Page 1 of 2, 4 in total · painted · with FOX a" in text
    assert "a hen" not in text
    await world.restart()
    older = next(button for button in buttons(shown) if button["label"] == "Older")
    await here.alice.click(shown.response, custom_id=older["custom_id"])
    assert "a Fox 0" in text_of(shown)
    assert "Page 2 of 2, 4 in total · painted" in text_of(shown)
    for options in ({"kind": "edited"}, {"model": "drawn"}, {"words": "cow"}):
        shown = await here.alice.slash(here.channel, "history", **options)
        assert "You have no such pictures" in text_of(shown)
    shown = await here.alice.slash(here.channel, "history", model="tiny", since=1)
    assert "5 in total · model tiny · last 1 day" in text_of(shown)


async def test_the_longest_search_fits_into_a_button(world, here):
    await paint(world, here, here.alice, ["äöü" * 13] * 4)
    wanted = Wanted("favourites", 365, "m" * MODEL_LENGTH, "ü" * WORDS_LENGTH)
    assert len(PageButton.to(999_999, wanted, "Older", disabled=False).custom_id) <= 100
    shown = await here.alice.slash(here.channel, "history", words="äöü" * 13)
    await here.alice.click(shown.response, label="Older")
    assert "Page 2 of 2" in text_of(shown)


async def test_favourites_are_the_presser_s_own_and_others_pictures(world, here):
    [bobs] = await paint(world, here, here.bob, ["bob's fox"])
    pressed = await here.alice.click(bobs, label="Favourite")
    assert pressed.ephemeral
    assert "Added to your favourites" in pressed.response.content
    shown = await here.alice.slash(here.channel, "history", kind="favourites")
    assert "★ · seed" in text_of(shown)
    assert "bob's fox" in text_of(shown)
    nothing = await here.bob.slash(here.channel, "history", kind="favourites")
    assert "You have no favourites yet" in text_of(nothing)
    pressed = await here.alice.click(shown.response, label="Favourite")
    assert "No longer" in pressed.response.content
    shown = await here.alice.slash(here.channel, "history", kind="favourites")
    assert "You have no favourites yet" in text_of(shown)


async def test_a_favourite_is_hidden_once_its_channel_is(world, here):
    await here.bob.slash(here.other, "imagine", prompt="a secret --iterations 1")
    [secret] = await world.painted(here.other)
    await here.alice.click(secret, label="Favourite")
    await set_rights(world, here.other, here.guild.default_role, view_channel=False)
    shown = await here.alice.slash(here.channel, "history", kind="favourites")
    assert "secret" not in text_of(shown)
    assert "A favourite of yours that you can't see any more" in text_of(shown)
    assert shown.response.attachments == []


async def test_a_full_page_stays_within_discord_s_limits(world, here):
    await paint(world, here, here.alice, ["a fox " + "_" * 1900] * 3)
    shown = await here.alice.slash(here.channel, "history")
    assert len(list(walk(shown.response.components))) <= 40
    assert len(text_of(shown)) <= 4000


async def test_history_s_buttons_work(world, here):
    await paint(world, here, here.alice, ["a hen"])
    shown = await here.alice.slash(here.channel, "history")
    pressed = await here.alice.click(shown.response, label="Delete")
    assert pressed.response.content == "Deleted."
    assert world.results(here.channel) == []
    again = await here.alice.slash(here.channel, "history")
    assert "no pictures yet" in text_of(again)


async def test_history_turns_pages_after_a_restart(world, here):
    await paint(world, here, here.alice, [f"picture {number}" for number in range(5)])
    shown = await here.alice.slash(here.channel, "history")
    await world.restart()
    older = next(button for button in buttons(shown) if button["label"] == "Older")
    await here.alice.click(shown.response, custom_id=older["custom_id"])
    assert "Page 2 of 2" in text_of(shown)


async def test_queue_shows_this_server_s_jobs_by_position(world, here):
    empty = await here.alice.slash(here.channel, "queue")
    assert empty.ephemeral
    assert listed(empty).startswith("The channels that you can see have no pictures")
    there = world.env.create_guild("Elsewhere")
    carol = there.add_member(world.env.create_user("carol"))
    general = there.create_text_channel("general")
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 900")
    await here.bob.slash(here.other, "imagine", prompt="bob's hen --iterations 900")
    await carol.slash(general, "imagine", prompt="carol's secret --iterations 900")
    await world.until(lambda: world.bot.queue.overview()[0].state == "running", "the first")
    shown = listed(await here.alice.slash(here.channel, "queue"))
    assert "for you: a fox" in shown
    assert "**2nd" in shown
    assert here.bob.mention in shown
    # Another channel's prompts are shown to members who can view it, another server's to nobody.
    assert "bob's hen" in shown
    assert "secret" not in shown
    assert "1 picture from elsewhere" in shown
    for job in world.bot.queue.overview():
        await world.bot.queue.cancel(job.id)
    await world.until(lambda: not world.bot.delivery.busy, "the end")


async def test_a_picture_can_be_kept_if_old_ones_are_deleted_for_space(world, here, monkeypatch):
    assert "Keep" not in labels((await paint(world, here, here.alice, ["a fox"]))[0])
    monkeypatch.setattr(world.bot.settings.operations, "pictures_mb", 1.0)
    [picture] = await paint(world, here, here.alice, ["a hen"])
    pressed = await here.bob.click(picture, label="Keep")
    assert pressed.ephemeral
    assert "can keep it" in pressed.response.content
    quota, id = world.bot.store.quota, job_id_of(picture)
    assert not await quota.is_kept(id)
    pressed = await here.alice.click(picture, label="Keep")
    assert pressed.ephemeral
    assert pressed.response.content.startswith("Kept")
    assert await quota.is_kept(id)
    assert text_of(await here.alice.slash(here.channel, "history")).count(" · kept") == 1
    await here.moderator.click(picture, label="Keep")
    assert not await quota.is_kept(id)
