"""The tour: all that it does and shows is there, and docs/tour.md is what it writes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bench.tour import __main__ as command
from bench.tour import story
from bench.tour.book import Book
from bench.tour.story import Plan, tell
from bot.language import catalogue_of
from bot.ui.job_button import JobButton

pytestmark = pytest.mark.asyncio(loop_scope="module")
DOCS = Path(__file__).resolve().parents[3] / "docs"
MOST_BYTES = 1_500_000


class Looker:
    """In place of the camera: looks whether what it would photograph is on the page."""

    def __init__(self, page):
        self._page = page

    async def look(self, person, channel):
        assert person == self._page.seen["here"]["as"]

    async def messages(self, name, messages):
        there = [each["id"] for each in self._page.seen["messages"]]
        assert messages
        assert [each["id"] for each in messages if each["id"] not in there] == []
        for message in messages:
            assert [file for file in message["attachments"] if not file["description"]] == [], name

    async def modal(self, name, modal):
        assert modal["components"]


def calls(name):
    """The calls of a function in the story: their constants, and their keywords' nodes."""
    for node in ast.walk(ast.parse(Path(story.__file__).read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name:
            constants = [each.value for each in node.args if isinstance(each, ast.Constant)]
            yield constants, {each.arg: each.value for each in node.keywords}


def known_options(commands, path=""):
    """The names of the options of all commands, by their path."""
    found: dict[str, set[str]] = {}
    for each in commands:
        options = each.get("options") or []
        inner = [option for option in options if option["type"] in (1, 2)]
        here = f"{path} {each['name']}".strip()
        found |= known_options(inner, here) if inner else {here: {one["name"] for one in options}}
    return found


def known_labels(kind=JobButton):
    """The English labels of the buttons under pictures."""
    own = {getattr(kind, "label", None), *kind.choices.values()}
    return own.union(*map(known_labels, kind.__subclasses__()))


async def test_the_commands_options_and_buttons_of_the_tour_exist(page):
    await page.look(**{"as": page.morgan})
    known = known_options(page.seen["commands"])
    used = 0
    for constants, given in (*calls("answered"), *calls("begun")):
        if constants[-1:] == ["menu"]:
            assert given["name"].value in known
        if isinstance(path := given.get("path"), ast.Constant):
            options = given["options"].keys if isinstance(given["options"], ast.Dict) else []
            assert {getattr(option, "value", None) for option in options} <= known[path.value], (
                path.value
            )
            used += 1
    assert used >= 6
    labels = {*known_labels(), *(f"{letter}{n}" for letter in "UV" for n in range(1, 5))}
    labels |= {catalogue_of("de").gettext(label) for label in labels if label}
    pressed = {
        constant
        for name in ("pressed", "newest")
        for constants, _given in calls(name)
        for constant in constants[:1]
    }
    assert {"Nudge", "V2", "U1", "Video", "Lineage", "Löschen"} <= pressed <= labels


@pytest.mark.slow
async def test_the_bot_still_does_all_that_the_tour_tells(page):
    page.seconds = 60.0
    book = Book(page, Looker(page), command.FOLDER)
    await tell(book, Plan("tiny", "tiny", bar=0, watched=1000))
    assert book.text(command.OPENING) == (DOCS / "tour.md").read_text("utf-8")
    pictures = sorted((DOCS / command.FOLDER).iterdir())
    assert [file.name for file in pictures] == sorted(f"{name}.webp" for name in book.names)
    assert sum(file.stat().st_size for file in pictures) < MOST_BYTES
