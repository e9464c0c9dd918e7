"""What a worker does for one job: paint it or film it, a step at a time."""

from __future__ import annotations

import io
import json
import os
import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image

from engine.errors import RequestError
from engine.models import Models
from engine.painting.concepts import concept_scores
from engine.painting.images import picture_texts, png_bytes
from engine.painting.pipeline import prepare, provenance
from engine.painting.synthesis import Iterate, Synthesis
from engine.painting.video import TimeLapse
from engine.request.request import ImageRequest, request_from_json
from engine.worker.messages import (
    AboutJob,
    Began,
    Film,
    Filmed,
    GivenUp,
    Logged,
    Paint,
    Painted,
    Saved,
    Stepped,
    Turned,
    WorkerSettings,
)

Send = Callable[[AboutJob | Logged], None]
_WARNING = 30  # logging's, which the message carries as a number
_TURNED_EVERY = 1.0  # seconds


class WorkerJob(Protocol):
    """A job that a worker can take turns at."""

    id: str
    request: ImageRequest

    @property
    def begun(self) -> bool:
        """Whether :meth:`begin` was called."""

    def begin(self, models: Models) -> None:
        """Set up; raises EngineError where the request cannot be painted."""

    def advance(self) -> bool:
        """Do one iteration; whether the job is over, its outcome sent."""

    def end(self) -> None:
        """Clean up, however it went."""


class _Pulse:
    """Says every second or so that the work goes on."""

    def __init__(self, id: str, send: Send) -> None:
        self._id = id
        self._send = send
        self._beaten = -float("inf")

    def beat(self, iterate: Iterate) -> None:
        """After each iteration."""
        now = time.monotonic()
        if now - self._beaten >= _TURNED_EVERY:
            self._beaten = now
            self._send(Turned(self._id, iterate.iteration, iterate.seconds))


class PaintJob:
    """One picture: stepped, previewed, saved every few seconds, and sent when finished.

    ``wish`` may be set to "stop" or "cancel" and is followed within one iteration.
    """

    def __init__(self, order: Paint, settings: WorkerSettings, send: Send) -> None:
        self.id = order.id
        self.request = request_from_json(order.request)
        self.wish: str | None = None
        self._order = order
        self._settings = settings
        self._send = send
        self._models: Models | None = None
        self._synthesis: Synthesis | None = None
        self._previewed = -float("inf")
        self._saved = 0.0
        self._saved_iteration = 0
        self._pulse = _Pulse(order.id, send)

    @property
    def begun(self) -> bool:
        """Whether it stands on the easel."""
        return self._synthesis is not None

    def begin(self, models: Models) -> None:
        """Make its Synthesis, as it was left where a state was saved."""
        if self.wish == "cancel":
            return
        synthesis = prepare(self.request, models, self._order.pictures)
        if not self._restore(synthesis):
            synthesis = prepare(self.request, models, self._order.pictures)
        self._synthesis, self._models = synthesis, models
        self._saved = time.monotonic()
        recipe = synthesis.recipe
        self._send(Began(self.id, synthesis.iteration, recipe.iterations, recipe.width,
                         recipe.height, recipe.augmentation.count,
                         overlay_of(synthesis, self._settings.preview_side)))

    def advance(self) -> bool:
        """One iteration, or what is due instead of it."""
        synthesis = self._synthesis
        if self.wish == "cancel" or synthesis is None:
            begun = synthesis is not None and synthesis.iteration > 0
            self._send(GivenUp(self.id, self._png(stopped=True) if begun else None))
            return True
        stopped = self.wish == "stop" and 0 < synthesis.iteration < synthesis.recipe.iterations
        if stopped or synthesis.iteration >= synthesis.recipe.iterations:
            self._finish(synthesis, stopped)
            return True
        iterate = synthesis.step()
        now = time.monotonic()
        # The start is noise, which tells nobody anything.
        if iterate.iteration > 0 and now - self._previewed >= self._settings.preview_every:
            self._previewed = now
            self._send(Stepped(self.id, iterate.iteration, iterate.seconds, iterate.losses,
                               preview_of(iterate, self._settings.preview_side)))
        else:
            self._pulse.beat(iterate)
        if now - self._saved >= self._settings.save_every:
            self.save()
        return False

    def _finish(self, synthesis: Synthesis, stopped: bool) -> None:
        if self._saved_iteration != synthesis.iteration:
            self.save()  # before the picture is told of: another job may continue from it
        recipe = synthesis.recipe
        self._send(Painted(self.id, self._png(stopped), synthesis.seed, synthesis.seconds,
                           synthesis.iteration, recipe.width, recipe.height,
                           tuple(synthesis.notices()), stopped, self._scores(synthesis)))

    def _scores(self, synthesis: Synthesis) -> dict[str, float]:
        """Of the concepts that were asked about; none where scoring fails, for want of memory."""
        concepts = self._order.concepts
        if not concepts:
            return {}
        try:
            return concept_scores(synthesis.perceptor, synthesis.look().image, concepts)
        except RuntimeError as error:
            self._send(Logged(self.id, _WARNING, f"the picture was not scored: {error}"))
            return {}

    def _png(self, stopped: bool) -> bytes:
        synthesis, models = self._synthesis, self._models
        assert synthesis is not None
        assert models is not None
        made = {**provenance(synthesis, models), "job": self.id}
        if stopped:
            made["stopped_at"] = synthesis.iteration
        return png_bytes(synthesis.look().to_pil(), picture_texts(self.request, made))

    def end(self) -> None:
        """Nothing to clean up: the state's file is the store's."""

    def save(self) -> None:
        """Write the state to its file, in one step, and say so.

        Where that fails (a full disk) the painting goes on: it is a precaution.
        """
        synthesis = self._synthesis
        if synthesis is None or synthesis.iteration == 0:
            return
        self._saved = time.monotonic()
        path = Path(self._order.state)
        temporary = path.with_suffix(".part")
        try:
            torch.save({"job": self.id, "request": self._order.request,
                        "codebook": synthesis.generator.fingerprint(),
                        "synthesis": synthesis.state_dict()}, temporary)
            os.replace(temporary, path)
        except (OSError, RuntimeError) as error:  # PyTorch's own writer raises the latter
            self._send(Logged(self.id, _WARNING, f"the state was not saved: {error}"))
            return
        self._saved_iteration = synthesis.iteration
        self._send(Saved(self.id, synthesis.iteration))

    def _restore(self, synthesis: Synthesis) -> bool:
        """Go on from the saved state; False where one is there that cannot be used.

        Raises RequestError where it is another job's, which this one was to continue.
        """
        path = Path(self._order.state)
        if not path.exists():
            return True
        own = True
        try:
            kept = torch.load(path, map_location="cpu", weights_only=True)
            own = kept.get("job") in (self.id, None)
            if not _same_but_for_iterations(kept["request"], self.request):
                reason = "it is of another request"
            elif kept.get("codebook") != synthesis.generator.fingerprint():
                reason = "it is of another model"
            else:
                state: dict[str, Any] = kept["synthesis"]
                if state["anchor"] is not None:
                    state["anchor"] = state["anchor"].to(synthesis.latent.z.device)
                synthesis.load_state_dict(state)
                self._saved_iteration = synthesis.iteration
                self._send(Saved(self.id, synthesis.iteration))
                return True
        except (OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError,
                pickle.UnpicklingError) as error:
            reason = str(error)
        if not own:
            self._send(Logged(self.id, _WARNING, f"it cannot be continued: {reason}"))
            raise RequestError("That picture cannot be continued, for the model was changed since "
                               "it was painted; press Edit to start from the picture itself.")
        self._send(Logged(self.id, _WARNING, f"begun anew; the saved state is no good: {reason}"))
        return False


def _same_but_for_iterations(kept: str, request: ImageRequest) -> bool:
    """Whether ``request`` can go on where ``kept`` (JSON) was; how far they go matters not."""
    # Compared as plain values: the saved request was validated when its job was painted. Fields
    # that an older version did not write have their defaults.
    before, now = json.loads(kept), request.model_dump(mode="json")
    defaults = {name: field.default for name, field in ImageRequest.model_fields.items()}
    return all(before.get(name, defaults[name]) == value for name, value in now.items()
               if name not in {"iterations", "more"})


class FilmJob:
    """The time-lapse of a picture, by painting it again: the same bits, so the same picture."""

    def __init__(self, order: Film, settings: WorkerSettings, send: Send) -> None:
        self.id = order.id
        self.request = request_from_json(order.request)
        self._order = order
        self._send = send
        self._synthesis: Synthesis | None = None
        self._film: TimeLapse | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._pulse = _Pulse(order.id, send)

    @property
    def begun(self) -> bool:
        """Whether it stands on the easel."""
        return self._synthesis is not None

    def begin(self, models: Models) -> None:
        """Make its Synthesis, and the file to film into."""
        self._synthesis = prepare(self.request, models, self._order.pictures)
        self._folder = tempfile.TemporaryDirectory(prefix="imagine-bot-film-")
        self._film = TimeLapse(self._path, ".mp4", self._order.iterations)

    @property
    def _path(self) -> Path:
        assert self._folder is not None
        return Path(self._folder.name, "film.mp4")

    def advance(self) -> bool:
        """One iteration and its frame, or the film of them."""
        synthesis, film = self._synthesis, self._film
        assert synthesis is not None
        assert film is not None
        if synthesis.iteration < self._order.iterations:
            iterate = synthesis.step()
            self._pulse.beat(iterate)
            if film.wants(iterate.iteration):
                film.add(iterate.to_pil())
            return False
        film.finish(synthesis.look().to_pil())
        self._film = None
        self._send(Filmed(self.id, self._path.read_bytes()))
        return True

    def end(self) -> None:
        """Leave no file behind."""
        if self._film is not None:
            self._film.abandon()
        if self._folder is not None:
            self._folder.cleanup()


def preview_of(iterate: Iterate, side: int) -> bytes:
    """A JPEG of the picture, its longer side at most ``side`` pixels."""
    return _small_jpeg(iterate.to_pil(), side)


def overlay_of(synthesis: Synthesis, side: int) -> bytes:
    """A JPEG of what may change of the picture that is edited; empty where all of it may."""
    marked = synthesis.overlay()
    return b"" if marked is None else _small_jpeg(marked, side)


def _small_jpeg(picture: Image.Image, side: int) -> bytes:
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()
