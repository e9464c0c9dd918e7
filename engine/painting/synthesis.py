"""The optimisation (paper, section 2), which can be stepped, looked at, saved and restored.

Generating and editing are the same loop with another start and mask. Nothing here opens a file or
prints; callers watch the iterates.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from PIL.Image import Resampling
from torch import Tensor

from engine.errors import NumericalError, RequestError
from engine.models import Generator, Member, Perceptor
from engine.models.memory import is_memory_error
from engine.painting.average import MovingAverage
from engine.painting.cutouts import Region
from engine.painting.images import overlay, to_pil
from engine.painting.iterate import Iterate
from engine.painting.kept import KeepsParts
from engine.painting.late import Late, Unread
from engine.painting.latent import Latent, new_latent
from engine.painting.losses import clamp_with_gradient
from engine.painting.losses.aesthetic import AestheticHead
from engine.painting.losses.chosen import PictureTerm, picture_losses
from engine.painting.masking import Mask, make_mask
from engine.painting.motion import moved
from engine.painting.noise_prompts import noise_targets
from engine.painting.notices import prompt_notices
from engine.painting.optimisers import Optimiser, make_optimiser
from engine.painting.picture_prompts import Likeness, picture_targets
from engine.painting.recovery import BeforeStep, Recovery, numbers_overflowed
from engine.painting.starts import best_start
from engine.painting.steering import Changes, Frozen, freeze, frozen_from, targets_at
from engine.painting.step import settle, step_once
from engine.painting.targets import (
    Pull,
    Target,
    Targets,
    aesthetic_target,
    prompt_targets,
    structure_target,
)
from engine.painting.tiles import tile_generator
from engine.painting.updating import update_latent
from engine.painting.varied import pulls_aside, vary
from engine.random_numbers import SCHEME, Draws
from engine.request.motion import Motion
from engine.request.noise import NoisePrompt
from engine.request.prompt import Prompt
from engine.request.recipe import Augmentation, Recipe
from engine.request.story import Story

if TYPE_CHECKING:
    from PIL import Image

    from engine.painting.composing import Frame


class Synthesis(KeepsParts):
    """One painting and its state.

    ``start`` is a picture [1, 3, H, W] in 0..1 of the recipe's size, or None for random codes.
    Width and height must be multiples of the generator's ``factor``, else it raises RequestError.
    All random numbers come from ``seed`` and the iteration (:meth:`draws`): the same arguments
    give the same pictures, bit for bit, on the same kind of device with the same number of threads.

    An edit has a start. Its ``mask`` [1, 1, H, W] in 0..1 can change where it is at least 0.5, and
    elsewhere the start's pixels are restored (see engine.painting.masking). ``keep`` is the weight
    of the structure-preservation term (appendix H.2). ``remarks`` are sentences for the person,
    which :meth:`notices` includes. ``frame`` is where the start belongs in a larger picture.
    ``regions`` has those that the prompts name. ``likenesses`` are pictures to paint like,
    ``noise`` random directions to paint towards.
    ``head`` rates cutouts, if the recipe has a weight for it.
    """

    def __init__(
        self,
        generator: Generator,
        perceptor: Perceptor,
        prompts: Sequence[Prompt],
        recipe: Recipe,
        seed: int,
        start: Tensor | None = None,
        mask: Tensor | None = None,
        keep: float = 0.0,
        remarks: Sequence[str] = (),
        frame: Frame | None = None,
        likenesses: Sequence[Likeness] = (),
        head: AestheticHead | None = None,
        regions: Mapping[str, Region] = MappingProxyType({}),
        noise: Sequence[NoisePrompt] = (),
    ) -> None:
        factor = generator.factor
        if recipe.width % factor or recipe.height % factor:
            raise RequestError(
                "The model can't paint {width}x{height}; both sides must be multiples of {factor}.",
                width=recipe.width,
                height=recipe.height,
                factor=factor,
            )
        generator = tile_generator(generator) if recipe.tile else generator
        self.generator = generator
        # The unit of steps and of the regulariser.
        self.unit = generator.scale if recipe.step == "codebook" else 1.0
        self.perceptor = perceptor
        self.prompts = tuple(prompts)
        self.recipe = recipe
        self.seed = seed
        self.iteration = 0
        self.seconds = 0.0
        self.losses: dict[str, float] = {}  # the last that were read; see engine.painting.late
        self.late = Late()
        self.recovery = Recovery()
        self.widest = 1  # the most paintings that were stepped together with it
        self.remarks = tuple(remarks)
        self._from_nothing = start is None or mask is not None  # all of the picture, or a part
        self.picture_losses: Mapping[str, PictureTerm] = picture_losses(
            recipe, self._from_nothing, generator.reference
        )
        self.frame = frame
        self.original = None if start is None else start.to(generator.reference)
        self.head = head
        self._reads = perceptor.members  # also after a change to float32
        self._others = self._other_targets(keep, likenesses, noise)
        self._first_targets = self._with_prompts(self.prompts, regions, recipe.story)
        self._nudges: list[tuple[int, Targets]] = []
        self.changes = Changes()
        self._iterations = recipe.iterations
        self.frozen: Frozen | None = None
        chosen = None
        if recipe.starts > 1 and start is None:
            chosen = best_start(generator, perceptor, recipe, seed, self.targets)
        self.latent = new_latent(generator, recipe, self.original, self.draws(), chosen)
        if recipe.vary and start is not None:
            vary(self.latent, generator, recipe, self.draws())
        self.average = MovingAverage(self.latent.z, recipe.ema) if recipe.ema else None
        towards = recipe.regulariser.towards
        to_start = towards == "start" or (towards == "picture" and start is not None)
        self.anchor = self.latent.z.detach().clone() if to_start else None
        self.optimiser = self._new_optimiser()
        self.mask: Mask | None = None
        self.set_mask(mask)
        if mask is not None:
            self._reset_masked_part()

    def _other_targets(
        self, keep: float, likenesses: Sequence[Likeness], noise: Sequence[NoisePrompt]
    ) -> list[Target]:
        """Those that are not words."""
        members, recipe = self._reads, self.recipe
        targets = picture_targets(members, likenesses, recipe) + noise_targets(members, noise)
        if recipe.vary and self.original is not None:
            targets += pulls_aside(members, recipe, self.draws())
        if keep and self.original is not None:
            targets.append(structure_target(members, self.original, keep))
        if self.head is not None:
            targets.append(aesthetic_target(members, self.head, recipe.losses.aesthetic))
        return targets

    def _with_prompts(
        self,
        prompts: Sequence[Prompt],
        regions: Mapping[str, Region],
        story: Story | None = None,
    ) -> Targets:
        """All targets with these words, whose ``regions`` are given."""
        members, recipe = self._reads, self.recipe
        device = self.generator.reference.device
        regions = {name: each.on(device) for name, each in regions.items()}
        words = prompt_targets(members, prompts, recipe.distance, story, regions)
        return Targets.of(
            [*words, *self._others], recipe.addition, members, from_nothing=self._from_nothing
        )

    @property
    def targets(self) -> Targets:
        """What it is pulled towards at this iteration."""
        return targets_at(self._nudges, self.iteration, self._first_targets)

    def pulls(self) -> list[Pull]:
        """What pulls at this iteration."""
        now = self.iteration
        return self.targets.pulls(now, lambda share: self.recipe.is_past(share, now))

    @property
    def guides(self) -> tuple[Member, ...]:
        """The perceptors that guide at this iteration."""
        return self.targets.guides(self.perceptor)

    @property
    def augmentation(self) -> Augmentation:
        """How cutouts are taken at this iteration."""
        return self.recipe.augmentation_at(self.iteration)

    @property
    def alpha(self) -> float:
        """The regulariser's weight at this iteration, for z as it is; 0.0 without one."""
        recipe, now = self.recipe, self.iteration
        return recipe.regulariser.alpha(now, recipe.known_iterations(now)) / self.unit**2

    @property
    def passes(self) -> int:
        """In how many passes the cutouts are looked at."""
        return self.recovery.passes

    @property
    def recomputes(self) -> bool:
        """Whether it decodes in less memory."""
        return self.recovery.recompute

    @property
    def attempt(self) -> int:
        """How often it went back, on which its random numbers depend."""
        return self.recovery.rollbacks

    def steer(self, changes: Changes) -> None:
        """Have these ``changes`` instead of those before; none may be of an earlier iteration.

        Except for those that it has already.
        """
        self.settle()
        self.changes, steered = changes, changes.steered
        more = 0 if steered is None else steered.more
        self.recipe = replace(self.recipe, steered=steered, iterations=self._iterations + more)
        self._nudges = [
            (each.at, self._with_prompts(each.prompts, each.regions)) for each in changes.nudges
        ]

    def draws(self) -> Draws:
        """The random numbers of this iteration, or of the start before the first."""
        device = self.generator.reference.device
        return Draws(self.seed, self.iteration, self.attempt, device)

    def set_mask(self, mask: Tensor | None) -> None:
        """Change only this part of the picture from now on; None for all of it.

        Outside the mask the optimiser's moments are reset, as they would keep moving z. Raises
        RequestError if nothing can change, or if there is no starting picture to restore.
        """
        self.settle()
        if mask is None:
            self.mask = None
            return
        if self.original is None:
            raise RequestError("A mask needs a picture to start from; add one.")
        self.mask = make_mask(
            mask.to(self.original),
            self.original,
            self.generator.factor,
            local=self.generator.local,
            exact=self.frame is not None and self.frame.exact,
        )
        self.optimiser.keep_only(self.mask.tokens)

    def _reset_masked_part(self) -> None:
        """Start the part that can change like a new picture, near the codebook's mean."""
        assert self.mask is not None
        self.latent.pull_to_mean(self.recipe.spread, self.mask.tokens)

    def _new_optimiser(self) -> Optimiser:
        recipe = self.recipe
        return make_optimiser(recipe.optimiser, self.latent.z, self._rate(), recipe.betas)

    def _rate(self) -> float:
        """The learning rate of this iteration."""
        return self.recipe.rate(self.iteration) * self.unit

    def step(self, began: float | None = None) -> Iterate:
        """Decode the current picture, measure its losses, and update the latent once.

        Returns the iterate that was measured, so that a preview needs no second decode. If memory
        runs out, it uses fewer cutouts per pass for a while; if the loss is not finite, it
        returns to an earlier state and continues in float32 (see engine.painting.recovery).
        Raises OutOfMemoryError or NumericalError if that does not help. Whatever it raises, the
        painting is as it was before the step. It counts the seconds since ``began``, if given.
        """
        began = time.perf_counter() if began is None else began
        while True:
            before = None
            try:
                before = BeforeStep(self)
                (outcome,) = step_once([self], [before], began)
            except BaseException as error:
                if before is not None:
                    before.restore()
                if not is_memory_error(error):
                    raise
                failure = error
            else:
                if isinstance(outcome, Iterate):
                    return outcome
                self.roll_back(outcome)
                continue
            del before
            failure.__traceback__ = None  # it keeps all tensors of the step in memory
            self.recovery.use_less_memory(self)

    def roll_back(self, failed: Unread) -> None:
        """Go back after an iteration whose numbers are not finite; see Recovery.roll_back."""
        losses = self.losses
        failed.restore()
        self.losses = losses
        self.recovery.roll_back(self, numbers_overflowed(failed.iteration))

    def settle(self) -> None:
        """Read the losses of all iterations, and go back if numbers were not finite.

        If it cannot, the next step fails in the same way again, and raises the error.
        """
        failed = settle(self)
        if failed is not None:
            with contextlib.suppress(NumericalError):
                self.roll_back(failed)

    def begin(self) -> None:
        """Do what the recipe says before this iteration: move, or start the optimiser again."""
        motion = self.recipe.motion
        if motion is not None and motion.moves_before(self.iteration):
            self._move(motion)
        if self.recipe.restarts_before(self.iteration):
            self.optimiser = self._new_optimiser()
        freezes = [each for each in self.changes.freezes if each.at == self.iteration]
        if freezes and freeze(self, freezes) and self.frozen is not None:
            self.optimiser.keep_only(self.frozen.tokens)
        self.optimiser.rate = self._rate()

    @torch.no_grad()
    def _move(self, motion: Motion) -> None:
        """Move the camera once. What is kept of earlier pictures no longer fits, so it goes."""
        z = self.generator.moved(self.latent.z, motion)
        if z is None:
            picture = clamp_with_gradient(self.generator.decode(self.latent.best()))
            start = moved(picture, motion)
            z = new_latent(self.generator, self.recipe, start, self.draws()).z
        self.latent.z.copy_(z)
        self.optimiser = self._new_optimiser()
        if self.average is not None:
            self.average.reset()
        if self.anchor is not None:
            self.anchor = z.detach().clone()

    def update(self, finite: Tensor | None = None) -> None:
        """Update z once, only inside the mask; not if ``finite``, on the device, is false."""
        update_latent(self, finite)
        self._iterated()

    def replayed(self) -> None:
        """Note an update whose tensors a recording made; see engine.painting.graphs."""
        self.latent.z.grad = None
        self.optimiser.counted()
        if self.average is not None:
            self.average.counted()
        self._iterated()

    def _iterated(self) -> None:
        self.iteration += 1
        growth = self.recipe.growth
        if growth is not None and growth.grows_at(self.iteration):
            self._grow(*growth.size_at(self.iteration))

    @torch.no_grad()
    def _grow(self, width: int, height: int) -> None:
        """Go on at a larger size, from the picture so far; changes nothing if it fails."""
        recipe = replace(self.recipe, width=width, height=height)
        decoded = clamp_with_gradient(self.generator.decode(self.finished()))
        picture = F.interpolate(
            decoded, (height, width), mode="bicubic", antialias=True, align_corners=False
        )
        latent = new_latent(self.generator, recipe, picture.clamp(0, 1), self.draws())
        self._continue_in(recipe, latent)
        self.anchor = None if self.anchor is None else latent.z.detach().clone()

    def _continue_in(self, recipe: Recipe, latent: Latent) -> None:
        """Paint another latent from now on, which can have another size."""
        self.recipe, self.latent = recipe, latent
        self.optimiser = self._new_optimiser()
        self.average = MovingAverage(latent.z, recipe.ema) if recipe.ema else None

    def look(self, *, raw: bool = False) -> Iterate:
        """The current picture. It changes no state (but see :meth:`settle`), and draws nothing.

        ``raw`` is the generator's picture, before the original's pixels are restored outside the
        mask.
        """
        began = time.perf_counter()
        self.settle()
        with torch.no_grad():
            decoded = self.generator.decode(self.masked(self.finished()))
            picture = clamp_with_gradient(decoded)
            if not raw:
                picture = self.restored(picture)
        seconds = self.seconds + time.perf_counter() - began
        losses = self.losses
        return Iterate(
            self.iteration,
            picture[0],
            lambda: losses,
            seconds,
            self.compose,
            self.shown_size,
            self.recipe.iterations,
        )

    def finished(self) -> Tensor:
        """What the generator decodes for a finished picture: z, or its moving average."""
        return self.latent.best(None if self.average is None else self.average.value())

    @property
    def shown_size(self) -> tuple[int, int] | None:
        """The size in which all iterates are shown; None for their own."""
        growth = self.recipe.growth
        return None if growth is None else growth.sizes[-1]

    @property
    def full_size(self) -> tuple[int, int]:
        """Width and height of the finished picture: of an edit, usually the edited picture's."""
        if self.frame is None:
            return self.recipe.width, self.recipe.height
        return self.frame.picture.size

    def compose(self, image: Tensor) -> Image.Image:
        """A picture of this painting [3, H, W] in 0..1, put back into the picture it edits."""
        if self.shown_size is not None:
            return to_pil(image).resize(self.shown_size, Resampling.LANCZOS)
        if self.frame is None or self.frame.is_same_size:
            return to_pil(image)
        if self.recipe.motion is not None:  # the original's detail is elsewhere now
            return self.frame.enlarged(image)
        with torch.no_grad():
            before = clamp_with_gradient(self.generator.decode(self.latent.initial))
        return self.frame.compose(image, before[0], None if self.mask is None else self.mask.pixels)

    def overlay(self) -> Image.Image | None:
        """The edited picture with the part that can change marked; None without a mask."""
        if self.mask is None or self.original is None:
            return None
        if self.frame is not None:
            return self.frame.overlay()
        return overlay(to_pil(self.original[0]), to_pil(self.mask.hard[0]))

    def mask_steps(self) -> dict[str, Image.Image]:
        """The steps to the mask as pictures, by name (:meth:`Frame.mask_steps`); empty without."""
        if self.mask is None or self.frame is None:
            return {}
        return self.frame.mask_steps()

    def notices(self) -> list[str]:
        """The remarks, and sentences about words that the perceptor does not know or read."""
        prompts = [*self.prompts, *(each for n in self.changes.nudges for each in n.prompts)]
        return [*self.remarks, *prompt_notices(self.perceptor, prompts)]

    def state_dict(self) -> dict[str, Any]:
        """The state: z, the optimiser's moments, the seed, the iteration, the recovery.

        The seed and the iteration determine the random numbers. The mask is not included, since
        the same arguments give the same mask.
        """
        self.settle()
        return {
            **self.snapshot(),
            "recovery": self.recovery.state_dict(),
            "batch": self.widest,
        }

    def snapshot(self) -> dict[str, Any]:
        """The :meth:`state_dict` without the recovery, which going back does not undo."""
        return {
            "iteration": self.iteration,
            "seconds": self.seconds,
            "losses": dict(self.losses),
            "latent": self.latent.z.detach().clone(),
            "anchor": self.anchor,
            "optimiser": self.optimiser.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "frozen": None if self.frozen is None else self.frozen.state_dict(),
            "random": SCHEME,
            "seed": self.seed,
        }

    def _go_to(self, width: int, height: int) -> None:
        """Have a latent for this size, whose z is set then."""
        if (width, height) == (self.recipe.width, self.recipe.height):
            return
        recipe = replace(self.recipe, width=width, height=height)
        empty = self.generator.random_latent(height, width, self.draws())
        self._continue_in(recipe, new_latent(self.generator, recipe, None, self.draws(), empty))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict` of a Synthesis with the same arguments.

        Raises RequestError if the latent has another shape, or if the state was saved with other
        random numbers (see engine.random_numbers.SCHEME).
        """
        if state.get("random") != SCHEME:
            raise RequestError(
                "The saved state is of an earlier version with other random numbers, and can't be "
                "continued; start from the beginning."
            )
        latent, growth = state["latent"], self.recipe.growth
        if growth is not None:
            self._go_to(*growth.size_at(int(state["iteration"])))
        if latent.shape != self.latent.z.shape:
            raise RequestError(
                "The saved state has a latent of shape {theirs}, not {ours}; "
                "resume with the same model and size.",
                theirs=tuple(latent.shape),
                ours=tuple(self.latent.z.shape),
            )
        self.late.forget_from(0)
        with torch.no_grad():
            self.latent.z.copy_(latent)
        anchor = state["anchor"]
        self.anchor = None if anchor is None else anchor.to(self.latent.z)
        self.optimiser = self._new_optimiser()
        self.optimiser.load_state_dict(state["optimiser"])
        if self.mask is not None:
            self.optimiser.keep_only(self.mask.tokens)
        self.frozen = frozen_from(state.get("frozen"), self.latent.z)
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.seed = int(state["seed"])
        self.iteration = int(state["iteration"])
        self.seconds = float(state["seconds"])
        self.losses = dict(state["losses"])
        if "recovery" in state:  # not in a snapshot
            self.recovery.load_state_dict(state["recovery"], self)
            self.widest = max(self.widest, int(state.get("batch", 1)))
