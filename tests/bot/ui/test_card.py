"""Cards stay within Discord's limits, whatever they are given."""

from __future__ import annotations

import io
from types import SimpleNamespace

import discord
from hypothesis import given
from hypothesis import strategies as st

from bot.standin.checks import COMPONENTS_V2, check_message
from bot.ui.buttons import AgainButton, RemixButton
from bot.ui.card import LETTERS, Card, fitting
from tests.cogs.cards import GALLERY, facts_of, parts, texts_of

LINES = st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=40)


def sent(card):
    """The card's components, if Discord takes them."""
    components = card.view().to_components()
    files = {f"files[{i}]": (file.filename, b"") for i, file in enumerate(card.files)}
    check_message({"flags": COMPONENTS_V2, "components": components}, files)
    return SimpleNamespace(components=components)


@given(LINES, st.lists(LINES, min_size=1, max_size=8), st.integers(0, 3000), st.integers(1, 6000))
async def test_any_texts_are_taken(lines, facts, most, length):
    card = Card("Title")
    card.entries(lines, most=20)
    for each in facts:
        card.fact("Name", "\n".join(each), most=most)
    card.facts({"Seed": "7", "Model": "x" * length})
    card.text("y" * length)
    card.small("z\n" * length)
    assert sum(map(len, texts_of(sent(card)))) <= LETTERS


async def test_what_it_is_told_is_there_in_order_with_pictures_described_and_buttons():
    card = Card("Info", colour=0x123456)
    card.fact("Prompt", "a fox\nin snow")
    card.fact("Notes", "")
    card.facts({"Seed": "7", "Size": "32×32 · square"})
    file = discord.File(io.BytesIO(), filename="a.png", description="a fox")
    hidden = discord.File(io.BytesIO(), filename="SPOILER_b.png", description="a hen")
    card.pictures([(file, False), (hidden, True)])
    card.buttons(AgainButton("0" * 32), RemixButton("0" * 32))
    message = sent(card)
    [container] = message.components
    assert container["accent_color"] == 0x123456
    assert [part["type"] for part in container["components"]] == [10, 10, 10, 12, 1]
    assert texts_of(message)[0] == "### Info"
    assert facts_of(message) == {"Prompt": "a fox\nin snow", "Seed": "7", "Size": "32×32 · square"}
    [gallery] = parts(message, GALLERY)
    told = [
        (each["media"]["url"], each["description"], each["spoiler"]) for each in gallery["items"]
    ]
    assert told == [
        ("attachment://a.png", "a fox", False),
        ("attachment://SPOILER_b.png", "a hen", True),
    ]


def test_a_list_has_whole_entries_and_says_how_many_are_left_out():
    entries = [f"{number} a line\nand another" for number in range(9)]
    assert fitting(entries, 1000) == "\n".join(entries)
    assert fitting(entries, 1000, most=2) == f"{entries[0]}\n{entries[1]}\nand 7 more"
    assert fitting(entries, 70) == f"{entries[0]}\n{entries[1]}\nand 7 more"
    assert fitting(["x" * 50], 10) == "x" * 9 + "…"
    assert fitting([], 10) == ""
