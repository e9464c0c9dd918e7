"""Where pictures, previews and films go: names, refusals beforehand, replacement in one step."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError, RequestError


def check_target(path: Path, endings: Sequence[str], what: str) -> None:
    """Raise RequestError where a file ``path`` with one of ``endings`` could not be written.

    ``what`` names it in the sentence, for example "The picture". Nothing is touched.
    """
    if path.suffix.lower() not in endings:
        raise RequestError(f"{what} cannot be written as \"{path.name}\"; let the name end in "
                           f"{' or '.join(endings)}.")
    folder = path.parent
    try:
        if not folder.is_dir():
            raise RequestError(f"{what} cannot be written to the folder {folder}, which does not "
                               "exist; make it first.")
        if path.is_dir():
            raise RequestError(f"{what} cannot be written to {path}, which is a folder; add a "
                               "file's name.")
    except OSError as error:  # a name that is too long, say
        raise RequestError(f"{what} cannot be written to {path}: {_reason(error)}.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise RequestError(f"{what} cannot be written to the folder {folder}; allow it, or "
                           "choose another.")


PICTURES = (".png",)
PREVIEWS = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Targets:
    """The files a painting leaves; without ``picture`` a new one in the current folder."""

    picture: Path | None = None
    video: Path | None = None
    preview: Path | None = None

    def check(self, source: Path | None = None) -> None:
        """Raise RequestError where one of them could not be written, or two are one.

        ``source`` is the picture that the painting starts from.
        """
        check_target(self.picture or Path("picture.png"), PICTURES, "The picture")
        if self.video is not None:
            from engine.painting.video import FORMATS

            check_target(self.video, FORMATS, "The time-lapse")
        if self.preview is not None:
            check_target(self.preview, PREVIEWS, "The preview")
        paths = [path.resolve() for path in (self.picture, self.video, self.preview) if path]
        if len(set(paths)) < len(paths):
            raise RequestError("Two of -o, --video and --preview name the same file; give each "
                               "its own.")
        if source is not None and self.preview is not None and (
                source.resolve() == self.preview.resolve()):
            raise RequestError("The preview would replace the picture to start from; give it "
                               "another name.")


@contextlib.contextmanager
def temporary_beside(path: Path, what: str) -> Iterator[Path]:
    """A path for writing in ``path``'s folder, from which :func:`move` moves in one step.

    What is left there in the end goes. An OSError in the body becomes an EngineError that
    says ``what`` could not be written to ``path``.
    """
    # Not made from the file's name, which may be as long as names can be.
    temporary = path.with_name(f".imagine-{os.getpid()}-{next(_NUMBERS)}.part")
    try:
        yield temporary
    except OSError as error:
        raise EngineError(f"{what} cannot be written to {path}: {_reason(error)}.") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


_NUMBERS = itertools.count()


def move(temporary: Path, path: Path, *, new: bool = False) -> Path:
    """Put a whole file in its place in one step; where it lies then. Raises OSError.

    What was at ``path`` is replaced or, with ``new``, never is, not even a file made in the
    same moment: the new one then takes the first free name with -2, -3, ...
    """
    if not new:
        os.replace(temporary, path)
        return path
    for number in itertools.count(1):
        name = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            name.open("xb").close()  # holds the name
        except FileExistsError:
            continue
        os.replace(temporary, name)
        return name
    raise AssertionError("count() has no end")


def write_bytes(path: Path, data: bytes, what: str, *, new: bool = False) -> Path:
    """Put ``data`` at ``path`` as :func:`move` does; where it lies. Raises EngineError."""
    with temporary_beside(path, what) as temporary:
        temporary.write_bytes(data)
        return move(temporary, path, new=new)


def name_of(words: str, seed: int) -> str:
    """A file name without ending: the prompt's words, at most 60 bytes, and the seed."""
    slug = re.sub(r"[\W_]+", "-", words.lower()).strip("-")
    while len(slug.encode()) > 60:  # file systems count bytes
        slug = slug[:-1]
    return f"{slug.strip('-') or 'picture'}-{seed}"


def _reason(error: OSError) -> str:
    reason = error.strerror or "it cannot be written"
    return reason[0].lower() + reason[1:]
