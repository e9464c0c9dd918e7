"""Parses our Dockerfile and .dockerignore; runs nothing."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

KNOWN = (
    "FROM",
    "ARG",
    "ENV",
    "WORKDIR",
    "COPY",
    "RUN",
    "USER",
    "VOLUME",
    "STOPSIGNAL",
    "HEALTHCHECK",
    "CMD",
)


@dataclass(frozen=True)
class Step:
    """One instruction: the line where it starts, its name, and the text after the name."""

    line: int
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words of the text, in JSON or shell form."""
        if self.text.startswith("["):
            return [str(word) for word in json.loads(self.text)]
        return shlex.split(self.text)

    def __str__(self) -> str:
        return f"{self.name} {self.text}"


def parse(text: str) -> list[Step]:
    """The instructions, with continued lines joined. Raises ValueError for unknown ones."""
    steps: list[Step] = []
    parts: list[str] = []
    started = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not line.strip() and not parts):
            continue
        started = started if parts else number
        parts.append(line.rstrip().removesuffix("\\").strip())
        if line.rstrip().endswith("\\"):
            continue
        name, _, rest = " ".join(part for part in parts if part).partition(" ")
        if name.upper() not in KNOWN:
            raise ValueError(f"Line {started}: {name} is unknown; known are {', '.join(KNOWN)}.")
        steps.append(Step(started, name.upper(), rest.strip()))
        parts = []
    if parts:
        raise ValueError(f"Line {started}: the file ends within the last instruction.")
    return steps


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace ``$NAME`` and ``${NAME}`` by their values, unknown ones by nothing, like Docker."""
    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda m: values.get(m[1] or m[2], ""), text)


def copies(step: Step, context: Path, ignored: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """The files of a COPY, each with its path below the target; a folder means its contents.

    Raises FileNotFoundError for a source that is not in the context or is ignored.
    """
    *sources, _ = step.words
    for source in sources:
        path = context / source
        found = (
            [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        )
        copied = [file for file in found if not is_ignored(file.relative_to(context), ignored)]
        if not copied:
            raise FileNotFoundError(f"Line {step.line}: there is no {source} in the context.")
        for file in copied:
            yield file, file.name if path.is_file() else str(file.relative_to(path))


def ignore_patterns(text: str) -> list[str]:
    """The patterns of a .dockerignore."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def is_ignored(path: PurePosixPath | Path, patterns: Sequence[str]) -> bool:
    """Whether the .dockerignore excludes the path; the last matching pattern decides."""
    ignored = False
    for pattern in patterns:
        if _matches(path.parts, pattern.removeprefix("!").strip("/").split("/")):
            ignored = not pattern.startswith("!")
    return ignored


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the pattern matches the path or a folder above it."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_matches(parts[i:], pattern[1:]) for i in range(len(parts)))
    return (
        bool(parts)
        and fnmatch.fnmatchcase(parts[0], pattern[0])
        and _matches(parts[1:], pattern[1:])
    )
