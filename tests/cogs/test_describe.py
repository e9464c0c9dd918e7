"""/describe and its menu: four prompts for the person alone, whose buttons paint them."""

from __future__ import annotations

import pytest

from bot.ui.prompt_buttons import LONGEST_PROMPT, PaintButton
from data.jobs.history import Search
from engine.models.phrases import Phrases, all_phrases
from engine.worker.messages import Described
from tests.cogs.cards import buttons
from tests.cogs.configuring import add_manager, configure
from tests.cogs.conftest import newest
from tests.cogs.media import answered, png

FAST = " --iterations 1"
PROMPTS = tuple(f"{words}{FAST}" for words in ("a fox", "a hen", "a fox + a hen", "a fox, mosaic"))
pytestmark = pytest.mark.usefixtures("host")


@pytest.fixture
def scripted(world, monkeypatch):
    """A worker that finds these prompts."""
    asked = []

    async def found(request, pictures):
        asked.append((request, pictures))
        return Described("1", PROMPTS, ("a fox", "a hen"))

    monkeypatch.setattr(world.bot.queue, "describe_picture", found)
    return asked


async def describe(world, here, person, **options):
    file = options.pop("image", ("fox.png", png(size=(48, 32))))
    result = await person.slash(here.channel, "describe", image=file, **options)
    return result, await answered(world, result)


def buttons_of(result):
    """The numbers of the answer's buttons, and the prompts that they paint."""
    items = buttons(result)
    return {item["label"]: item["custom_id"].removeprefix("imagine:paint:") for item in items}


async def test_a_picture_is_described_by_the_real_perceptor(world, here, monkeypatch):
    few = Phrases(*(phrases[:5] for phrases in all_phrases()))
    monkeypatch.setattr("engine.painting.describing.known_phrases", lambda vocabulary: few)
    result, said = await describe(world, here, here.alice)
    assert result.ephemeral
    lines = said.splitlines()
    assert [line[:5] for line in lines[2:6]] == [f"**{number}**" for number in range(1, 5)]
    assert lines[6].startswith("-# Nearest words: ")
    assert list(buttons_of(result)) == ["1", "2", "3", "4"]
    assert world.bot.queue.overview() == []
    assert await world.bot.store.history.page(str(here.alice.id), Search()) == ([], 0)


async def test_a_button_paints_its_prompt_in_the_picture_s_shape_after_a_restart(
    world, here, scripted
):
    result, said = await describe(world, here, here.alice)
    assert "a fox, mosaic" in said
    prompt = buttons_of(result)["2"]
    assert prompt == f"{PROMPTS[1]} --ar 3:2"
    await world.restart()
    await here.alice.click(result.response, custom_id=PaintButton(prompt).custom_id)
    job = await newest(world, here.channel, 1)
    assert (job.request.prompt, job.request.aspect) == ("a hen", 1.5)


async def test_the_model_that_was_chosen_looks_and_paints(world, here, scripted):
    _, said = await describe(world, here, here.alice, model="nothing")
    assert "nothing" in said
    assert scripted == []
    result, _ = await describe(
        world, here, here.alice, model="tiny", image=("fox.png", png(size=(9, 9)))
    )
    [(request, pictures)] = scripted
    assert request.model == "tiny"
    assert set(pictures) == {request.like[0].picture}
    assert buttons_of(result)["1"] == f"{PROMPTS[0]} --model tiny"


async def test_a_message_s_picture_is_described_by_its_menu(world, here, scripted):
    message = await here.bob.send(here.channel, attachments=[("fox.png", png())])
    result = await here.alice.context_menu(here.channel, "Describe this image", message)
    assert "a hen" in await answered(world, result)
    assert result.ephemeral
    plain = await here.bob.send(here.channel, "no picture")
    result = await here.alice.context_menu(here.channel, "Describe this image", plain)
    assert "can't see a picture" in await answered(world, result)


async def test_words_that_a_server_blocks_are_left_out(world, here, scripted):
    manager = add_manager(here)
    await configure(here, manager, "words add", words="hen")
    result, said = await describe(world, here, here.alice)
    assert "hen" not in said
    assert list(buttons_of(result)) == ["1", "2"]
    await configure(here, manager, "words add", words="fox")
    _, said = await describe(world, here, here.alice)
    assert "no words for that picture that this server allows" in said


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ({"roles_use": ["5"]}, "to make pictures here"),
        ({"channels_denied": ["channel"]}, "can't paint in this channel"),
    ],
)
async def test_who_cannot_paint_here_cannot_ask(world, here, scripted, setting, part):
    values = {
        name: [str(here.channel.id) if each == "channel" else each for each in value]
        for name, value in setting.items()
    }
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", values)
    _, said = await describe(world, here, here.alice)
    assert part in said
    assert scripted == []


async def test_a_person_has_one_picture_described_at_a_time(world, here, scripted):
    world.bot.describer._people.add(str(here.alice.id))
    _, said = await describe(world, here, here.alice)
    assert "still describing" in said
    world.bot.describer._people.clear()


def test_the_longest_prompt_fits_into_a_button():
    assert len(PaintButton("a" * LONGEST_PROMPT).custom_id) == 100
