"""The names that the contributors' pages give exist: files, functions, classes, make targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "CONTRIBUTING.md",
    "docs/architecture.md",
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs/adr").glob("*.md"))),
)
CODE = ("engine", "data", "bot", "cogs", "training", "bench", "tests", "examples")
# Placeholders of the recipes, and the files of their examples.
OTHERS = re.compile(r"^torch\.")
INVENTED = re.compile(r"NAME|CODE|^cogs/models\.py$|^saturation|^prompt_length$")
_PATH = re.compile(r"^[\w.-]+(?:/[\w.-]+)+/?$|^[\w-]+\.(?:py|md|toml|yaml|txt|sql)$")
# A word of plain lower-case letters may be a value, a branch or English.
_CODE = re.compile(r"_|[a-z][A-Z]|\(|^[A-Z][a-z]")
_NAME = re.compile(r"^_?[A-Za-z]\w*(?:\.\w+)*(?=\(|$)")


def sources() -> str:
    files = [
        *(path for folder in CODE for path in (ROOT / folder).rglob("*.py")),
        ROOT / "pyproject.toml",
    ]  # its own settings, and the linters' names in them
    return "\n".join(path.read_text("utf-8") for path in files)


def marked(page: str) -> list[str]:
    """What a page has between backticks, outside blocks of code."""
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text("utf-8"), flags=re.S)
    return [words for words in re.findall(r"`([^`\n]+)`", text) if not INVENTED.search(words)]


@pytest.mark.parametrize("page", PAGES)
def test_the_files_on_the_page_exist(page: str) -> None:
    names = {path.name for folder in (*CODE, "docs") for path in (ROOT / folder).rglob("*")}
    names |= {path.name for path in ROOT.iterdir()}
    missing = [
        words
        for words in marked(page)
        if _PATH.match(words)
        and not (ROOT / words).exists()
        and not (ROOT / "tests" / words).exists()
        and ("/" in words or words not in names)
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_the_names_of_code_on_the_page_exist(page: str) -> None:
    code = sources()
    known = set(re.findall(r"\w+", code))
    missing = []
    for words in marked(page):
        found = _NAME.match(words)
        if found and not (_PATH.match(words) or OTHERS.match(words)) and _CODE.search(words):
            missing += [words for part in found[0].split(".") if part not in known]
    assert missing == []


def test_the_make_targets_on_the_page_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    named = {
        target
        for page in ("README.md", *PAGES)
        for target in re.findall(
            r"\bmake ([a-z][a-z-]*)\b(?=[`\n]|  | ARGS)", (ROOT / page).read_text("utf-8")
        )
    }
    assert {"test", "lint"} <= named <= targets
