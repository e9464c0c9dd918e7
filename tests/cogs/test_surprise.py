"""/surprise: prompts of phrases that the model knows and the server allows."""

from __future__ import annotations

import random

import discord
import pytest

from bot.errors import NotAllowedError
from bot.requests import surprise as surprises
from bot.requests.surprise import draw, surprise
from cogs.surprise import AnotherButton
from engine.models.phrases import Phrases, all_phrases
from engine.request.prompt import parse_prompts
from tests.cogs.cards import said, text_of
from tests.cogs.conftest import newest
from tests.cogs.media import answered

FEW = Phrases(("a fox", "a hen"), ("on a hill",), ("at night",), ("woodcut",))


def prompt_in(result):
    return said(result).splitlines()[1].removeprefix("> ")


async def test_a_prompt_is_shown_drawn_again_and_painted(world, here, monkeypatch):
    drawn = iter(["a fox", "a hen --iterations 1", "a cow"])
    monkeypatch.setattr(surprises, "draw", lambda phrases: next(drawn))
    result = await here.alice.slash(here.channel, "surprise")
    assert result.ephemeral
    await answered(world, result)
    assert prompt_in(result) == "a fox"
    await here.alice.click(result.response, label="Another")
    await world.until(lambda: prompt_in(result) != "a fox", "another one")
    await world.restart()
    await here.alice.click(result.response, label="Paint it")
    assert (await newest(world, here.channel, 1)).request.prompt == "a hen"
    await here.alice.click(result.response, label="Another")
    await world.until(lambda: "a cow" in prompt_in(result), "another one after a restart")


async def test_a_message_from_before_cards_is_drawn_again_in_place(world, here, monkeypatch):
    monkeypatch.setattr(surprises, "draw", lambda phrases: "a hen")
    view = discord.ui.View(timeout=None)
    view.add_item(AnotherButton())
    channel = world.bot.get_channel(here.channel.id)
    old = await channel.send("How about this?\n> a fox", embed=discord.Embed(title="x"), view=view)
    view.stop()
    await here.alice.click(old, label="Another")
    await world.until(lambda: "a hen" in text_of(world.messages(here.channel)[-1]), "another one")
    message = world.messages(here.channel)[-1]
    assert (message.id, message.content, message.embeds) == (old.id, "", [])


async def test_words_that_a_server_blocks_are_never_drawn(world, here, monkeypatch):
    guild = str(here.guild.id)
    drawn = iter(["a fox", "a hen"] + ["a fox"] * 99)
    monkeypatch.setattr(surprises, "draw", lambda phrases: next(drawn))
    await world.bot.store.guilds.change_settings(guild, "1", {"blocked_words": ["fox"]})
    result = await here.alice.slash(here.channel, "surprise")
    await answered(world, result)
    assert prompt_in(result) == "a hen"
    result = await here.alice.slash(here.channel, "surprise")
    assert "can't think of anything" in await answered(world, result)


def test_prompts_are_of_known_phrases_and_all_kinds_come():
    numbers = random.Random(3)
    seen = {draw(FEW, numbers.choice) for _ in range(300)}
    assert {"a fox", "a hen on a hill", "a fox at night, woodcut", "a hen, woodcut"} <= seen
    for prompt in seen:
        assert len(parse_prompts(prompt)) == 1
    bare = Phrases(("a fox",), (), (), ())
    assert {draw(bare, numbers.choice) for _ in range(20)} == {"a fox"}


def test_what_nobody_asks_for_is_known_and_left_out():
    assert set(all_phrases().things) >= surprises._UNASKED
    few = Phrases(("a fox", *surprises._UNASKED), (), (), ())
    assert {draw(few) for _ in range(50)} == {"a fox"}


def test_without_a_word_it_says_so():
    with pytest.raises(NotAllowedError):
        surprise(Phrases((), (), (), ()), lambda prompt: True)
