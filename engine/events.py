"""A job's events for its watchers, as plain values: no torch, no files, no Discord."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Queued:
    """The job waits.

    ``position`` counts from 1 and includes running jobs; ``eta`` is the number of seconds until
    the picture is finished, None if unknown.
    """

    position: int
    eta: float | None


@dataclass(frozen=True)
class Progress:
    """The job is being painted.

    ``preview`` is a small JPEG of the picture after ``iteration`` of ``iterations`` updates, empty
    before the first; ``losses`` are by prompt, and "total"; ``eta`` is in seconds from now.
    ``overlay`` is a JPEG of the edited picture with the area that can change marked, in every
    event of a job with a mask, next to the steps to it if words found it; otherwise it is empty.
    ``notices`` are sentences about what is painted, such as how the mask was read. ``width`` and
    ``height`` are those that the finished picture will have, in pixels; 0 if unknown.
    """

    iteration: int
    iterations: int
    preview: bytes = field(repr=False)
    losses: Mapping[str, float]
    eta: float | None
    overlay: bytes = field(default=b"", repr=False)
    notices: tuple[str, ...] = ()
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Losses:
    """A job's losses: few numbers, whatever the number of iterations.

    ``total`` has the sum at iteration 0, ``every``, 2 * ``every`` and so on, ``last`` the last
    losses by prompt, and "total".
    """

    every: int
    total: tuple[float, ...]
    last: Mapping[str, float]

    @classmethod
    def from_plain(cls, value: object) -> Losses | None:
        """The losses that dataclasses.asdict, and perhaps JSON, made ``value`` of; else None."""
        match value:
            case {"every": int(every), "total": list() | tuple() as total, "last": dict(last)}:
                return cls(max(1, every), tuple(total), last)
        return None


@dataclass(frozen=True)
class Done:
    """The job is finished; ``picture`` is a PNG file's bytes with the request in its text.

    ``width`` and ``height`` are its size in pixels, of an edit usually that of the edited picture;
    ``seconds`` is the time spent stepping; ``iterations`` is the number made, fewer than requested
    if the job was ``stopped``; ``notices`` are sentences for the person (unknown words, a prompt
    that was cut off). ``scores``, 0 to 1, tell how clearly it shows each requested concept
    (engine.painting.concepts), without those that could not be scored. A job that makes a
    time-lapse has an mp4 file's bytes as ``video``, and no picture of its own. ``losses`` are None
    if nothing was optimised.
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
    video: bytes = field(repr=False, default=b"")
    losses: Losses | None = field(repr=False, default=None)


@dataclass(frozen=True)
class Failed:
    """The job failed; ``reason`` is a sentence for the person, usually a Translatable."""

    reason: str


@dataclass(frozen=True)
class Cancelled:
    """The job was cancelled; ``partial`` is the unfinished picture (PNG), None without one."""

    partial: bytes | None = field(repr=False, default=None)


Event = Queued | Progress | Done | Failed | Cancelled
Ending = Done | Failed | Cancelled
