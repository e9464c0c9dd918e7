"""Weights that are split into several files, as Hugging Face's libraries save large ones.

An index, ``model.safetensors.index.json``, says which tensor is in which file of its folder. It
stands for the checkpoint wherever one is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.errors import CheckpointError, os_reason

# Diffusers puts a variant between them: model.safetensors.index.fp16.json.
_INDEX = re.compile(r"\.index(?:\.\w+)?\.json$")


def is_index(path: Path) -> bool:
    """Whether ``path`` has the name of an index."""
    return _INDEX.search(path.name) is not None


def split_files(index: Path) -> dict[Path, list[str]]:
    """The files that ``index`` names, in order, each with the names of its tensors.

    Raises CheckpointError if it is not an index, or if one of the files is missing.
    """
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    except OSError as error:
        raise CheckpointError(
            "{path} can't be read: {reason}.", path=index, reason=os_reason(error)
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        places = None
    if not isinstance(places, Mapping) or not places or not all(map(_is_name, places.values())):
        raise CheckpointError(
            "{path} is not the index of weights in several files; download it again.", path=index
        )
    files: dict[Path, list[str]] = {}
    for tensor, name in sorted(places.items(), key=lambda each: each[1]):
        files.setdefault(index.with_name(name), []).append(tensor)
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise CheckpointError(
            "{path} needs {name}, which is not in its folder; put all files there that it names.",
            path=index,
            name=missing[0],
        )
    return files


def _is_name(name: object) -> bool:
    """Whether it is the name of a file in the index's own folder."""
    return isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name


def all_files(path: Path) -> list[Path]:
    """The files of a checkpoint: ``path`` alone, or an index and what it names."""
    return [path, *split_files(path)] if is_index(path) and path.is_file() else [path]


def whole_of(path: Path) -> Path:
    """The index next to ``path`` that names it, or else ``path`` itself."""
    for index in indexes_in(path.parent):
        if path in split_files(index):
            return index
    return path


def indexes_in(folder: Path) -> list[Path]:
    """The indexes in a folder, in the order of their names."""
    return sorted(file for file in folder.glob("*.json") if is_index(file))


def without_parts(files: Iterable[Path], folder: Path) -> list[Path]:
    """``files`` of a folder, with those that belong together replaced by their index."""
    indexes = indexes_in(folder)
    parts = {part for index in indexes for part in split_files(index)}
    return [*(file for file in files if file not in parts), *indexes]
