"""The drawn things: their names (things.toml), and a folder with their drawings."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from training.world.scene import COLOURS, Thing


class DrawingsError(ValueError):
    """A folder of drawings that cannot be used; its text says what to change."""


_TABLE = Path(__file__).with_name("things.toml")


@dataclass(frozen=True)
class DrawnThing:
    """A drawn thing: its name in captions, its kind, its drawing's name, its main colour if any.

    ``plural`` is None if there is no word for several of it; ``single`` is whether it takes an
    article, unlike "grapes" and "bread".
    """

    name: str
    kind: str
    drawing: str
    colour: str | None
    plural: str | None
    single: bool = True

    def fits(self, count: int, without: Collection[str | None]) -> bool:
        """Whether there can be ``count`` of it, and its name and colour are not in ``without``."""
        return (
            self.name not in without
            and (self.colour is None or self.colour not in without)
            and (count == 1 or self.plural is not None)
        )

    def thing(self, size: str = "medium", count: int = 1) -> Thing:
        """The thing as part of a scene."""
        return Thing(self.name, self.colour, size, count)


def _plural(name: str) -> str | None:
    """The regular plural; None for what is a plural already."""
    if name.endswith("s") and not name.endswith(("us", "ss", "os")):
        return None
    if name.endswith(("us", "ss", "os", "x", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}s"


@functools.cache
def drawn_things() -> dict[str, DrawnThing]:
    """All drawn things by name, in the table's order."""
    found: dict[str, DrawnThing] = {}
    for kind, rows in tomllib.loads(_TABLE.read_text(encoding="utf-8")).items():
        for name, row in rows.items():
            colour = row.get("colour")
            if colour is not None and colour not in COLOURS:
                raise ValueError(f"things.toml: {name} has no colour {colour!r}")
            plural, mass = _plural(name), bool(row.get("mass"))
            single = plural is not None and not mass
            if "plural" in row or mass:
                plural = row.get("plural") or None
            found[name] = DrawnThing(name, kind, row.get("drawing", name), colour, plural, single)
    return found


class Drawings:
    """The drawings in a folder, as RGBA pictures, by the name of the thing.

    The folder has ``emoji.jsonl``, a line for each drawing with its ``name`` and its ``file``, and
    those files; docs/drawn-models.md says how to make one.
    """

    def __init__(self, folder: Path) -> None:
        """Raises DrawingsError if the list or a drawing is missing."""
        index = folder / "emoji.jsonl"
        if not index.is_file():
            raise DrawingsError(
                f"{folder} has no emoji.jsonl; docs/drawn-models.md says how "
                "to make a folder of drawings."
            )
        files: dict[str, str] = {}
        for line in index.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            files.setdefault(row["name"], row["file"])
        missing = [each.drawing for each in drawn_things().values() if each.drawing not in files]
        if missing:
            raise DrawingsError(
                f"{index} has no drawing named {missing[0]!r}"
                + (f" and lacks {len(missing) - 1} more." if missing[1:] else ".")
            )
        self._pictures = {
            each.name: _trimmed(folder / files[each.drawing]) for each in drawn_things().values()
        }

    def __getitem__(self, name: str) -> Image.Image:
        """The drawing of a thing; KeyError for an unknown one."""
        return self._pictures[name]


def _trimmed(path: Path) -> Image.Image:
    """The drawing without its empty margin, centred in a square."""
    with Image.open(path) as file:
        picture = file.convert("RGBA")
    box = picture.getchannel("A").getbbox()
    if box is None:
        raise DrawingsError(f"{path} is empty.")
    picture = picture.crop(box)
    side = max(picture.size)
    square = Image.new("RGBA", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square
