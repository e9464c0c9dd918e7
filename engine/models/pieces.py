"""The vocabularies that come with a model: ``tokenizer.json``, or SentencePiece's ``.model``.

Nothing here loads torch (see engine.models.reading).
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import CheckpointError
from engine.models.packages import clip_cleaned, piece_package
from engine.models.reading import Vocabulary

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
CLEANINGS = ("canonicalize", "lower", "whitespace")
"""What OpenCLIP calls the ways to clean a text."""


@dataclass(frozen=True, kw_only=True)
class Pieces(Vocabulary):
    """A vocabulary whose ``split`` gives the ids of a cleaned text's pieces.

    ``unknown`` is the id that stands for characters without a piece, None if all have one;
    ``piece_id`` finds the id of a piece. ``start`` and ``end`` are the ids around every text;
    ``count`` is the number of pieces, of which a text tower knows those with ids below ``limit``.
    """

    split: Callable[[str], list[int]]
    piece_id: Callable[[str], int | None]
    count: int
    cleaning: str
    unknown: int | None = None
    start: tuple[int, ...] = ()
    end: tuple[int, ...] = ()
    limit: int | None = None

    def encode(self, text: str) -> list[int]:
        """The ids of the pieces of ``text``, without start and end."""
        ids = self.split(cleaned(text, self.cleaning))
        return ids if self.limit is None else [each for each in ids if each < self.limit]

    def _known(self, word: str) -> str | None:
        return None if self.unknown in self.encode(word) else word


def cleaned(text: str, how: str) -> str:
    """``text`` as training had it; ``how`` is one of CLEANINGS.

    "canonicalize" is Google's big_vision: lower case, no punctuation.
    """
    plain = clip_cleaned(text)
    if how == "canonicalize":
        plain = plain.replace("_", " ").translate(_NO_PUNCTUATION)
        return " ".join(plain.lower().split())
    return plain.lower() if how == "lower" else plain


def read_pieces(path: Path, cleaning: str) -> Pieces:
    """The vocabulary of a tokenizer file; raises CheckpointError for anything else."""
    try:
        read = _from_json if path.suffix == ".json" else _from_sentencepiece
        return read(path, cleaning)
    except OSError:
        raise _unreadable(path) from None


def _unreadable(path: Path) -> CheckpointError:
    return CheckpointError(
        "{path} is not a tokenizer; use the tokenizer.json or spiece.model that was published with "
        "the checkpoint.",
        path=path,
    )


def _from_json(path: Path, cleaning: str) -> Pieces:
    module = piece_package("tokenizers")
    try:
        text = path.read_text(encoding="utf-8")
        model: dict[str, Any] = json.loads(text)["model"]
        tokenizer = module.Tokenizer.from_str(text)
    except (ValueError, KeyError, TypeError):
        raise _unreadable(path) from None
    except Exception as error:  # the package has no class of its own for a file it can't read
        raise _unreadable(path) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def split(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    whole, inner = tokenizer.encode("a").ids, split("a")
    first = next(i for i in range(len(whole)) if whole[i : i + len(inner)] == inner)
    unknown = model.get("unk_id")
    if unknown is None and isinstance(model.get("unk_token"), str):
        unknown = tokenizer.token_to_id(model["unk_token"])
    return Pieces(
        split=split,
        piece_id=tokenizer.token_to_id,
        count=tokenizer.get_vocab_size(),
        cleaning=cleaning,
        unknown=None if model.get("byte_fallback") else unknown,
        start=tuple(whole[:first]),
        end=tuple(whole[first + len(inner) :]),
    )


def _from_sentencepiece(path: Path, cleaning: str) -> Pieces:
    module = piece_package("sentencepiece")
    try:
        processor = module.SentencePieceProcessor(model_file=str(path))
    except RuntimeError:
        raise _unreadable(path) from None
    known = {processor.id_to_piece(i): i for i in range(processor.get_piece_size())}
    return Pieces(
        split=processor.encode,
        piece_id=known.get,
        count=len(known),
        cleaning=cleaning,
        unknown=None if "<0x00>" in known else processor.unk_id(),  # pieces for every byte
    )
