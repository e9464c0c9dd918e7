"""What the queue and its worker send each other: plain values, one dataclass per message.

A frame on the pipe is eight bytes of length (big-endian) and the pickled message. Unpickling is
safe here: both ends are this program, and nothing else can write to the pipe.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.events import Ending, Progress
from engine.request.defaults import DEFAULT_MODEL

HEADER = struct.Struct(">Q")


@dataclass(frozen=True)
class WorkerSettings:
    """The settings of a worker; the first message it gets.

    ``threads`` is the number of PyTorch's threads, None for its own choice; ``share`` workers of
    the machine share them; ``preload`` is the model to load before the first job;
    ``preview_every`` and ``save_every`` are in seconds; ``preview_side`` is the most pixels on a
    preview's longer side; ``keep_models`` is the most models that stay loaded. ``check_memory``
    refuses pictures that are too large for the free memory. ``slots`` is how many jobs are painted
    at once, None as many as are worth it (engine.worker.turns). ``cuda_graphs`` lets a GPU replay
    recorded iterations (engine.painting.graphs), and ``triton_kernels`` use kernels of its own
    (engine.fused).
    """

    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    preload: str | None = DEFAULT_MODEL
    preview_every: float = 2.0
    save_every: float = 5.0
    preview_side: int = 512
    keep_models: int = 2
    check_memory: bool = True
    share: int = 1
    slots: int | None = 1
    cuda_graphs: bool = True
    triton_kernels: bool = True


@dataclass(frozen=True)
class Paint:
    """Paint ``request`` (JSON, with a seed), continuing from the file ``state`` if it exists.

    ``pictures`` are bytes by SHA-256. The finished picture is scored for ``concepts``
    (engine.painting.concepts). Small frames are recorded to the file ``frames`` unless it is "".
    Jobs of one ``grid`` are stepped together, however few slots there are, if it is not "".
    """

    id: str
    request: str
    pictures: Mapping[str, bytes] = field(repr=False)
    state: str
    concepts: tuple[str, ...] = ()
    frames: str = ""
    grid: str = ""


@dataclass(frozen=True)
class Stop:
    """Finish the job's picture as it is now."""

    id: str


@dataclass(frozen=True)
class Cancel:
    """Drop the job."""

    id: str


@dataclass(frozen=True)
class SteerJob:
    """Change the job while it is painted; ``key`` tells this from other changes of the job.

    ``change`` is a JSON object, a field of engine.request.steering.Steer with its value. A change
    that the job has already, by its key, is only reported again.
    """

    id: str
    key: str
    change: str


@dataclass(frozen=True)
class RenderTimeLapse:
    """Make a time-lapse of ``request``, which was painted with ``iterations``.

    It is made from the frames in the file ``frames``; without a complete one, by painting again.
    The last picture is scored for ``concepts``, as a painted one.
    """

    id: str
    request: str
    pictures: Mapping[str, bytes] = field(repr=False)
    iterations: int
    concepts: tuple[str, ...] = ()
    frames: str = ""


@dataclass(frozen=True)
class Describe:
    """Describe the picture to paint like of ``request`` by the perceptor of its model."""

    id: str
    request: str
    pictures: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class Close:
    """Save the jobs that are being painted, and end."""


@dataclass(frozen=True)
class Ready:
    """The worker is up on ``device``, with its first model loaded."""

    device: str


@dataclass(frozen=True)
class Loaded:
    """``model`` was loaded in ``seconds``; ``models`` are now loaded, in the order of last use."""

    model: str
    seconds: float
    models: tuple[str, ...]


@dataclass(frozen=True)
class Slots:
    """The worker can paint ``count`` jobs of the kind that it paints now at once."""

    count: int


@dataclass(frozen=True)
class Heartbeat:
    """The worker's process runs; sent every second by a thread of its own.

    Without it a process that is stuck while it loads a model, or while it has no job, would look
    like one that works.
    """


@dataclass(frozen=True)
class Busy:
    """Something slow comes, like starting a job, during which the worker sends nothing else."""


@dataclass(frozen=True)
class Started:
    """The job is set up and will be stepped ``iterations`` times in all; sizes are in pixels.

    Without those that steering adds.
    """

    id: str
    iterations: int
    width: int
    height: int
    cutouts: int


@dataclass(frozen=True)
class Stepped:
    """The iterate numbered ``iteration`` was measured, ``seconds`` of stepping so far.

    Sent about every second and with every preview: a worker that stops sending it is stuck.
    """

    id: str
    iteration: int
    seconds: float


@dataclass(frozen=True)
class Saved:
    """The job's state after ``iteration`` updates is on disk; it can continue from there."""

    id: str
    iteration: int


@dataclass(frozen=True)
class Steered:
    """The change ``key`` takes effect as ``steer``, JSON of engine.request.steering.Steer.

    None if it was not possible; the picture's notices then say why.
    """

    id: str
    key: str
    steer: str | None


@dataclass(frozen=True)
class JobEvent:
    """An event of the job, as its watchers get it. After an ending nothing follows."""

    id: str
    event: Progress | Ending


@dataclass(frozen=True)
class Described:
    """What Describe asked for: ``prompts`` and ``words`` (engine.painting.describing)."""

    id: str
    prompts: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Logged:
    """A line for the log at ``level``, one of logging's; ``id`` is "" if it concerns no job."""

    id: str
    level: int
    text: str


ToWorker = WorkerSettings | Paint | Stop | Cancel | SteerJob | RenderTimeLapse | Describe | Close
AboutJob = Started | Stepped | Saved | Steered | JobEvent | Described
FromWorker = Ready | Loaded | Slots | Logged | Heartbeat | Busy | AboutJob


def frame(message: ToWorker | FromWorker) -> bytes:
    """``message`` as it goes over the pipe."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return HEADER.pack(len(body)) + body
