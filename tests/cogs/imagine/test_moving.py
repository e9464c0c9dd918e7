"""Camera moves, sounds and looping pictures in Discord."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.cogs.conftest import newest
from tests.cogs.media import answered
from tests.engine.request.test_loudness import sine, wav

pytestmark = pytest.mark.usefixtures("host")


async def test_a_story_follows_a_sound_the_camera_moves_and_the_video_loops(world, here):
    result = await here.alice.slash(
        here.channel,
        "imagine",
        prompt="a red circle ^ a blue square --iterations 8 --every 2 --pan 1,0",
        zoom=1.1,
        sound=("song.wav", wav(sine(1))),
        loop=True,
    )
    assert (await answered(world, result)).startswith("Queued")
    job = await newest(world, here.channel, 1)
    assert (job.request.zoom, job.request.every, job.request.loop) == (1.1, 2, True)
    assert len(job.request.loudness) == 200
    [picture] = world.results(here.channel)
    embed = picture.embeds[0]
    assert embed.description.splitlines() == [
        "- a red circle",
        "where the sound is louder",
        "- a blue square",
    ]
    assert "follows a sound · zoom 1.1 · moved by 1,0 · every 2 iterations" in embed.footer.text
    await here.bob.click(picture, label="Video")
    [film] = await world.filmed(here.channel)
    [attachment] = film.attachments
    assert attachment.filename.endswith(".webp")
    with Image.open(io.BytesIO(await attachment.read())) as shown:
        assert (shown.format, shown.info["loop"]) == ("WEBP", 0)
        # Iterations 0, 2, 4, 6 and the result, of which equal ones are merged.
        assert 1 < getattr(shown, "n_frames", 1) <= 5
    await here.bob.send(here.channel, "edit: a wolf --iterations 2", reply_to=picture)
    edit = (await newest(world, here.channel, 2)).request
    assert (edit.zoom, edit.pan, edit.every, edit.loudness) == (None, None, None, None)


async def test_a_file_that_is_no_sound_gets_a_sentence(world, here):
    result = await here.alice.slash(
        here.channel, "imagine", prompt="a fox ^ a hen", sound=("song.mp3", b"ID3")
    )
    assert "save it as a WAV file" in await answered(world, result)
    result = await here.alice.slash(
        here.channel, "imagine", prompt="a fox", sound=("song.wav", wav([1.0]))
    )
    assert "only works with a story" in await answered(world, result)
