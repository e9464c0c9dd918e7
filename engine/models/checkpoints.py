"""Reads the tensors of checkpoints, and nothing else: no code in a file is ever run.

It reads four kinds of files: what ``torch.save`` writes today (a zip), what it wrote before 2020
(bare pickles), safetensors, and TorchScript archives, in which OpenAI publishes CLIP. The first two
are read by ``torch.load(weights_only=True)``, the last by an unpickler of our own, since
``torch.jit.load`` would compile the code inside.
"""

from __future__ import annotations

import contextlib
import pickle
import pickletools
import re
import struct
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from engine.errors import CheckpointError, os_reason
from engine.models.nested import find_state_dict
from engine.models.split_weights import is_index, split_files
from engine.models.torchscript import read_torchscript

# Packages whose objects Lightning saves next to the weights: epochs, callbacks, settings. Their
# classes are replaced by empty ones that ignore what the file says.
_TRAINING_LEFTOVERS = (
    "pytorch_lightning",
    "lightning",
    "lightning_fabric",
    "omegaconf",
    "argparse",
    "typing",
    "pathlib",
    "numpy",
)
_HARMLESS_BUILTINS = {
    f"{module}.{name}"
    for module in ("builtins", "__builtin__")
    for name in ("dict", "list", "tuple", "int", "float", "str", "bool")
}
# What torch's reader raises for malformed files, besides its own UnpicklingError.
_BROKEN = (
    RuntimeError,
    EOFError,
    KeyError,
    ValueError,
    AttributeError,
    TypeError,
    IndexError,
    AssertionError,
    OverflowError,
    OSError,
    struct.error,
    zipfile.BadZipFile,
)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LONGEST_HEADER = 1 << 31  # of safetensors, in bytes; the length of one is much shorter
_LEGACY_MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
# torch.serialization.safe_globals changes a list of the whole process.
_lock = threading.Lock()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """The file ``path``, open for reading; an OSError becomes a CheckpointError."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise CheckpointError(
            "{path} can't be read: {reason}.", path=path, reason=os_reason(error)
        ) from None


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The state dict [name -> tensor, on the CPU] of a checkpoint; see the module for formats.

    Of the index of weights in several files, the tensors of all of them. Tensors may be mapped
    from the file into memory, so copy those you keep. Raises CheckpointError, which says what is
    wrong with the file.
    """
    if is_index(path):
        return _read_split(path)
    with opened(path) as file:
        head = file.read(512)
    if not head:
        raise CheckpointError("{path} is empty; download it again.", path=path)
    if looks_like_page(head):
        raise CheckpointError(
            "{path} is a web page, not a checkpoint; open the address in a "
            "browser and save the file that it offers.",
            path=path,
        )
    if head.startswith(_LFS_POINTER):
        raise CheckpointError(
            "{path} only points to a file in Git LFS; get the file itself with `git lfs pull`.",
            path=path,
        )
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _LONGEST_HEADER:
        return _read_safetensors(path)
    if head.startswith(b"PK\x03\x04"):
        if _is_torchscript(path):
            return read_torchscript(path)
        return find_state_dict(_load(path, mapped=True), path)
    if head.startswith(_LEGACY_MAGIC):
        return find_state_dict(_load(path, mapped=False), path)
    if head.startswith(b"\x80"):
        raise CheckpointError(
            "{path} is a plain pickle, which can't be read without running it; "
            "save its state dict with torch.save.",
            path=path,
        )
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")):
        raise _archive(path)
    raise CheckpointError(
        "{path} is neither a PyTorch checkpoint nor a safetensors file.", path=path
    )


def _read_split(index: Path) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for file, names in split_files(index).items():
        there = read_tensors(file)
        missing = next((name for name in names if name not in there), None)
        if missing is not None:
            raise CheckpointError(
                "{path} has no tensor {name}, which its index says it has; download it again.",
                path=file,
                name=missing,
            )
        tensors |= {name: there[name] for name in names}
    return tensors


def _archive(path: Path) -> CheckpointError:
    return CheckpointError(
        "{path} is an archive of other files; unpack it and use the checkpoint inside.", path=path
    )


def looks_like_page(head: bytes) -> bool:
    """Whether a file that starts with ``head`` is HTML, which hosts send for dead links."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith((b"<!doctype", b"<html", b"<head"))


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    # Imported here because most models don't need it.
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, *_BROKEN):
        raise CheckpointError(
            "{path} is damaged or incomplete; download it again.", path=path
        ) from None
    return find_state_dict(tensors, path)


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        raise CheckpointError(
            "{path} is incomplete: its end is missing; download it again.", path=path
        ) from None
    return any(name.endswith("/constants.pkl") for name in names)


def _load(path: Path, *, mapped: bool) -> Any:
    """The content of ``path``, limited to tensors and plain values."""
    try:
        names = _global_names(path)
        inert: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
            (_stand_in(name), name) for name in names if _is_leftover(name)
        ]
        with _lock, warnings.catch_warnings(), torch.serialization.safe_globals(inert):
            # It warns about other pickle protocols; real problems are raised below.
            warnings.simplefilter("ignore", UserWarning)
            # Mapped, so that an optimiser's state of 600 MB is never read.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        if found is None:
            raise CheckpointError(
                "{path} is damaged or has more than tensors; download it again, "
                "or save its state dict with torch.save.",
                path=path,
            ) from None
        raise CheckpointError(
            "{path} would run `{call}` when it is read, which is not allowed; "
            "save only its state dict with torch.save.",
            path=path,
            call=found[1],
        ) from None
    except _BROKEN:
        raise CheckpointError(
            "{path} is damaged or incomplete; download it again.", path=path
        ) from None


def _is_leftover(name: str) -> bool:
    return name.partition(".")[0] in _TRAINING_LEFTOVERS or name in _HARMLESS_BUILTINS


def _stand_in(name: str) -> type:
    """A class that accepts anything and does nothing, to replace the one called ``name``."""

    def ignore(self: object, *_: object, **__: object) -> None:
        return None

    def new(cls: type, *_: object, **__: object) -> object:
        return object.__new__(cls)

    inside: dict[str, Any] = {"__new__": new, "__init__": ignore, "__setstate__": ignore}
    return type(name.rpartition(".")[2], (), inside)


def _global_names(path: Path) -> set[str]:
    """All classes and functions named in a checkpoint's pickles, which are not run."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            member = next((n for n in archive.namelist() if n.endswith("/data.pkl")), None)
            if member is None:
                raise _archive(path)
            with archive.open(member) as stream:
                return _names_in(stream)
    names: set[str] = set()
    with path.open("rb") as stream:
        for _ in range(4):  # the magic number, the protocol, the machine, the object
            names |= _names_in(stream)
    return names


def _names_in(stream: IO[bytes]) -> set[str]:
    # weights_only accepts only GLOBAL to name a class, with "module name" in one string.
    return {
        str(argument).replace(" ", ".", 1)
        for opcode, argument, _ in pickletools.genops(stream)
        if opcode.name == "GLOBAL"
    }
