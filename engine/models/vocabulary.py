"""Which words a perceptor knows, from its checkpoint and its tokenizer alone.

Nothing here loads torch, so that a process that only takes requests can tell people at once which
words a model does not know.
"""

from __future__ import annotations

import array
import functools
import pickle
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import CheckpointError, InstallationError, RequestError
from engine.models.catalogue import EXAMPLES, ModelEntry, Source
from engine.models.pieces import read_pieces
from engine.models.reading import Vocabulary, common_vocabulary
from engine.request.request import ImageRequest
from engine.request.words import emoji_name, listed, words_in
from engine.translatable import Translatable

# Larger tokenizers, of many languages, have pieces for everything, and take a second to read.
_LARGEST = 8_000_000  # bytes
_KINDS = {"torch.IntStorage": "i", "torch.LongStorage": "q"}


def vocabulary_of(entry: ModelEntry, folder: Path) -> Vocabulary:
    """The words that a model of the catalogue knows; ``folder`` is the folder of downloads.

    All words if its checkpoints do not say which, or are not on this machine. Slow at the first
    call (0.3 s): an event loop calls it in a thread.
    """
    return common_vocabulary([_vocabulary_of(guide.part.files, folder) for guide in entry.guides])


def _vocabulary_of(files: Mapping[str, Source], folder: Path) -> Vocabulary:
    if "tokenizer" in files:
        found = _changed(files["tokenizer"], folder)
        return Vocabulary() if found is None else _read_tokenizer(*found)
    found = _changed(files["checkpoint"], folder) if "checkpoint" in files else None
    return Vocabulary() if found is None else _read(*found)


def _changed(source: Source, folder: Path) -> tuple[Path, int] | None:
    """The path of a file, and when it was changed; None if it is not on this machine."""
    path = source.location(folder)
    try:
        return path, path.stat().st_mtime_ns
    except OSError:
        return None


@functools.lru_cache(maxsize=16)
def _read_tokenizer(path: Path, changed: int) -> Vocabulary:
    """The vocabulary of a model with a tokenizer of its own, which was ``changed`` at that time."""
    try:
        large = path.stat().st_size > _LARGEST
        return Vocabulary() if large else read_pieces(path, "lower")
    except (OSError, CheckpointError, InstallationError):
        return Vocabulary()  # loading the model says what is wrong


@functools.lru_cache(maxsize=16)
def _read(path: Path, changed: int) -> Vocabulary:
    """The vocabulary of a checkpoint, which was ``changed`` at that time."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(name) as stream:
                tensors = _Names(stream).load()
            if not isinstance(tensors, dict):
                return Vocabulary()
            rows = next(
                value
                for key, value in tensors.items()
                if isinstance(key, str) and f".{key}".endswith(".rows")
            )
            stored = archive.read(f"{name.removesuffix('data.pkl')}data/{rows.storage.key}")
            return Vocabulary(frozenset(rows.numbers(stored)))
    except (
        *(OSError, zipfile.BadZipFile, pickle.UnpicklingError, StopIteration, EOFError, KeyError),
        *(AttributeError, ValueError, TypeError, IndexError),
    ):
        return Vocabulary()  # a checkpoint of another format, whose words are all known


@dataclass(frozen=True)
class _Storage:
    """Where a tensor's numbers are: the file ``key`` in the archive, of a ``kind`` in _KINDS."""

    kind: str
    key: str


@dataclass(frozen=True)
class _Stub:
    """A tensor that was not read: ``count`` numbers from ``offset``, if it has one dimension."""

    storage: _Storage
    offset: int
    count: int

    def numbers(self, stored: bytes) -> Iterable[int]:
        """Its whole numbers, from the bytes of its storage."""
        numbers = array.array(_KINDS[self.storage.kind])
        numbers.frombytes(stored)
        if sys.byteorder != "little":
            numbers.byteswap()
        return numbers[self.offset : self.offset + self.count]


class _Names(pickle.Unpickler):
    """Reads the names and places of a checkpoint's tensors, and runs no code of the file."""

    def find_class(self, module: str, name: str) -> Any:
        """Our own stand-ins; raises UnpicklingError for anything else."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _stub
        if module == "torch" and name.endswith("Storage"):
            return f"{module}.{name}"
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        """The place of a tensor's numbers."""
        return _Storage(pid[1], pid[2])


def _stub(storage: _Storage, offset: int, size: tuple[int, ...], *_: object) -> _Stub:
    return _Stub(storage, offset, size[0] if len(size) == 1 else 0)


def check_words(request: ImageRequest, entry: ModelEntry, folder: Path) -> tuple[Translatable, ...]:
    """Like :func:`check_reading`, for a model of the catalogue that need not be loaded."""
    return check_reading(request, vocabulary_of(entry, folder), entry.name, entry.examples)


def check_reading(
    request: ImageRequest,
    vocabulary: Vocabulary,
    model: str,
    examples: tuple[str, ...] = EXAMPLES,
) -> tuple[Translatable, ...]:
    """Notices about the words of ``request`` that its ``model`` does not know.

    ``examples`` are prompts that it knows. Raises RequestError if it knows none of the words that
    say something: it would paint noise.
    """
    if request.changes_nothing:
        return ()
    phrase = request.source_phrase()
    parts: dict[int | None, list[str]] = {}
    for prompt in request.prompts():
        parts.setdefault(prompt.part, []).append(prompt.words)
    texts = [" ".join(words) for words in parts.values()]
    texts += [" ".join(prompt.words for prompt in prompts) for _, prompts in request.nudges()]
    texts += [] if phrase is None else [phrase]
    texts += request.frozen_phrases()
    unknown: list[str] = []
    for text in texts:
        reading = vocabulary.read(text)
        if not reading.meaningful:
            raise _knows_nothing(text, vocabulary, model, examples)
        unknown += reading.unknown
    return tuple(unknown_notices(unknown))


def unknown_notices(unknown: Iterable[str]) -> list[Translatable]:
    """The sentence about unknown words; none if there are no words."""
    words = tuple(dict.fromkeys(unknown))
    if not words:
        return []
    if len(words) == 1:
        return [
            Translatable("This model doesn't know {words}, so it is ignored.", words=listed(words))
        ]
    return [
        Translatable("This model doesn't know {words}, so they are ignored.", words=listed(words))
    ]


def _knows_nothing(
    text: str, vocabulary: Vocabulary, model: str, examples: tuple[str, ...]
) -> RequestError:
    values = {
        "model": model,
        "words": text[:60],
        "examples": ", ".join(f'"{example}"' for example in examples),
    }
    names = [emoji_name(word.text) for word in words_in(text) if word.emoji]
    if names:
        return RequestError(
            'The model {model} doesn\'t know any word of "{words}"; write emoji in words, as in '
            "{names}, or try {examples}.",
            names=", ".join(f'"{name}"' for name in dict.fromkeys(names[:4])),
            **values,
        )
    if vocabulary.is_small:
        return RequestError(
            'The model {model} doesn\'t know any word of "{words}"; it only knows some English '
            "words, as in {examples}.",
            **values,
        )
    return RequestError(
        'The model {model} doesn\'t know any word of "{words}"; it reads English words, as in '
        "{examples}.",
        **values,
    )
