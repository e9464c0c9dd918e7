"""What a worker does for one job: paint a picture, step by step."""

from __future__ import annotations

import json
import os
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from engine.errors import RequestError
from engine.events import Cancelled, Done, Losses, Progress
from engine.models import Models
from engine.painting.iterate import Iterate
from engine.painting.pipeline import prepare, provenance
from engine.painting.steering_plan import steer
from engine.painting.synthesis import Synthesis
from engine.pictures.writing import picture_texts, png_bytes
from engine.random_numbers import SCHEME
from engine.request.request import ImageRequest, request_from_json
from engine.request.steering import Steer, changes_before, missing_from
from engine.translatable import Translatable
from engine.worker.encoder import AtOnce, Encoder, encoder_for, taken_aside
from engine.worker.frames import Recorder
from engine.worker.loss_curve import LossCurve
from engine.worker.messages import (
    Busy,
    JobEvent,
    Paint,
    Saved,
    Started,
    Steered,
    WorkerSettings,
)
from engine.worker.scores import scores_of
from engine.worker.small_pictures import overlay_of, preview_of
from engine.worker.step_reporter import StepReporter
from engine.worker.worker_job import Send, WorkerJob

_NEW_MODEL = Translatable(
    "This picture can't be continued, because the model has changed since it was painted; press "
    "Edit to start from the picture."
)
_OLD_NUMBERS = Translatable(
    "This picture can't be continued, because an earlier version painted it with other random "
    "numbers; press Edit to start from the picture."
)


class PaintJob(WorkerJob):
    """One picture: stepped, previewed, saved every few seconds, and sent when it is finished.

    ``interrupt`` may be set to "stop" or "cancel"; the job obeys within one iteration.
    """

    def __init__(self, order: Paint, settings: WorkerSettings, send: Send) -> None:
        super().__init__(order.id, request_from_json(order.request), send)
        self._order = order
        self.grid = order.grid
        self._settings = settings
        self._models: Models | None = None
        self._synthesis: Synthesis | None = None
        self._recorder: Recorder | None = None
        self._overlay = b""
        self._previewed = -float("inf")
        self._saved = 0.0
        self._saved_iteration = 0
        self._steered: dict[str, str | None] = {}  # what became of each change, by its key
        self._reporter = StepReporter(order.id, send)
        self._encoder: Encoder = AtOnce()
        self._curve = LossCurve()

    @property
    def started(self) -> bool:
        """Whether it is set up."""
        return self._synthesis is not None

    def start(self, load: Callable[[], Models]) -> None:
        """Make its Synthesis, continuing from the saved state if there is one."""
        models = load()
        if self.interrupt == "cancel":
            return
        synthesis = self._prepare(models)
        if not self._restore(synthesis):
            synthesis = self._prepare(models)
        self._synthesis, self._models = synthesis, models
        self._encoder = encoder_for(synthesis.latent.z.device)
        self._saved = time.monotonic()
        self._reporter.begin()
        recipe = synthesis.recipe
        size = synthesis.shown_size or (recipe.width, recipe.height)
        if self._order.frames:
            self._recorder = Recorder(
                Path(self._order.frames), recipe.iterations, size, recipe.frame_unit
            )
            self._recorder.resume(synthesis.iteration)
        usual = recipe.iterations - self.request.longer
        self._send(Started(self.id, usual, recipe.width, recipe.height, recipe.augmentation.count))
        self._overlay = overlay_of(synthesis, self._settings.preview_side)
        if self._overlay:  # the person sees what can change before anything is painted
            self._send_progress(synthesis.iteration, b"", {}, None)

    def _prepare(self, models: Models) -> Synthesis:
        pictures, check = self._order.pictures, self._settings.check_memory
        return prepare(self.request, models, pictures, check_memory=check)

    def take_steering(self) -> bool:
        """Make the changes that were asked for, from the next iteration on."""
        for key, change in self.asked.items():
            if key not in self._steered:
                self._steered[key] = self._change(change)
            self._send(Steered(self.id, key, self._steered[key]))
        self.asked.clear()
        return False

    def _change(self, change: str) -> str | None:
        """What becomes of a change; None if it comes too late, or is not possible."""
        synthesis = self._synthesis
        assert synthesis is not None
        synthesis.settle()
        if self.interrupt is not None or synthesis.iteration >= synthesis.recipe.iterations:
            return None
        try:
            request = self.request.steered(synthesis.iteration, json.loads(change))
            steer(synthesis, request, self._order.pictures)
        except RequestError as error:
            synthesis.remarks += (error.message,)
            return None
        added = missing_from(request.steering or (), self.request.steering or ())
        self.request = request
        return added[0].model_dump_json(exclude_none=True)

    def due(self) -> Synthesis | None:
        """The painting if its next iteration is due; None if :meth:`advance` does something else.

        A worker can step it, then, and has to call :meth:`stepped`.
        """
        synthesis = self._synthesis
        if synthesis is None or synthesis.iteration >= synthesis.recipe.iterations:
            return None
        if self.interrupt == "cancel" or (self.interrupt == "stop" and synthesis.iteration > 0):
            return None
        return synthesis

    def advance(self) -> bool:
        """One iteration, or the job's ending if one is due."""
        due, synthesis = self.due(), self._synthesis
        if due is not None:
            self.stepped(due.step())
            return False
        if self.interrupt == "cancel" or synthesis is None:
            self._encoder.drain()
            picture = None
            if synthesis is not None and synthesis.iteration > 0:
                # Nobody waits for it, so it is not put back into a larger picture.
                picture = self._png(synthesis.look().to_pil(), stopped=True)
            self._send(JobEvent(self.id, Cancelled(picture)))
            return True
        self._finish(synthesis, stopped=synthesis.iteration < synthesis.recipe.iterations)
        return True

    def stepped(self, iterate: Iterate) -> None:
        """Record, report, preview and save after an iteration, as far as that is due."""
        assert self._synthesis is not None
        self._curve.add(iterate.iteration, self._synthesis.losses)
        if self._recorder is not None and self._recorder.wants(iterate.iteration):
            self._encoder.submit(partial(self._record, iterate.iteration, iterate.sent()))
        now = time.monotonic()
        # The start is noise, which shows nothing.
        preview = iterate.iteration > 0 and (now - self._previewed >= self._settings.preview_every)
        self._reporter.stepped(iterate, now=preview)
        if preview:
            self._previewed = now
            left = self._synthesis.recipe.iterations - iterate.iteration
            eta = self._reporter.seconds_each(iterate) * left
            self._encoder.submit(partial(self._preview, iterate, iterate.sent(), eta))
        if now - self._saved >= self._settings.save_every:
            self._save(self._encoder.submit)

    def _record(self, iteration: int, picture: Callable[[], Image.Image]) -> None:
        """Keep a frame, if it is still wanted: those before it may have taken more room."""
        recorder = self._recorder
        if recorder is not None and recorder.wants(iteration):
            recorder.add(iteration, picture())
            self._note_recorder()

    def _preview(
        self, iterate: Iterate, picture: Callable[[], Image.Image], eta: float | None
    ) -> None:
        preview = preview_of(picture(), self._settings.preview_side)
        self._send_progress(iterate.iteration, preview, iterate.losses, eta)

    def _send_progress(
        self, iteration: int, preview: bytes, losses: dict[str, float], eta: float | None
    ) -> None:
        assert self._synthesis is not None
        self._send(
            JobEvent(
                self.id,
                Progress(
                    iteration,
                    self._synthesis.recipe.iterations,
                    preview,
                    losses,
                    eta,
                    self._overlay,
                    tuple(self._synthesis.remarks),
                    *self._synthesis.full_size,
                ),
            )
        )

    def _finish(self, synthesis: Synthesis, stopped: bool) -> None:
        self._encoder.drain()
        if self._saved_iteration != synthesis.iteration:
            self.save()  # before the picture is announced: another job may continue from it
        self._send(Busy())  # a large picture takes seconds
        iterate = synthesis.look()
        if self._recorder is not None:
            self._recorder.finish(iterate.iteration, iterate.to_pil())
            self._note_recorder()
        picture = iterate.full_size()
        self._send(
            JobEvent(
                self.id,
                Done(
                    self._png(picture, stopped),
                    synthesis.seed,
                    synthesis.seconds,
                    synthesis.iteration,
                    picture.width,
                    picture.height,
                    tuple(synthesis.notices()),
                    stopped,
                    scores_of(
                        synthesis.perceptor, iterate, picture, self._order.concepts, self._warn
                    ),
                    losses=self._curve.losses(),
                ),
            )
        )

    def _png(self, picture: Image.Image, stopped: bool) -> bytes:
        synthesis, models = self._synthesis, self._models
        assert synthesis is not None
        assert models is not None
        facts = {**provenance(synthesis, models), "job": self.id}
        if stopped:
            facts["stopped_at"] = synthesis.iteration
        return png_bytes(picture, picture_texts(self.request, facts))

    def save(self) -> None:
        """Write the state to its file atomically, and report it.

        If that fails (a full disk) painting continues: the state is only a precaution.
        """
        self._encoder.drain()
        self._save(lambda work: work())

    def _save(self, do: Callable[[Callable[[], None]], None]) -> None:
        """Take the state now, and let ``do`` write it."""
        synthesis = self._synthesis
        if synthesis is None or synthesis.iteration == 0:
            return
        self._saved = time.monotonic()
        losses = self._curve.losses()
        state = {
            "job": self.id,
            "request": self.request.model_dump_json(),
            "steered": dict(self._steered),
            "codebook": synthesis.generator.fingerprint(),
            "area": _area(synthesis),
            "synthesis": synthesis.state_dict(),
            "losses": None if losses is None else asdict(losses),
        }
        do(partial(self._write, synthesis.iteration, taken_aside(state)))

    def _write(self, iteration: int, state: Callable[[], dict[str, Any]]) -> None:
        path = Path(self._order.state)
        temporary = path.with_suffix(".part")
        try:
            torch.save(state(), temporary)
            os.replace(temporary, path)
        except (OSError, RuntimeError) as error:  # PyTorch's own writer raises the latter
            self._warn(f"the state could not be saved: {error}")
            return
        self._saved_iteration = iteration
        self._send(Saved(self.id, iteration))

    def close(self) -> None:
        """Wait for what is still written."""
        self._encoder.close()

    def _restore(self, synthesis: Synthesis) -> bool:
        """Continue from the saved state; False if there is one that cannot be used.

        Raises RequestError if that state is another job's, which this job was to continue.
        """
        path = Path(self._order.state)
        if not path.exists():
            return True
        own, advice = True, _NEW_MODEL
        try:
            kept = torch.load(path, map_location="cpu", weights_only=True)
            own = kept.get("job") in (self.id, None)
            state = kept["synthesis"]
            before = _steering_in(kept["request"])
            if not _same_except_iterations(kept["request"], self.request) or (
                missing_from(changes_before(self.request.steering, state["iteration"]), before)
            ):
                reason = "it belongs to another request"
            elif kept.get("codebook") != synthesis.generator.fingerprint():
                reason = "it belongs to another model"
            elif kept.get("area", _area(synthesis)) != _area(synthesis):
                reason = "it belongs to another part of the picture"
            elif state.get("random") != SCHEME:
                reason, advice = "it was saved with other random numbers", _OLD_NUMBERS
            else:
                if own:
                    self._take_over_steering(synthesis, before, kept.get("steered", {}))
                if state["anchor"] is not None:
                    state["anchor"] = state["anchor"].to(synthesis.latent.z.device)
                synthesis.load_state_dict(state)
                self._curve = LossCurve(Losses.from_plain(kept.get("losses")))
                self._saved_iteration = synthesis.iteration
                self._send(Saved(self.id, synthesis.iteration))
                return True
        except (
            OSError,
            EOFError,
            KeyError,
            TypeError,
            ValueError,
            RuntimeError,
            pickle.UnpicklingError,
        ) as error:
            reason = str(error)
        if not own:
            self._warn(f"the picture cannot be continued: {reason}")
            raise RequestError(advice)
        self._warn(f"starting again, as the saved state cannot be used: {reason}")
        return False

    def _take_over_steering(
        self, synthesis: Synthesis, before: Sequence[Steer], steered: dict[str, str | None]
    ) -> None:
        """Have what the saved painting had, of which the bot may not have heard."""
        self._steered = dict(steered)
        unknown = missing_from(before, self.request.steering or ())
        if unknown:
            steps = [*(self.request.steering or ()), *unknown]
            self.request = self.request.changed(steering=steps)
            steer(synthesis, self.request, self._order.pictures)

    def _note_recorder(self) -> None:
        """Log what ended the recording, once; painting continues without it."""
        if self._recorder is not None and not self._recorder.recording:
            if self._recorder.problem:
                self._warn(f"the frames for a video could not be kept: {self._recorder.problem}")
            self._recorder = None


def _area(synthesis: Synthesis) -> list[int] | None:
    """The part of the edited picture that is painted; None for a new picture."""
    return None if synthesis.frame is None else list(synthesis.frame.box)


def _same_except_iterations(kept: str, request: ImageRequest) -> bool:
    """Whether ``request`` may continue where ``kept`` (JSON) was saved."""
    # Compared as plain values: the saved request was validated when its job was painted. Fields
    # that an older version did not write have their defaults.
    before, now = json.loads(kept), request.model_dump(mode="json")
    defaults = {name: field.default for name, field in ImageRequest.model_fields.items()}
    return all(
        before.get(name, defaults[name]) == value
        for name, value in now.items()
        if name not in {"iterations", "more", "steering"}
    )


def _steering_in(kept: str) -> tuple[Steer, ...]:
    """The steering of a saved request (JSON)."""
    steps = json.loads(kept).get("steering") or ()
    return tuple(Steer.model_validate(step) for step in steps)
