"""Pictures to paint like: what is stored, shown and kept of them, and who can forget them."""

from __future__ import annotations

import pytest

from tests.cogs.conftest import job_id_of, newest
from tests.cogs.media import answered, ask, png, sha256

FAST = "--iterations 2"
LEMON, LIME, WALL = (png(colour) for colour in ("yellow", "green", "grey"))
pytestmark = pytest.mark.usefixtures("host")


async def test_pictures_mix_with_words_and_stay_in_again_remixes_and_edits(world, here):
    said = await ask(
        world,
        here,
        f"a fox {FAST}",
        like=("lemon.png", LEMON),
        like_2=("lime.png", LIME),
        init_image=("wall.png", WALL),
        like_weight=0.5,
    )
    assert said.startswith("Queued")
    job = await newest(world, here.channel, 1)
    like = tuple((each.picture, each.weight) for each in job.request.like)
    assert like == ((sha256(LEMON), 0.5), (sha256(LIME), 0.5))
    assert job.request.init_image == sha256(WALL)
    assert set(await world.bot.store.attachments(job.id)) == set(map(sha256, (LEMON, LIME, WALL)))
    [message] = world.results(here.channel)
    assert message.embeds[0].description.splitlines() == [
        "- a fox",
        "- like a picture × 0.5",
        "- like a picture × 0.5",
    ]
    assert message.attachments[0].description == "a fox, like a picture"
    await here.bob.click(message, label="Again")
    assert (await newest(world, here.channel, 2)).request.like == job.request.like
    shown = await here.bob.click(message, label="Remix")
    await here.bob.submit_modal(shown, {"prompt": "a hen"})
    remix = await newest(world, here.channel, 3)
    assert (remix.request.prompt, remix.request.like) == ("a hen", job.request.like)
    await here.bob.send(here.channel, f"edit: a wolf {FAST}", reply_to=message)
    edit = await newest(world, here.channel, 4)
    assert edit.request.like == job.request.like
    assert edit.request.init_image == sha256(await world.bot.store.picture(job.id))


async def test_without_words_a_picture_is_painted_shown_and_remixed(world, here):
    await ask(world, here, f"- {FAST}", like=("lemon.png", LEMON))
    job = await newest(world, here.channel, 1)
    assert (job.request.prompt, job.state) == ("", "delivered")
    [message] = world.results(here.channel)
    assert message.embeds[0].description == "- like a picture"
    assert message.attachments[0].filename.startswith("picture-")
    shown = await here.alice.slash(here.channel, "history")
    assert "like a picture" in str(shown.response.components)
    opened = await here.alice.click(message, label="Remix")
    assert not opened.modal["components"][0]["component"]["required"]
    await here.alice.submit_modal(opened, {"prompt": ""})
    assert (await newest(world, here.channel, 2)).request.like == job.request.like


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"prompt": "-", "like": ("notes.png", b"words")}, "notes.png: That file isn't a picture"),
        ({"prompt": "a fox", "like_weight": 2.0}, "needs a picture to paint like"),
        ({"prompt": "a fox", "like": ("lemon.png", LEMON), "like_weight": 0.0}, "weight 0"),
    ],
)
async def test_what_cannot_be_painted_like_is_refused(world, here, options, part):
    result = await here.alice.slash(here.channel, "imagine", **options)
    assert part in await answered(world, result)
    assert world.bot.queue.overview() == []


async def test_pictures_to_paint_like_go_with_the_person_who_attached_them(world, here):
    await ask(world, here, f"a fox {FAST}", like=("lemon.png", LEMON))
    [message] = await world.painted(here.channel)
    await here.bob.click(message, label="Again")
    _, his = await world.painted(here.channel, 2)
    path = world.bot.store.folder / "attachments" / sha256(LEMON)
    assert path.exists()
    await world.bot.store.privacy.forget(str(here.alice.id))
    assert not path.exists()
    assert await world.bot.store.picture(job_id_of(his)) is not None
    refused = await here.bob.click(his, label="Again")
    assert "needs is gone. Attach it again." in await answered(world, refused)
