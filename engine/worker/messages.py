"""What the queue and its worker say to each other: plain values, one dataclass a message.

Frames on the pipe are eight bytes of length (big-endian) and the pickled message. Both ends are
this very program, and nobody else can write to the pipe.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.request.defaults import DEFAULT_MODEL

HEADER = struct.Struct(">Q")


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker works; the first message it gets.

    ``threads`` is PyTorch's, None for its own choice; ``preload`` names the model to load before
    anyone asks; ``preview_every`` and ``save_every`` are seconds; a preview's longer side has at
    most ``preview_side`` pixels; at most ``keep_models`` models stay loaded.
    """

    device: str = "auto"
    threads: int | None = None
    preload: str | None = DEFAULT_MODEL
    preview_every: float = 2.0
    save_every: float = 5.0
    preview_side: int = 512
    keep_models: int = 2


@dataclass(frozen=True)
class Paint:
    """Paint ``request`` (its JSON, with a seed); go on from the file ``state`` if it is there.

    The finished picture is scored for ``concepts`` (engine.painting.concepts).
    """

    id: str
    request: str
    pictures: Mapping[str, bytes] = field(repr=False)
    state: str
    concepts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stop:
    """Render the job as it is now."""

    id: str


@dataclass(frozen=True)
class Cancel:
    """Give the job up."""

    id: str


@dataclass(frozen=True)
class Film:
    """Paint ``request`` again, up to ``iterations``, and make a time-lapse of it."""

    id: str
    request: str
    pictures: Mapping[str, bytes] = field(repr=False)
    iterations: int


@dataclass(frozen=True)
class Close:
    """Save what is being painted, and end."""


@dataclass(frozen=True)
class Ready:
    """The worker is up, with its preloaded model, on ``device``."""

    device: str


@dataclass(frozen=True)
class Began:
    """The job is on the easel, ``iteration`` of ``iterations`` done; sizes are in pixels.

    ``overlay`` (JPEG) shows what may change of the picture it starts from, empty without a mask.
    """

    id: str
    iteration: int
    iterations: int
    width: int
    height: int
    cutouts: int
    overlay: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Stepped:
    """A preview (JPEG) after ``iteration`` updates, which took ``seconds`` in all."""

    id: str
    iteration: int
    seconds: float
    losses: Mapping[str, float]
    preview: bytes = field(repr=False)


@dataclass(frozen=True)
class Turned:
    """Nothing to show yet, but ``iteration`` updates are made, in ``seconds`` in all.

    Said about every second: by its absence the queue knows a worker that hangs.
    """

    id: str
    iteration: int
    seconds: float


@dataclass(frozen=True)
class Pulse:
    """The worker's process runs, whatever it is doing; said every second, by a thread of its own.

    So a process that stands still is known also while it loads a model, or has nothing to do.
    """


@dataclass(frozen=True)
class Busy:
    """The worker now does what may take minutes and says nothing meanwhile: begins a job."""


@dataclass(frozen=True)
class Saved:
    """The job can go on from ``iteration``, whatever happens."""

    id: str
    iteration: int


@dataclass(frozen=True)
class Painted:
    """The finished picture (PNG) and what is told of it; see engine.events.Done."""

    id: str
    picture: bytes = field(repr=False)
    seed: int
    seconds: float
    iterations: int
    width: int
    height: int
    notices: tuple[str, ...]
    stopped: bool
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class GivenUp:
    """The job was called off; ``partial`` is a PNG, None where nothing was painted."""

    id: str
    partial: bytes | None = field(repr=False)


@dataclass(frozen=True)
class Refused:
    """The job cannot be done; ``reason`` is a sentence for the person, as a rule a Translatable."""

    id: str
    reason: str


@dataclass(frozen=True)
class Filmed:
    """The time-lapse, an mp4 file's bytes."""

    id: str
    video: bytes = field(repr=False)


@dataclass(frozen=True)
class Logged:
    """A line for the log, at one of logging's levels; ``id`` is "" where it is about no job."""

    id: str
    level: int
    text: str


ToWorker = WorkerSettings | Paint | Stop | Cancel | Film | Close
AboutJob = Began | Stepped | Turned | Saved | Painted | GivenUp | Refused | Filmed
FromWorker = Ready | Logged | Pulse | Busy | AboutJob


def frame(message: ToWorker | FromWorker) -> bytes:
    """``message`` as it goes over the pipe."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return HEADER.pack(len(body)) + body
