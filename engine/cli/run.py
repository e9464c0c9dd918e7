"""One painting at the terminal: from a checked request to the files it leaves.

The engine opens no file and prints nothing; this is the watcher that does, for `imagine`.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from engine.cli.output_files import Targets, move, name_of, temporary_beside, write_bytes
from engine.cli.progress import Watcher, make_watcher
from engine.errors import EngineError, NumericalError
from engine.request.request import ImageRequest

if TYPE_CHECKING:
    from PIL import Image

    from engine.models import Models
    from engine.painting.synthesis import Iterate, Synthesis
    from engine.painting.video import TimeLapse

BEGAN = time.perf_counter()


@dataclass(frozen=True)
class Result:
    """What was painted: ``report`` as --json prints it, and how the command ends.

    ``code`` is 0, or 130 and 143 where a signal stopped it; ``error`` is set where the
    optimisation failed on the way, the picture so far being kept.
    """

    report: dict[str, Any]
    code: int = 0
    error: EngineError | None = None


@dataclass
class _Preview:
    """The file with the picture so far; it is replaced in one step, so viewers see it whole.

    ``first_seconds`` is when the first iterate that differs from the start was there, counted
    from the command's start, with a file or without.
    """

    path: Path | None
    every: float
    watcher: Watcher
    first_seconds: float | None = None
    written: float = -math.inf

    def offer(self, iterate: Iterate) -> None:
        now = time.perf_counter()
        # The start is noise, or the person's own picture: nothing was painted yet.
        if iterate.iteration == 0 or now - self.written < self.every:
            return
        self.write(iterate.to_pil())
        self.written = now
        if self.first_seconds is None:
            self.first_seconds = time.perf_counter() - BEGAN

    def write(self, image: Image.Image) -> None:
        if self.path is None:
            return
        file = io.BytesIO()
        ending = self.path.suffix.lower()
        image.save(file, {".png": "PNG", ".webp": "WEBP"}.get(ending, "JPEG"))
        try:
            write_bytes(self.path, file.getvalue(), "The preview")
        except EngineError as error:  # no reason to lose the painting
            self.watcher.note(f"{error} The painting goes on without.")
            self.path = None


@dataclass
class _Stopping:
    """Whether a signal asked to stop; a second one ends the process at once."""

    by: int | None = None
    before: dict[int, Any] = field(default_factory=dict)

    def __enter__(self) -> _Stopping:
        for number in (signal.SIGINT, signal.SIGTERM):
            # Ignored by whoever started us, in the background say: then we ignore it too.
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


def paint(request: ImageRequest, pictures: Mapping[str, bytes], targets: Targets, *,
          device: str, precision: str, preview_every: float, quiet: bool) -> Result:
    """Paint ``request`` into ``targets``, showing the course on stderr unless ``quiet``.

    ``pictures`` holds the starting picture's bytes by SHA-256. Raises EngineError's kinds,
    and then no file has been touched but the preview.
    """
    with make_watcher(quiet=quiet) as watcher, contextlib.ExitStack() as stack, _memory_errors():
        watcher.waiting(f"Loading the model {request.model}")
        models, synthesis = _prepare(request, pictures, device, precision)
        notices = [*_size_notice(request, synthesis), *synthesis.notices()]
        for notice in notices:
            watcher.note(notice)
        preview = _Preview(targets.preview, preview_every, watcher)
        film, temporary = None, None
        if targets.video is not None:
            from engine.painting.video import TimeLapse

            temporary = stack.enter_context(temporary_beside(targets.video, "The time-lapse"))
            film = TimeLapse(temporary, targets.video.suffix.lower(),
                             synthesis.recipe.iterations)
            stack.callback(film.abandon)
        watcher.start(synthesis.recipe.iterations)
        stopping = stack.enter_context(_Stopping())
        error = _step_to_the_end(synthesis, watcher, preview, film, stopping)
        last = synthesis.look()
        image = last.to_pil()
        done = last.iteration == synthesis.recipe.iterations
        if not done:
            watcher.note(f"Stopped after {last.iteration} of {synthesis.recipe.iterations} "
                         "iterations; the picture so far is kept.")
        painted = _as_painted(request, synthesis, done)
        path = _write_picture(image, painted, synthesis, models, targets, done)
        preview.write(image)
        video = None
        if film is not None and temporary is not None and targets.video is not None:
            film.finish(image)
            video = move(temporary, targets.video, new=not done)
    report = {
        "path": str(path), "video": _text(video), "preview": _text(preview.path),
        "seed": synthesis.seed, "iterations": last.iteration,
        "seconds": round(time.perf_counter() - BEGAN, 3),
        "first_preview_seconds": preview.first_seconds and round(preview.first_seconds, 3),
        "size": [image.width, image.height], "model": models.name, "stopped": not done,
        "notices": notices, "losses": last.losses,
        "request": json.loads(painted.model_dump_json(exclude_none=True))}
    return Result(report, 0 if stopping.by is None or done else 128 + stopping.by, error)


def _prepare(request: ImageRequest, pictures: Mapping[str, bytes], device: str,
             precision: str) -> tuple[Models, Synthesis]:
    from engine.models import load_models
    from engine.painting.pipeline import prepare

    models = load_models(request.model, device=device, precision=precision)
    return models, prepare(request, models, pictures)


def _step_to_the_end(synthesis: Synthesis, watcher: Watcher, preview: _Preview,
                     film: TimeLapse | None, stopping: _Stopping) -> NumericalError | None:
    """Step until all iterations are done, a signal comes, or the numbers are no longer finite."""
    while synthesis.iteration < synthesis.recipe.iterations and stopping.by is None:
        try:
            iterate = synthesis.step()
        except NumericalError as error:
            return error
        preview.offer(iterate)
        if film is not None and film.wants(iterate.iteration):
            film.add(iterate.to_pil())
        watcher.update(synthesis.iteration, iterate.losses["total"])
    return None


@contextlib.contextmanager
def _memory_errors() -> Iterator[None]:
    """Turn running out of memory into an EngineError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        from engine.models.memory import is_memory_error

        if is_memory_error(error):
            raise EngineError("There isn't enough memory for this picture; try a smaller --size "
                              "or fewer --cutouts.") from None
        raise


def _size_notice(request: ImageRequest, synthesis: Synthesis) -> list[str]:
    recipe = synthesis.recipe
    asked = (request.width or recipe.width, request.height or recipe.height)
    if request.aspect is not None or asked == (recipe.width, recipe.height):
        return []
    return [f"The picture has {recipe.width}x{recipe.height} pixels, not {asked[0]}x{asked[1]}: "
            f"this model paints multiples of {synthesis.generator.factor}."]


def _as_painted(request: ImageRequest, synthesis: Synthesis, done: bool) -> ImageRequest:
    """The request that paints this picture again: with its seed, and as far as it came."""
    values = {"seed": synthesis.seed}
    if not done and synthesis.iteration:
        values["iterations"] = synthesis.iteration
    return request.with_values(**values)


def _write_picture(image: Image.Image, painted: ImageRequest, synthesis: Synthesis,
                   models: Models, targets: Targets, done: bool) -> Path:
    from engine.painting.images import picture_texts, png_bytes
    from engine.painting.pipeline import provenance

    words = " ".join(prompt.words for prompt in painted.prompts())
    path = targets.picture or Path(f"{name_of(words, synthesis.seed)}.png")
    texts = picture_texts(painted, provenance(synthesis, models))
    # A picture that is not finished never replaces one that is.
    new = targets.picture is None or not done
    return write_bytes(path, png_bytes(image, texts), "The picture", new=new)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
