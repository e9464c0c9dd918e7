"""docs/prompts.md says what the parser does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.errors import RequestError
from engine.request.from_text import request_from_text
from engine.request.method.augment import parse_augment
from engine.request.method.fields import MethodFields

PAGE = (Path(__file__).resolve().parents[3] / "docs/prompts.md").read_text("utf-8")


def table(heading):
    """The cells between backticks of the rows of the table that has this heading."""
    lines = PAGE[PAGE.index(f"| typed | {heading} |") :].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(re.findall(r"`([^`]+)`", line.replace(r"\|", "|")))
    return rows


@pytest.mark.parametrize("typed", [row[0] for row in table("stays words")])
def test_words_stay_words(typed):
    request = request_from_text(typed)
    assert [(p.words, p.weight) for p in request.prompts()] == [(typed, 1)]
    assert request.model_fields_set == {"prompt"}


@pytest.mark.parametrize(("typed", "read"), table("read as | from"))
def test_other_tools_ways_are_read(typed, read):
    assert request_from_text(typed).prompt == read


@pytest.mark.parametrize(("typed", "instead"), table("write"))
def test_the_rest_is_refused_and_what_to_write_instead_is_not(typed, instead):
    with pytest.raises(RequestError):
        request_from_text(typed)
    assert request_from_text(instead).prompts()


@pytest.mark.parametrize("typed", [row[0] for row in table("what it does")])
def test_each_option_of_the_method_is_read(typed):
    request = request_from_text(f"a fox {typed}")
    assert request.prompt == "a fox"
    assert len(request.model_fields_set & MethodFields.model_fields.keys()) == 1


def test_every_option_of_the_method_is_in_the_table():
    named = {row[0].removeprefix("--").split()[0] for row in table("what it does")}
    assert named == MethodFields.model_fields.keys()


@pytest.mark.parametrize("row", table("as published | its strength"), ids=lambda row: row[0])
def test_a_name_alone_is_the_published_augmentation(row):
    assert parse_augment(row[0]) == parse_augment(row[1])


def test_the_tables_are_found():
    assert [len(table(name)) for name in ("stays words", "read as | from", "write")] == [9, 10, 9]
    assert len(table("as published | its strength")) == 9
