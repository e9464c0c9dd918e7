"""Our texts link the commands that they name, if their ids are known; people's words do not."""

from __future__ import annotations

import re

import pytest

from bot.errors import GoneError, report
from bot.language import _, plural, using_language
from bot.language.commands import command_link, know_commands, with_links, without_links
from bot.locales.update import texts

IDS = {"imagine": 1, "mod log": 2, "mod": 3, "config words add": 4, "config words": 5, "edit": 6}


@pytest.fixture
def ids():
    know_commands(IDS)
    yield
    know_commands({})


def test_without_ids_texts_stay_as_they_are():
    assert _("That picture was deleted. Attach it to /edit instead.").endswith("to /edit instead.")
    assert command_link("mod log") == "/mod log"


def test_a_text_links_its_commands_in_every_language(ids):
    text = "That picture was deleted. Attach it to /edit instead."
    assert _(text) == "That picture was deleted. Attach it to </edit:6> instead."
    with using_language("de"):
        assert "</edit:6>" in _(text)
    assert _("-# Use /mod log page:{page}", page=3) == "-# Use </mod log:2> page:3"
    assert plural("/imagine {number}", "/imagine it {number}", 2) == "</imagine:1> it 2"
    assert _("Use {command}.", command=command_link("config words add")) == (
        "Use </config words add:4>."
    )


def test_what_people_typed_and_what_is_no_command_stays(ids):
    assert _("{prompt} isn't known", prompt="a /imagine cow") == "a /imagine cow isn't known"
    for text in ("/imagined", "a/edit", "`/edit`", "/edit/it", "/edits", "</edit:6>", "/history"):
        assert with_links(text) == text


def test_a_log_has_names_and_no_links(ids, caplog):
    caplog.set_level("INFO")
    assert report(GoneError(_("Use /mod log again.")), "here") == "Use </mod log:2> again."
    assert "Use /mod log again." in caplog.text
    assert without_links("</mod log:2>, <#3>, <@4>, <t:5:R>") == "/mod log, <#3>, <@4>, <t:5:R>"


def named() -> set[str]:
    """Every command that a text in the catalogue names."""
    found = set()
    for text in texts():
        for form in (text,) if isinstance(text, str) else text:
            found |= set(re.findall(r"(?<![\w/<.}])/[a-z]+(?: [a-z]+)*", form))
    return found


def test_no_text_hides_a_command_from_the_links():
    assert {"/imagine", "/history"} <= {name.split()[0] for name in named()}
    for text in texts():
        for form in (text,) if isinstance(text, str) else text:
            assert "`/" not in form, form
            assert not re.search(r"(?<!\w)/\{|(?<!\w)/[a-z]+ \{(?!page)", form), form
