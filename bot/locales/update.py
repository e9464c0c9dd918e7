"""Update the catalogues: add new texts, remove old ones, and compile.

``make texts`` runs this. It parses the sources without importing them, and takes the literal first
arguments of ``_``, ``mark``, ``plural``, ``described``, Translatable and the errors, as well as
the descriptions of commands. It needs Babel, which the running bot does not.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

import data.errors
import engine.errors
from bot.language import ENGLISH, FOLDER, LANGUAGES
from bot.language.translator import field_description

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("bot", "cogs", "data", "engine")
# Texts for the host at a terminal, in English only.
FOR_THE_HOST = (
    "bot/__main__.py",
    "bot/locales",
    "engine/cli/imagine.py",
    "engine/cli/output_files.py",
    "engine/cli/run.py",
    "engine/cli/models.py",
    "engine/models/adding.py",
    "engine/models/recognition.py",
    "engine/painting/vector_picture.py",
    "engine/jobs/devices.py",
    "data/pictures/bucket.py",
    "data/pictures/copying.py",
    "data/pictures/place.py",
    "data/sqlite/backup.py",
    "data/sqlite/recovery.py",
)
ERRORS = {
    name
    for module in (engine.errors, data.errors)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, engine.errors.EngineError)
}
SAYING = {"_", "mark", "described", "Translatable", *ERRORS}
_BEGUN = datetime(2026, 11, 22, tzinfo=UTC)
Text = str | tuple[str, str]
"""A text, or one and many of a plural."""


@functools.cache
def texts() -> dict[Text, set[str]]:
    """Return all texts that are shown in Discord, with the files that contain them.

    The sources are read once in a process.
    """
    found: dict[Text, set[str]] = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(FOR_THE_HOST):
                tree = ast.parse(path.read_text(encoding="utf-8"))
                for text in (*_said(tree), *(_described(tree) if folder == "cogs" else ())):
                    found.setdefault(text, set()).add(name)
    return found


def _said(tree: ast.AST) -> Iterator[Text]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node)
        given = [_literal(argument) for argument in node.args]
        if name == "plural" and len(given) > 1 and given[0] and given[1]:
            yield given[0], given[1]
        elif name in SAYING and given and given[0]:
            yield given[0]


def _described(tree: ast.AST) -> Iterator[str]:
    """The descriptions of commands, groups and options; those of a request's fields too."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call | ast.ClassDef):
            continue
        name = _name(node) if isinstance(node, ast.Call) else ""
        if name == "field_description" and isinstance(node, ast.Call) and node.args:
            field = _literal(node.args[0])  # None for a name, as in a loop
            if field is not None:
                yield field_description(field)
            continue
        for keyword in node.keywords:
            text = _literal(keyword.value)
            if text and (name == "describe" or keyword.arg in ("description", "group_description")):
                yield text


def _name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _literal(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def path_of(language: str, ending: str) -> Path:
    """Return the path of a language's catalogue: "po" to edit, "mo" compiled."""
    return FOLDER / language / "LC_MESSAGES" / f"bot.{ending}"


def read(language: str) -> Catalog:
    """Return the catalogue as it is; an empty one if the file is missing."""
    path = path_of(language, "po")
    if not path.exists():
        return Catalog(
            locale=language.replace("-", "_"),
            project="imagine-bot",
            header_comment="# What imagine-bot says in Discord.",
            fuzzy=False,
        )
    with path.open("rb") as file:
        return read_po(file, locale=language.replace("-", "_"), domain="bot")


def updated(language: str) -> Catalog:
    """Return the catalogue with the code's texts; new ones have no translation yet."""
    template = Catalog()
    for text, files in texts().items():
        template.add(text, locations=[(name, 0) for name in sorted(files)])
    catalogue = read(language)
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    # The file must change only with its texts, and name nobody.
    catalogue.creation_date = catalogue.revision_date = _BEGUN
    catalogue.version = catalogue.msgid_bugs_address = ""
    catalogue.last_translator = catalogue.language_team = ""
    return catalogue


def main() -> int:
    """Update all catalogues; return 1 if a translation is missing."""
    missing = 0
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        catalogue = updated(language)
        path_of(language, "po").parent.mkdir(parents=True, exist_ok=True)
        with path_of(language, "po").open("wb") as file:
            write_po(file, catalogue, width=100, sort_output=True, include_lineno=False)
        with path_of(language, "mo").open("wb") as file:
            write_mo(file, catalogue)
        lacking = [
            message.id for message in catalogue if message.id and not all(_strings(message.string))
        ]
        for text in lacking:
            sys.stderr.write(f"{language}: {text!r} has no translation\n")
        missing += len(lacking)
        sys.stdout.write(f"{language}: {len(catalogue)} texts\n")
    return 1 if missing else 0


def _strings(said: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return list(said) if isinstance(said, tuple | list) else [said or ""]


if __name__ == "__main__":
    raise SystemExit(main())
