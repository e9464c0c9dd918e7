"""Reads a Dockerfile and a .dockerignore, as far as ours go; nothing here runs anything."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

KNOWN = ("FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "STOPSIGNAL", "CMD")


@dataclass(frozen=True)
class Step:
    """One instruction; ``line`` is where it begins, ``text`` what stands behind its name."""

    line: int
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The text as words: of the JSON form, or of the shell's."""
        if self.text.startswith("["):
            return [str(word) for word in json.loads(self.text)]
        return shlex.split(self.text)

    def __str__(self) -> str:
        return f"{self.name} {self.text}"


def parse(text: str) -> list[Step]:
    """The instructions, lines joined where they go on. Raises ValueError for unknown ones."""
    steps: list[Step] = []
    parts: list[str] = []
    began = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not line.strip() and not parts):
            continue
        began = began if parts else number
        parts.append(line.rstrip().removesuffix("\\").strip())
        if line.rstrip().endswith("\\"):
            continue
        name, _, rest = " ".join(part for part in parts if part).partition(" ")
        if name.upper() not in KNOWN:
            raise ValueError(f"Line {began}: {name} is not among {', '.join(KNOWN)}.")
        steps.append(Step(began, name.upper(), rest.strip()))
        parts = []
    if parts:
        raise ValueError(f"Line {began}: the last instruction goes on after the end of the file.")
    return steps


def expand(text: str, values: Mapping[str, str]) -> str:
    """``$NAME`` and ``${NAME}`` by their values, an unknown one by nothing, as Docker does."""
    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda m: values.get(m[1] or m[2], ""), text)


def copies(step: Step, context: Path, ignored: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """(file, its path from the target) of a COPY, in which a folder stands for its contents.

    Raises FileNotFoundError for a source that is not in the context, or ignored.
    """
    *sources, _ = step.words
    for source in sources:
        path = context / source
        found = [path] if path.is_file() else sorted(each for each in path.rglob("*")
                                                     if each.is_file())
        kept = [each for each in found if not is_ignored(each.relative_to(context), ignored)]
        if not kept:
            raise FileNotFoundError(f"Line {step.line}: there is no {source} in the context.")
        for each in kept:
            yield each, each.name if path.is_file() else str(each.relative_to(path))


def ignore_patterns(text: str) -> list[str]:
    """The patterns of a .dockerignore."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def is_ignored(path: PurePosixPath | Path, patterns: Sequence[str]) -> bool:
    """Whether the .dockerignore leaves the path out; the last pattern that fits decides."""
    ignored = False
    for pattern in patterns:
        if _fits(path.parts, pattern.removeprefix("!").strip("/").split("/")):
            ignored = not pattern.startswith("!")
    return ignored


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the pattern fits the path or a folder above it."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_fits(parts[i:], pattern[1:]) for i in range(len(parts)))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:],
                                                                              pattern[1:])
