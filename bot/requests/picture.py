"""A picture that belongs to a request, which refers to it by its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A picture file's bytes, and their SHA-256 in hexadecimal digits."""

    sha256: str
    data: bytes


def picture_from_bytes(data: bytes) -> Picture:
    """Return the picture of these bytes; a large one takes milliseconds."""
    return Picture(hashlib.sha256(data).hexdigest(), data)
