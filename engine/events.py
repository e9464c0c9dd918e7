"""What a job tells those who watch it, as plain values: no torch, no files, no Discord."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Queued:
    """The job waits.

    ``position`` counts from 1 and includes what is running; ``eta`` is in seconds until the
    picture is there, None where nothing is known yet.
    """

    position: int
    eta: float | None


@dataclass(frozen=True)
class Progress:
    """The job is being painted.

    ``preview`` is a small JPEG of the picture after ``iteration`` of ``iterations`` updates,
    empty while the model is being loaded; ``losses`` are by prompt, with "total" among them;
    ``eta`` is in seconds from now. ``overlay`` is a JPEG of the picture that is edited, with
    what may change of it marked; every event of a job with a mask has it, the others' is empty.
    """

    iteration: int
    iterations: int
    preview: bytes = field(repr=False)
    losses: Mapping[str, float]
    eta: float | None
    overlay: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Done:
    """The picture, a PNG file's bytes with the request in its text.

    ``seconds`` were spent stepping; ``iterations`` were made, fewer than asked for where the
    job was ``stopped``; ``notices`` are sentences for the person (words the model does not
    know, a prompt that was cut). ``scores``, 0 to 1, are how much of each concept there is in it
    that was asked about (engine.painting.concepts); one that could not be scored is not among them.
    """

    picture: bytes = field(repr=False)
    seed: int
    seconds: float
    iterations: int
    width: int
    height: int
    notices: tuple[str, ...] = ()
    stopped: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """The job failed; ``reason`` is a sentence for the person, usually a Translatable."""

    reason: str


@dataclass(frozen=True)
class Cancelled:
    """The job was called off; ``partial`` is a PNG of what was there, None if nothing was."""

    partial: bytes | None = field(repr=False, default=None)


Event = Queued | Progress | Done | Failed | Cancelled
Ending = Done | Failed | Cancelled
