"""Output files: their names, checks before painting, and atomic replacement."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError, RequestError, os_reason


def check_target(path: Path, endings: Sequence[str], what: str) -> None:
    """Raise RequestError if a file ``path`` with one of ``endings`` could not be written.

    ``what`` is its name in the message, for example "The picture". No file is touched.
    """
    shown = f'{what} can\'t be written to "{path}"'
    folder = path.parent
    try:
        if path.is_dir() or not path.name:
            raise RequestError(
                f"{shown}, which is a folder; add a file name that ends in {' or '.join(endings)}."
            )
        if path.suffix.lower() not in endings:
            raise RequestError(f"{shown}; use a name that ends in {' or '.join(endings)}.")
        if not folder.is_dir():
            raise RequestError(f"{shown}: its folder does not exist; create it first.")
    except OSError as error:  # for example a name that is too long
        raise RequestError(f"{shown}: {os_reason(error)}.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise RequestError(
            f"{shown}: its folder has no write permission; change that, or choose another folder."
        )


VECTOR = ".svg"
PICTURES = (".png", VECTOR)
PREVIEWS = (".png", ".jpg", ".jpeg", ".webp")
MASK_STEPS = {
    name: f"{number}-{name}.png"
    for number, name in enumerate(("scores", "refined", "found", "mask", "marked"), 1)
}
"""The files of the steps to a mask (engine.painting.composing.Frame.mask_steps), by step."""


@dataclass(frozen=True)
class Targets:
    """The files to write; if ``picture`` is None, a new file in the current folder.

    ``mask`` is a folder for the steps to the mask.
    """

    picture: Path | None = None
    video: Path | None = None
    preview: Path | None = None
    mask: Path | None = None

    @property
    def is_vector(self) -> bool:
        """Whether the picture is written as SVG."""
        return self.picture is not None and self.picture.suffix.lower() == VECTOR

    def numbered(self, number: int, *, the_first: bool = False) -> Targets:
        """The files of the ``number``-th of several pictures: "fox.png", "fox-2.png", ...

        The first one has a number, too, if ``the_first``. They share the preview.
        """

        def of(path: Path | None) -> Path | None:
            numbers = path is not None and (number > 1 or the_first)
            return path.with_stem(f"{path.stem}-{number}") if path and numbers else path

        return Targets(of(self.picture), of(self.video), self.preview, of(self.mask))

    def check(self, read: Mapping[str, Path | None], *, overwrite: bool = False) -> None:
        """Raise RequestError if one of them could not be written, or if two are the same.

        ``read`` are the pictures that are read, by what they are in a message. The preview never
        replaces one, the others only if ``overwrite``.
        """
        check_target(self.picture or Path("picture.png"), PICTURES, "The picture")
        if self.video is not None:
            from engine.painting.video import FORMATS

            check_target(self.video, FORMATS, "The time-lapse")
        if self.preview is not None:
            check_target(self.preview, PREVIEWS, "The preview")
        paths = [path.resolve() for path in (self.picture, self.video, self.preview) if path]
        if len(set(paths)) < len(paths):
            raise RequestError(
                "Two of -o, --video and --preview are the same file; use different ones."
            )
        if self.mask is not None:
            _check_folder(self.mask)
        for what, source in read.items():
            for name in MASK_STEPS.values() if self.mask else ():
                if _is_same(self.mask and self.mask / name, source):
                    raise RequestError(
                        f"--show-mask would replace {what}; use another folder for it."
                    )
            if _is_same(self.preview, source):
                raise RequestError(f"The preview would replace {what}; use another name.")
            for written, path in (("picture", self.picture), ("time-lapse", self.video)):
                if not overwrite and _is_same(path, source):
                    raise RequestError(
                        f"The {written} would replace {what}; use another name, or add --overwrite."
                    )


def _check_folder(path: Path) -> None:
    """Raise RequestError if the folder ``path`` is not there and can't be made."""
    if not path.is_dir() and (path.exists() or not path.parent.is_dir()):
        raise RequestError(
            f'The mask can\'t be written to "{path}", which is not a folder; use the name of one, '
            "or of a new one in a folder that exists."
        )


def _is_same(path: Path | None, other: Path | None) -> bool:
    """Whether both are the same file, by whatever name."""
    if path is None or other is None:
        return False
    try:
        return path.samefile(other)
    except OSError:  # it is new
        return False


@contextlib.contextmanager
def temporary_file(path: Path, what: str) -> Iterator[Path]:
    """A temporary path in ``path``'s folder, from which :func:`move` moves atomically.

    A file that is still there at the end is deleted. An OSError in the body becomes an
    EngineError, in which ``what`` could not be written to ``path``.
    """
    # Not derived from the file's name, which may have the maximum length already.
    temporary = path.with_name(f".imagine-{os.getpid()}-{next(_NUMBERS)}.part")
    try:
        yield temporary
    except OSError as error:
        raise EngineError(f"{what} can't be written to {path}: {os_reason(error)}.") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


_NUMBERS = itertools.count()


def move(temporary: Path, path: Path, *, new: bool = False) -> Path:
    """Move a complete file to ``path`` atomically, and return its path. Raises OSError.

    A file at ``path`` is replaced. With ``new`` it never is, not even one created at the same
    moment: the file then gets the first free name with -2, -3, ...
    """
    if not new:
        os.replace(temporary, path)
        return path
    for number in itertools.count(1):
        name = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            name.open("xb").close()  # reserves the name
        except FileExistsError:
            continue
        os.replace(temporary, name)
        return name
    raise AssertionError("count() never ends")


def write_bytes(path: Path, data: bytes, what: str, *, new: bool = False) -> Path:
    """Write ``data`` to ``path`` as :func:`move` does, and return its path. Raises EngineError."""
    with temporary_file(path, what) as temporary:
        temporary.write_bytes(data)
        return move(temporary, path, new=new)


def name_of(words: str, seed: int) -> str:
    """A file name without an ending: at most 60 bytes of the prompt's words, and the seed."""
    slug = re.sub(r"[\W_]+", "-", words.lower()).strip("-")
    while len(slug.encode()) > 60:  # file systems limit bytes
        slug = slug[:-1]
    return f"{slug.strip('-') or 'picture'}-{seed}"
