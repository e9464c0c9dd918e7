"""Phrases for prompts: things, places, light and styles. Nothing here loads torch.

A picture is described by them (engine.painting.describing), and prompts are drawn from them. The
things are the classes of ImageNet, named as a person would, and the drawn world's.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from engine.models.reading import Vocabulary

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Phrases:
    """``things`` have an article ("a fox"); the others go after one ("in the snow", "woodcut")."""

    things: tuple[str, ...]
    places: tuple[str, ...]
    lights: tuple[str, ...]
    styles: tuple[str, ...]

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        """The lists in the order of their fields."""
        return iter([getattr(self, field.name) for field in fields(self)])


@functools.cache
def all_phrases() -> Phrases:
    """All of them, from the files next to this one."""
    return Phrases(
        *(
            tuple((_FOLDER / f"{field.name}.txt").read_text("utf-8").splitlines())
            for field in fields(Phrases)
        )
    )


@functools.lru_cache(maxsize=8)
def known_phrases(vocabulary: Vocabulary) -> Phrases:
    """Those whose words ``vocabulary`` all has; slow (tenths of a second)."""
    if vocabulary == Vocabulary():
        return all_phrases()
    return Phrases(
        *(
            tuple(phrase for phrase in phrases if not vocabulary.read(phrase).unknown)
            for phrases in all_phrases()
        )
    )
