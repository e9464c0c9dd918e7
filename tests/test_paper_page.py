"""docs/paper.md names files, tests and sections that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("docs/paper.md", "docs/paper/README.md")
PLACES = ("", "engine", "engine/painting", "tests/engine", "tests/engine/painting", "docs")
_FILE = re.compile(r"`([\w./-]+/|[\w./-]+\.(?:py|md|json|jpg))`")
_LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")
OTHERS = {"generate.py", "model.py"}
"""Files of the published code."""


def anchors(page: Path) -> set[str]:
    """The addresses of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("name", PAGES)
def test_the_files_and_tests_exist(name: str) -> None:
    found = set(_FILE.findall((ROOT / name).read_text("utf-8"))) - OTHERS
    assert found
    missing = [
        each for each in found if not any((ROOT / place / each).exists() for place in PLACES)
    ]
    assert missing == []


@pytest.mark.parametrize("name", PAGES)
def test_the_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target, anchor in _LINK.findall(page.read_text("utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


def test_every_figure_table_and_section_of_the_paper_has_a_row() -> None:
    text = (ROOT / "docs/paper.md").read_text("utf-8")
    table = text.split("## Every section")[1].split("## ")[0]
    firsts = "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|"))
    for start, end in re.findall(r"(\d+) to (\d+)", firsts):
        firsts += " " + " ".join(map(str, range(int(start), int(end) + 1)))
    words = set(re.findall(r"[A-Z]\.\d|\d+(?:\.\d)?|\b[A-H]\b", firsts))
    sections = {
        *("1", "2", "2.1", "2.2", "2.3", "2.4", "2.5", "3", "3.1", "3.2", "3.3", "4", "4.1"),
        *("5", "5.1", "5.2", "6", "7", *"ABCDEF", "G.1", "G.2", "H.1", "H.2"),
    }
    figures = {str(number) for number in range(1, 19)}
    assert sections | figures <= words
