"""/help names what the model in use knows, with prompts that work, and links to the commands."""

from __future__ import annotations

import re

import pytest

from bot.host.models import check_words, knowledge_of
from bot.ui.buttons import AgainButton
from bot.ui.job_button import view_of
from engine.models.catalogue import load_catalogue
from engine.request.request import make_request
from tests.bot.language.test_commands import named
from tests.cogs.cards import text_of
from tests.cogs.conftest import labels


async def test_its_examples_paint_pictures(world, here):
    shown = text_of(await here.alice.slash(here.channel, "help"))
    assert "The model here is tiny" in shown
    examples = re.findall("- `(.+)`", shown)
    assert examples
    await here.alice.slash(here.channel, "imagine", prompt=f"{examples[0]} --iterations 1")
    [picture] = await world.painted(here.channel)
    assert "Again" in labels(picture)


async def test_commands_are_links_also_after_a_restart(world, here):
    await world.restart()
    shown = text_of(await here.alice.slash(here.channel, "help"))
    for name in ("imagine", "edit", "history", "queue", "preferences set", "privacy forget"):
        assert re.search(rf"</{name}:[0-9]+>", shown), name


@pytest.mark.parametrize("model", ["drawn", "natural"])
async def test_shipped_models_know_every_word_of_their_examples(model):
    known = await knowledge_of(model)
    assert known.examples == load_catalogue().model(model).examples
    for example in known.examples:
        assert await check_words(make_request(example, model=model)) == ()
    if model == "drawn":
        assert {"fox", "star", "red"} <= set(known.words)
        for word in known.words:
            assert await check_words(make_request(f"a {word}", model=model)) == ()


async def test_every_command_that_a_text_names_exists(world):
    names = {command.qualified_name for command in world.bot.tree.walk_commands()}
    names |= {"admin announce", "config"}  # in the host's server only; a group
    for name in named():
        words = name.removeprefix("/").split()
        assert any(" ".join(words[:count]) in names for count in (3, 2, 1)), name


async def test_texts_outside_help_link_commands_too(world, here):
    shown = await here.alice.slash(here.channel, "history")
    assert re.search(r"Use </imagine:[0-9]+> to paint one", text_of(shown))
    gone = await world.bot.get_channel(here.channel.id).send(view=view_of("0" * 32, (AgainButton,)))
    pressed = await here.alice.click(gone, label="Again")
    assert re.search(r"Use </imagine:[0-9]+> to paint a new one", pressed.response.content)
