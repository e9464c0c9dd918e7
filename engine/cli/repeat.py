"""Painting a picture again from what its file says, for `imagine --from`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.given_files import local_file
from engine.errors import RequestError
from engine.pictures.decoding import decode
from engine.pictures.provenance import NAMES, Fact, Made, differences, read_made
from engine.pictures.reading import read_file
from engine.request.request import ImageRequest

if TYPE_CHECKING:
    from PIL import Image

_MOST_THREADS = 256


class First:
    """Painting a picture for the first time: nothing has to be as it was."""

    @property
    def stopped_at(self) -> int | None:
        """After how many iterations to stop; None for all of them."""
        return None

    def device(self, given: str) -> str:
        """The device to paint on."""
        return given

    def precision(self, given: str) -> str:
        """The precision to paint in."""
        return given

    def set_threads(self) -> None:
        """Choose the number of threads."""

    def differences(self, now: Mapping[str, Fact]) -> list[str]:
        """Sentences about what the picture's bits depend on and is not as it was."""
        return []

    def report(self, picture: Image.Image, note: Callable[[str], None]) -> dict[str, bool]:
        """Tell, and return for --json, what became of it."""
        return {}


@dataclass(frozen=True)
class Repeat(First):
    """The picture at ``path`` with the bytes ``data``, and how it was ``made``."""

    path: Path
    data: bytes
    made: Made

    @property
    def stopped_at(self) -> int | None:
        """Where it was stopped."""
        return self.made.stopped_at

    @property
    def request(self) -> ImageRequest:
        """What to paint, with the seed that it had."""
        return self.made.request.with_values(seed=self.made.seed, count=None)

    def check_pictures(self, given: Iterable[str]) -> None:
        """Raise RequestError unless exactly the pictures that it needs are ``given``, by SHA-256.

        The file has only their SHA-256.
        """
        request, given = self.made.request, set(given)
        missing = {sha256 for sha256 in request.pictures_needed() if sha256 not in given}
        lacking = list(dict.fromkeys(what for what, sha in _named(request) if sha in missing))
        if lacking:
            raise RequestError(
                f'"{self.path}" needs pictures that are not in it; add the same files that it was '
                f"painted with: {', '.join(lacking)}."
            )
        if given - set(request.pictures_needed()):
            raise RequestError(
                f'"{self.path}" was not painted with one of these pictures; leave it out, or leave '
                "--from out."
            )

    def device(self, given: str) -> str:
        """The device to paint on: if it is "auto", the CPU if it was painted there."""
        return "cpu" if given == "auto" and self.made.facts.get("device") == "cpu" else given

    def precision(self, given: str) -> str:
        """The precision to paint in: if it is "auto", float32 if it was painted so."""
        was = str(self.made.facts.get("precision"))
        return "float32" if given == "auto" and was.startswith("float32") else given

    def set_threads(self) -> None:
        """Use as many threads as it was painted with: sums depend on it."""
        import torch

        threads = self.made.facts.get("threads")
        if isinstance(threads, int) and 0 < threads <= _MOST_THREADS:
            torch.set_num_threads(threads)

    def differences(self, now: Mapping[str, Fact]) -> list[str]:
        """Sentences about what its bits depend on and is not as it was."""
        found = differences(self.made.facts, now)
        lines = [
            f"Another {NAMES[name]}: {before} in the file, {here} here."
            for name, (before, here) in found.items()
        ]
        if "random" in found:
            lines.append("Other random numbers give another picture of the same words.")
        return lines

    def report(self, picture: Image.Image, note: Callable[[str], None]) -> dict[str, bool]:
        """Tell whether each pixel of ``picture`` is the file's."""
        before = decode(self.data).image
        same = before.size == picture.size and (
            before.convert("RGBA").tobytes() == picture.convert("RGBA").tobytes()
        )
        note(f"It is {'the' if same else 'not the'} same picture, bit for bit.")
        return {"same": same}


def repeat_of(
    given: str | None,
    prompt: Sequence[str] | None,
    options: Mapping[str, object],
    pictures: Mapping[str, bytes],
) -> Repeat | None:
    """The picture of --from, if any; ``pictures`` are those that are given next to it.

    Raises RequestError if an option would change it, and if the file does not say how it was
    painted.
    """
    if given is None:
        return None
    named = [name for name, value in options.items() if value is not None]
    if prompt or named:
        what = "the prompt" if prompt else f"--{named[0]}"
        raise RequestError(
            f"--from paints the same picture again; leave {what} out, or leave --from out."
        )
    path = local_file("from", given)
    assert path is not None
    data = read_file(path)
    made = read_made(data)
    if made is None:
        raise RequestError(
            f'"{path}" does not say how it was painted; use a PNG file as imagine or the bot made '
            "it, not a copy that another program has saved."
        )
    repeat = Repeat(path, data, made)
    repeat.check_pictures(pictures)
    return repeat


def _named(request: ImageRequest) -> Iterator[tuple[str, str | None]]:
    """The options that give its pictures, each with the SHA-256."""
    yield "--init-image", request.init_image
    yield "--mask", request.mask
    for like in request.like or ():
        yield "--like", like.picture
    for region in request.regions or ():
        yield f"--region {region.name}=FILE", region.mask
