"""The names of pictures, made only of ids, so that no other text becomes a path or a key."""

from __future__ import annotations

import re
from typing import Literal

from data.errors import StoreError

_JOB = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

Kind = Literal["pictures", "attachments"]
KINDS: tuple[Kind, ...] = ("pictures", "attachments")


def picture_name(id: str) -> str:
    """The name of a job's picture."""
    return f"pictures/{job_id(id)}.png"


def time_lapse_name(id: str) -> str:
    """The name of a job's time-lapse, which is there until it is posted."""
    return f"pictures/{job_id(id)}.mp4"


def attachment_name(sha256: str) -> str:
    """The name of an attached picture: the SHA-256 of its bytes."""
    return f"attachments/{_checked(_SHA256, sha256)}"


def state_name(id: str) -> str:
    """The name of a job's saved state."""
    return f"states/{job_id(id)}.pt"


def job_id(id: str) -> str:
    """``id`` itself; raises StoreError unless it is 32 hexadecimal digits."""
    return _checked(_JOB, id)


def _checked(pattern: re.Pattern[str], id: str) -> str:
    if pattern.fullmatch(id) is None:
        raise StoreError("{id} isn't an ID.", id=repr(id[:80]))
    return id
