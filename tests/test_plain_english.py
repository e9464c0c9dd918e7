"""The project's texts avoid words that readers stumble over; style is plain, modern English.

Every text file that git tracks is searched; outside a checkout, the files of the project's folders.
In the translations only the English is. The research log keeps its old words.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BETTER = {
    "dearest": "most expensive",
    "anew": "again",
    "(?i:whoever)": "callers that, members who",
    "[Ll]ies? at": "is at",
    "for want of": "without",
    "is none": "is missing",  # in lower case: `is None` is code
    "what is nobody's": "orphaned files",
    "[Ii]t is no(?= )": "is not a",
    "[Ww]hom": "the member",
    "as large": "the same size",
}
"""What must not be written, and what to write instead. A space also stands for ``_`` in names."""
WORDS = re.compile(
    "(?<![A-Za-z])(?:"
    + "|".join(f"({words})" for words in BETTER).replace(" ", r"[\s_]+")
    + ")(?![A-Za-z])"
)

FOLDERS = (
    "engine",
    "data",
    "bot",
    "cogs",
    "training",
    "bench",
    "tests",
    "examples",
    "docs",
    ".ci",
    ".github",
)
SUFFIXES = {".py", ".md", ".toml", ".txt", ".sql", ".po", ".pot", ".yml", ".yaml", ".sh", ""}
"""Files of these kinds are read; JSON is data. "" is for Makefile, Dockerfile and so on."""
LEFT_OUT = {
    "tests/test_plain_english.py": "has the words",
    "docs/research-log.md": "a diary; its entries stay as they were written",
    "LICENSE": "the words of the licence",
    "tests/e2e/api/LICENSE": "the words of another licence",
}


def tracked_files() -> list[str]:
    """The text files of the project, by their paths from its root."""
    try:
        listed = (
            subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
            .stdout.decode()
            .split("\0")
        )
        names = [name for name in listed if (ROOT / name).is_file()]
    except (OSError, subprocess.CalledProcessError):
        paths = [
            *ROOT.iterdir(),
            *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")),
        ]
        names = [path.relative_to(ROOT).as_posix() for path in paths if path.is_file()]
    return sorted(name for name in names if Path(name).suffix in SUFFIXES)


def english_of(name: str, text: str) -> str:
    """``text``, with the lines of a catalogue's translations blank, so that line numbers stay."""
    if not name.endswith((".po", ".pot")):
        return text
    lines, english = [], True
    for line in text.split("\n"):
        if line.startswith("msgid"):
            english = True
        elif line.startswith(("msgstr", "#")):
            english = False
        lines.append(line if english else "")
    return "\n".join(lines)


def findings(name: str, text: str) -> Iterator[str]:
    """A line ``file:line: word; write ...`` for each unwanted word, also across line ends."""
    # Comment signs and quotes at a line end must not hide two words that belong together. Each is
    # replaced by spaces, so that the places of the words stay the same.
    joined = re.sub(r"[\"'#]*\n[\s\"'#]*", lambda found: " " * len(found[0]), text)
    for found in WORDS.finditer(joined):
        assert found.lastindex is not None  # one alternative has matched
        line = text.count("\n", 0, found.start()) + 1
        word = " ".join(found[0].split())
        yield f"{name}:{line}: {word}; write {list(BETTER.values())[found.lastindex - 1]}"


def test_no_text_has_unwanted_words() -> None:
    found: list[str] = []
    for name in tracked_files():
        if name in LEFT_OUT:
            continue
        try:
            text = (ROOT / name).read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += findings(name, english_of(name, text))
    assert not found, "\n" + "\n".join(found)


def test_the_files_that_are_left_out_exist() -> None:
    assert set(LEFT_OUT) <= set(tracked_files())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("the dearest request", 1),
        ("it begins\n\n# anew", 3),
        ("# Whoever asks", 1),
        ("the file lies at\nits path", 1),
        ("the person for\n    # want of memory", 1),
        ('message = ("the name"\n           " is "\n           "none")', 2),
        ("it is no picture", 1),
        ("by whom", 1),
        ("one as large", 1),
        ("def test_whoever_asks_gets_it():", 1),
        ("what_is_none = 1", 1),
    ],
)
def test_an_unwanted_word_is_found_with_its_line(text: str, line: int) -> None:
    (found,) = findings("a.py", text)
    assert found.startswith(f"a.py:{line}: ")


@pytest.mark.parametrize(
    "text",
    [
        "if seed is None:",
        "a new one",
        "it is not a picture",
        "lies in wait",
        "it is now",
        "as larger models do",
    ],
)
def test_other_words_pass(text: str) -> None:
    assert list(findings("a.py", text)) == []


def test_translations_are_not_searched() -> None:
    catalogue = 'msgid "of whom"\nmsgstr "von wem"\n\nmsgid ""\n"one"\nmsgstr ""\n"whom"\n'
    assert list(findings("a.po", english_of("a.po", catalogue))) == [
        "a.po:1: whom; write the member"
    ]
