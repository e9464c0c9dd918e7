"""The special tokens of vocabularies that come with a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import CheckpointError
from engine.models.pieces import Pieces


def special_id(pieces: Pieces, config: Mapping[str, Any], name: str) -> int:
    """The id of the token that a tokenizer_config.json calls ``name``, such as "pad_token".

    Raises CheckpointError if it names none of the vocabulary's.
    """
    token = config.get(name)
    token = token.get("content") if isinstance(token, dict) else token
    found = pieces.piece_id(token) if isinstance(token, str) else None
    if found is None:
        raise CheckpointError(
            "The tokenizer_config.json has no `{name}` of its tokenizer; use the one that was "
            "published with it.",
            name=name,
        )
    return found
