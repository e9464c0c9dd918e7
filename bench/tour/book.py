"""The page that a tour becomes: headings, sentences, and pictures with their alt texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any, Protocol

from bench.tour.visitor import Message, Visitor

WIDTH = 100  # characters of a line


class Album(Protocol):
    """What photographs the page, or only looks whether everything is there."""

    async def look(self, person: str, channel: str) -> None:
        """Look as a person at a channel, by their ids."""

    async def messages(self, name: str, messages: Sequence[Message]) -> None:
        """Photograph these messages, one below the other."""

    async def modal(self, name: str, modal: dict[str, Any]) -> None:
        """Photograph a modal."""


@dataclass
class Book:
    """What the tour tells, in order; ``album`` has its pictures, in the folder ``pictures``."""

    visitor: Visitor
    album: Album
    pictures: str
    names: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self.lines.append(f"## {text}")

    def say(self, text: str) -> None:
        """Add a paragraph."""
        lines = wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
        self.lines.append("\n".join(lines))

    async def look(self, name: str) -> None:
        """Go on as another person, by name."""
        visitor = self.visitor
        await visitor.look(**{"as": visitor.people[name]})
        await self.album.look(visitor.me, visitor.seen["here"]["channel"])

    async def show(self, name: str, alt: str, *messages: Message) -> None:
        """Add a picture of messages."""
        await self.album.messages(name, messages)
        self._add(name, alt)

    async def show_modal(self, name: str, alt: str, modal: dict[str, Any]) -> None:
        """Add a picture of a modal."""
        await self.album.modal(name, modal)
        self._add(name, alt)

    def _add(self, name: str, alt: str) -> None:
        self.names.append(name)
        self.lines.append(f"![{alt}]({self.pictures}/{name}.webp)")

    def text(self, opening: str) -> str:
        """Return the page, which begins with ``opening``."""
        return "\n\n".join([opening, *self.lines]) + "\n"
