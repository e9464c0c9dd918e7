"""One painting for the `imagine` command: from a valid request to the files.

The engine opens no files and prints nothing; this module does it for the command.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import secrets
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from engine.cli.mask_files import write_mask_steps
from engine.cli.output_files import Targets, move, name_of, temporary_file, write_bytes
from engine.cli.progress import Watcher, make_watcher
from engine.cli.repeat import First
from engine.cli.schedule import schedule_lines
from engine.errors import EngineError, NumericalError, OutOfMemoryError
from engine.garbage import resume_collection
from engine.pictures.writing import picture_texts, png_bytes
from engine.request.limits import MAX_SEED
from engine.request.request import ImageRequest
from engine.version import version

if TYPE_CHECKING:
    from PIL import Image

    from engine.models import Models
    from engine.painting.iterate import Iterate
    from engine.painting.synthesis import Synthesis
    from engine.painting.video import TimeLapse

STARTED = time.perf_counter()
_FIRST = First()
_LOWEST = 19  # added to the priority, of which 19 is the last
_PREVIEW_SIDE = 512  # pixels, of a picture that no model painted


@dataclass(frozen=True)
class Result:
    """The ``report`` that --json prints, and the command's exit ``code``.

    ``code`` is 0, or 130 or 143 if a signal stopped it. ``error`` is set if the optimisation
    failed; the picture up to then is kept.
    """

    report: dict[str, Any]
    code: int = 0
    error: EngineError | None = None


@dataclass
class _Preview:
    """The file with the current picture, replaced atomically, so that viewers see it complete.

    ``first_seconds`` is the time from the command's start to the first iterate that differs from
    the start, with or without a file.
    """

    path: Path | None
    every: float
    watcher: Watcher
    first_seconds: float | None = None
    written: float = -math.inf

    def offer(self, iterate: Iterate) -> None:
        now = time.perf_counter()
        # The start is noise or the person's own picture.
        if iterate.iteration == 0 or now - self.written < self.every:
            return
        self.write(iterate.to_pil())
        self.written = now
        if self.first_seconds is None:
            self.first_seconds = time.perf_counter() - STARTED

    def write(self, image: Image.Image) -> None:
        if self.path is None:
            return
        file = io.BytesIO()
        ending = self.path.suffix.lower()
        image.save(file, {".png": "PNG", ".webp": "WEBP"}.get(ending, "JPEG"))
        try:
            write_bytes(self.path, file.getvalue(), "The preview")
        except EngineError as error:  # painting can continue without it
            self.watcher.note(f"{error} Painting continues without it.")
            self.path = None


@dataclass
class _Stopping:
    """Which signal asked to stop; a second signal ends the process at once."""

    by: int | None = None
    before: dict[int, Any] = field(default_factory=dict)

    def __enter__(self) -> _Stopping:
        for number in (signal.SIGINT, signal.SIGTERM):
            # If the parent process ignores it, for example in the background, so do we.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self.before[number] = signal.signal(number, self._ask)
        return self

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.by = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before.clear()

    def __exit__(self, *_: object) -> None:
        self._restore()


def set_priority(requests: Sequence[ImageRequest]) -> None:
    """Let other programs go first if a request is relaxed, where the system has priorities."""
    if any(request.relax for request in requests) and hasattr(os, "nice"):
        os.nice(_LOWEST)


def check_models_know(requests: Sequence[ImageRequest]) -> None:
    """Raise RequestError if a request's model knows none of its words, without loading it."""
    from engine.models.catalogue import load_catalogue, models_folder
    from engine.models.vocabulary import check_words

    for request in requests:
        check_words(request, load_catalogue().model(request.networks), models_folder())


def paint(
    request: ImageRequest,
    pictures: Mapping[str, bytes],
    targets: Targets,
    *,
    device: str,
    precision: str,
    check_memory: bool,
    preview_every: float,
    quiet: bool,
    repeat: First = _FIRST,
) -> Result:
    """Paint ``request`` into ``targets``, showing progress on stderr unless ``quiet``.

    ``pictures`` has the bytes of its pictures by SHA-256. With ``repeat`` it is painted as an
    earlier picture was. Raises EngineError, and then it has not touched any file
    except the preview.
    """
    if request.changes_nothing:
        return _return_unchanged(request, pictures, targets, quiet=quiet, repeat=repeat)
    with make_watcher(quiet=quiet) as watcher, contextlib.ExitStack() as stack, _memory_errors():
        watcher.waiting(f"Loading the model {request.networks}")
        from engine.painting.pipeline import provenance
        from engine.painting.vector_picture import check_strokes, svg_of

        repeat.set_threads()
        models, synthesis = _prepare(
            request, pictures, repeat.device(device), repeat.precision(precision), check_memory
        )
        if targets.is_vector:
            check_strokes(synthesis)
        notices = synthesis.notices()
        for notice in notices:
            watcher.note(notice)
        for line in schedule_lines(request, synthesis.recipe.story):
            watcher.note(line)
        differing = repeat.differences(provenance(synthesis, models))
        for line in differing:
            watcher.note(line)
        shown = []
        if targets.mask is not None:
            shown = write_mask_steps(synthesis.mask_steps(), targets.mask)
        preview = _Preview(targets.preview, preview_every, watcher)
        time_lapse, temporary = _time_lapse(targets.video, synthesis, stack)
        end = synthesis.recipe.iterations
        if repeat.stopped_at is not None:
            end = min(end, repeat.stopped_at)
        watcher.start(end)
        stopping = stack.enter_context(_Stopping())
        error = _step_to_the_end(synthesis, end, watcher, preview, time_lapse, stopping)
        last = synthesis.look()
        image = last.full_size()
        done = last.iteration == end
        if not done:
            watcher.note(
                f"Stopped after {last.iteration} of {synthesis.recipe.iterations} "
                "iterations; the picture so far is saved."
            )
        painted = request.with_values(seed=synthesis.seed)
        facts = provenance(synthesis, models)
        texts = picture_texts(painted, facts | _stopped(synthesis))
        data = svg_of(synthesis, texts).encode() if targets.is_vector else png_bytes(image, texts)
        # An unfinished picture never replaces a finished one.
        path = _write_picture(data, painted, synthesis.seed, targets, new=not done)
        preview.write(last.to_pil())
        video = None
        if time_lapse is not None and temporary is not None and targets.video is not None:
            time_lapse.finish(last.to_pil())
            video = move(temporary, targets.video, new=not done)
        for line in repeat.differences(facts):
            if line not in differing:  # more passes, or another precision, in the middle
                watcher.note(line)
        compared = repeat.report(image, watcher.note)
    report = _report(path, video, preview, image, notices, painted)
    report |= {
        "model": models.name,
        "seed": synthesis.seed,
        "iterations": last.iteration,
        "stopped": not done,
        "losses": last.losses,
        **compared,
    }
    if shown:
        report["mask"] = shown
    return Result(report, 0 if stopping.by is None or done else 128 + stopping.by, error)


def _time_lapse(
    path: Path | None, synthesis: Synthesis, stack: contextlib.ExitStack
) -> tuple[TimeLapse | None, Path | None]:
    """A time-lapse for the file ``path``, and the temporary file that it is written to."""
    if path is None:
        return None, None
    from engine.painting.video import TimeLapse

    temporary = stack.enter_context(temporary_file(path, "The time-lapse"))
    recipe = synthesis.recipe
    time_lapse = TimeLapse(temporary, path.suffix.lower(), recipe.iterations, recipe.frame_unit)
    stack.callback(time_lapse.abandon)
    return time_lapse, temporary


def _stopped(synthesis: Synthesis) -> dict[str, str | int]:
    """How far a picture was painted that is not finished; its request keeps all iterations."""
    at = synthesis.iteration
    return {} if at == synthesis.recipe.iterations else {"stopped_at": at}


def _return_unchanged(
    request: ImageRequest,
    pictures: Mapping[str, bytes],
    targets: Targets,
    *,
    quiet: bool,
    repeat: First,
) -> Result:
    """Write the picture that ``request`` starts from into ``targets``, as nothing changes it.

    Loads no model. Raises EngineError like :func:`paint`.
    """
    from engine.models.catalogue import load_catalogue
    from engine.painting.unchanged import unchanged_picture
    from engine.pictures.colours import over_white

    load_catalogue().model(request.networks)  # refuses an unknown one
    if request.seed is None:
        request = request.with_values(seed=secrets.randbelow(MAX_SEED + 1))
    assert request.seed is not None
    with make_watcher(quiet=quiet) as watcher, contextlib.ExitStack() as stack:
        picture = unchanged_picture(request, pictures)
        for remark in picture.remarks:
            watcher.note(remark)
        facts: dict[str, str | int] = {
            "seed": request.seed,
            "model": request.networks,
            "imagine-bot": version(),
        }
        data = png_bytes(picture.image, picture_texts(request, facts))
        path = _write_picture(data, request, request.seed, targets)
        small = over_white(picture.image).copy()
        small.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
        preview = _Preview(targets.preview, 0.0, watcher)
        preview.write(small)
        video = None
        if targets.video is not None:
            from engine.painting.video import TimeLapse

            temporary = stack.enter_context(temporary_file(targets.video, "The time-lapse"))
            time_lapse = TimeLapse(temporary, targets.video.suffix.lower(), 0)
            stack.callback(time_lapse.abandon)
            time_lapse.finish(small)
            video = move(temporary, targets.video)
        compared = repeat.report(picture.image, watcher.note)
    report = _report(path, video, preview, picture.image, picture.remarks, request)
    report |= {"seed": request.seed, "iterations": 0, "stopped": False, "losses": {}, **compared}
    return Result(report)


def _report(
    path: Path,
    video: Path | None,
    preview: _Preview,
    image: Image.Image,
    notices: Sequence[str],
    painted: ImageRequest,
) -> dict[str, Any]:
    """What --json prints about every picture."""
    return {
        "path": str(path),
        "video": _text(video),
        "preview": _text(preview.path),
        "seconds": round(time.perf_counter() - STARTED, 3),
        "first_preview_seconds": preview.first_seconds and round(preview.first_seconds, 3),
        "size": [image.width, image.height],
        "model": painted.networks,
        "notices": list(notices),
        "request": json.loads(painted.model_dump_json(exclude_none=True)),
    }


def _prepare(
    request: ImageRequest,
    pictures: Mapping[str, bytes],
    device: str,
    precision: str,
    check_memory: bool,
) -> tuple[Models, Synthesis]:
    from engine.models import load_models
    from engine.painting.pipeline import prepare

    models = load_models(request.networks, device=device, precision=precision)
    resume_collection()
    try:
        return models, prepare(request, models, pictures, check_memory=check_memory)
    except OutOfMemoryError as error:
        raise EngineError(f"{error} --no-memory-check tries it all the same.") from None


def _step_to_the_end(
    synthesis: Synthesis,
    end: int,
    watcher: Watcher,
    preview: _Preview,
    time_lapse: TimeLapse | None,
    stopping: _Stopping,
) -> NumericalError | None:
    """Step until ``end`` iterations are done, a signal arrives, or the loss is not finite."""
    while synthesis.iteration < end and stopping.by is None:
        try:
            iterate = synthesis.step()
        except NumericalError as error:
            return error
        preview.offer(iterate)
        if time_lapse is not None and time_lapse.wants(iterate.iteration):
            time_lapse.add(iterate.to_pil())
        # The iterate's own would make a GPU wait in each iteration.
        watcher.update(synthesis.iteration, synthesis.losses.get("total"))
    return None


@contextlib.contextmanager
def _memory_errors() -> Iterator[None]:
    """Turn running out of memory into an EngineError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        from engine.models.memory import is_memory_error

        if is_memory_error(error):
            raise EngineError(
                "There isn't enough memory for this picture; try a smaller --size "
                "or fewer --cutouts."
            ) from None
        raise


def _write_picture(
    data: bytes, painted: ImageRequest, seed: int, targets: Targets, *, new: bool = False
) -> Path:
    """Write a picture's file; ``new`` never replaces one."""
    words = " ".join(prompt.words for prompt in painted.prompts())
    path = targets.picture or Path(f"{name_of(words, seed)}.png")
    return write_bytes(path, data, "The picture", new=new or targets.picture is None)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
