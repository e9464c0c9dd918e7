"""The numbers of the optimisation, and the presets, which are named sets of them.

Only numbers, so that reading them does not load torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from engine.request.growth import Growth
from engine.request.method.losses import PictureLosses
from engine.request.method.optimising import RATES
from engine.request.method.regulariser import SCHEDULES, Regulariser
from engine.request.motion import Motion
from engine.request.steered import Steered
from engine.request.story import Story

Padding = Literal["border", "reflection", "zeros"]
Shrink = Literal["bicubic", "pooled"]


@dataclass(frozen=True)
class Augmentation:
    """How cutouts are taken and augmented, by default as in the authors' MSE notebook.

    Each iteration takes ``count`` cutouts. The share ``whole`` of them show the whole picture
    (squeezed to a square), the others a square crop with side
    ``u ** crop_power * (short - minimum) + minimum``, u uniform in 0..1, where ``short`` is the
    picture's short side and ``minimum`` the smaller of ``short`` and the cutouts' side. Cutouts
    are ``size`` pixels wide; 0 means the perceptor's resolution, which is always used by
    perceptors that accept no other. ``shrink`` is how crops are resized: "bicubic" without
    aliasing, or "pooled", the mean of average and maximum pooling, for the whole picture only.

    The augmentations are kornia's, with its arguments. ``flip``, ``affine``, ``perspective``,
    ``jitter``, ``erasing``, ``sharpness``, ``elastic`` and ``resized`` are probabilities, 0 to 1.
    ``degrees`` and ``shear`` are the largest angles, ``translate`` the largest shifts right and
    down in fractions of the cutout (kornia's scalar 0.1 shifts only vertically), ``padding`` is
    what the affine warp shows from outside the crop, ``distortion`` is the perspective's scale,
    ``brightness`` to ``saturation`` the largest deviations from the factor 1, ``hue`` the largest
    shift in turns. ``area`` is the largest share of a cutout that is erased, and a quarter of it
    the smallest; ``same_erasing`` erases one rectangle in all cutouts or in none. ``blend`` is the
    largest factor of RandomSharpness, which below 1 blurs, ``alpha`` the displacement's of
    RandomElasticTransform, and ``least`` the smallest share of its area that RandomResizedCrop
    leaves of a cutout. ``noise`` is the largest standard deviation of the noise, in units of the
    picture's range. Without ``clamped``, cutouts can leave 0..1.
    """

    count: int = 32
    size: int = 0
    crop_power: float = 1.0
    whole: float = 0.0
    shrink: Shrink = "bicubic"
    flip: float = 0.5
    affine: float = 0.8
    degrees: float = 30.0
    translate: tuple[float, float] = (0.0, 0.1)
    shear: float = 0.0
    padding: Padding = "border"
    perspective: float = 0.4
    distortion: float = 0.2
    jitter: float = 0.7
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.01
    hue: float = 0.01
    erasing: float = 0.0
    area: float = 0.4
    same_erasing: bool = False
    sharpness: float = 0.0
    blend: float = 0.3
    elastic: float = 0.0
    alpha: float = 1.0
    resized: float = 0.0
    least: float = 0.1
    noise: float = 0.1
    clamped: bool = True


@dataclass(frozen=True)
class Early:
    """Fewer and smaller cutouts for the first ``share`` (0 to 1) of the iterations.

    Details do not matter yet, and they cost a fraction. ``count`` and ``size`` (pixels) are as in
    Augmentation.
    """

    share: float = 0.0
    count: int = 32
    size: int = 0


ADDITIONS = ("sum", "mean")
"""How the losses of several prompts are joined; see :class:`Recipe`."""


@dataclass(frozen=True)
class SelfMasking:
    """How CLIP's own mask is made (appendix H.2).

    Lengths are fractions of the picture's short side. Sub-images are squares with the sides
    ``sizes``, with ``across`` centres along the short side. ``threshold`` is in standard
    deviations from the mean of the normalised mask; None means ``usual``, with Otsu's threshold
    for large objects (engine.painting.self_masking.apply_threshold). The paper's, "two standard
    deviations below the average weight", lets nearly everything change; ``bench.edit`` measures
    both. ``refine`` is how far the mask's edge can move to follow the picture's edges (see
    engine.painting.guided_filter); 0, as in the paper, leaves it. The mean score of the phrases
    ``neutral`` is subtracted from the source phrase's, which removes what matches any words; the
    paper has none. The mask is widened by ``room`` beyond the convex hull of each part, so that
    something of another shape fits in; None, as in the paper, does not widen it. With ``places``
    a perceptor that sees places by itself looks at the whole picture once for each, that many
    pixels on the short side, instead of at sub-images. Otsu's threshold is used for what ``fills``
    more than this share of the picture, if it is ``apart`` from the rest: 0.64 is the separation of
    normal and 0.75 that of uniform values, and an object before a background has about 0.95.
    """

    sizes: tuple[float, ...] = (0.2, 0.3)
    across: int = 16
    threshold: float | None = None
    refine: float = 0.05
    usual: float = 1.25
    neutral: tuple[str, ...] = ()
    room: float | None = None
    places: tuple[int, ...] = ()
    fills: float = 0.5
    apart: float = 0.8


PAPER_THRESHOLD = -2.0
_NO_REGULARISER, _NO_LOSSES = Regulariser(), PictureLosses()


@dataclass(frozen=True)
class Recipe:
    """How to paint. Sizes are in pixels, the rest has the paper's units.

    ``step`` is the unit of ``learning_rate``: "absolute", as in the paper, or "codebook" for
    multiples of the codebook's standard deviation, which suit any generator. ``spread`` (0 to 1)
    scales the distance of a random start from the codebook's mean: 1, as in the paper, is the codes
    themselves; near 0 the picture starts as one tone, and no trace of the start remains. The same
    holds for a part of a picture that is painted from scratch. ``optimiser`` is one of OPTIMISERS
    (engine.request.method.optimising), each with its published defaults; it is made new after
    iteration ``restart_every``, counted from 0, and its multiples, ``restarts`` times in all.
    ``addition`` is how the prompts' losses are joined: "sum" (section 2.5), or "mean" (H.1), which
    divides them by the sum of the prompts' absolute weights; the regulariser then weighs as much
    with several prompts as with one. ``distance`` is one of DISTANCES. ``cooling`` is the share of
    the learning rate that is left at the end, falling by ``schedule``, one of RATES; at 1, as in
    the paper, the rate is constant. After each ``period`` iterations the rate starts from the top
    again (Loshchilov and Hutter 2017), so a finished painting that is continued equals one that was
    that long from the start. ``smoothness`` is the weight of the picture's total variation
    (engine.painting.losses.smoothness_loss) if it, or a part of it, is painted from scratch, but
    not if it is edited as a whole; the paper has no such term (0). ``ema`` is the decay of the
    moving average of z that a finished picture is made of, 0 for z itself. Of ``starts`` random
    starts the one that fits the prompts best is taken, or a mean of the ``mixed`` best
    (engine.painting.starts); they are not pulled to the mean by ``spread``. ``losses`` are those
    that are off by default. ``vary`` (0 to 1) is how far the start of an edit is disturbed (see
    engine.painting.varied), ``growth`` the sizes through which it grows. A ``tile`` goes on at
    the opposite border. ``story`` says when each part of a story pulls, ``motion`` how the camera
    moves, ``steered`` what was changed while it was painted.
    """

    width: int = 256
    height: int = 256
    iterations: int = 400
    learning_rate: float = 0.15
    step: str = "absolute"
    optimiser: str = "adam"
    betas: tuple[float, float] = (0.9, 0.999)
    restart_every: int = 0
    restarts: int = 0
    addition: str = "sum"
    distance: str = "spherical"
    schedule: str = "linear"
    cooling: float = 1.0
    period: int = 0
    ema: float = 0.0
    starts: int = 1
    mixed: int = 1
    latent: str = "quantised"
    spread: float = 1.0
    clamp: bool = True
    augmentation: Augmentation = Augmentation()
    early: Early = Early()
    regulariser: Regulariser = _NO_REGULARISER
    smoothness: float = 0.0
    losses: PictureLosses = _NO_LOSSES
    masking: SelfMasking = SelfMasking()
    vary: float = 0.0
    growth: Growth | None = None
    tile: bool = False
    story: Story | None = None
    motion: Motion | None = None
    steered: Steered | None = None

    @property
    def frame_unit(self) -> int:
        """A video's frames have multiples of it: the iterates before the camera moves."""
        return 1 if self.motion is None else self.motion.every

    def rate(self, iteration: int) -> float:
        """The learning rate of ``iteration``, counted from 0."""
        length, rate = self._length, self.learning_rate
        done: float = iteration % length if self.period else min(iteration, length)
        if self.steered is not None:
            rate *= self.steered.factor(iteration)
            if self.steered.is_rescheduled(iteration):
                done = self.steered.progress(iteration, length) * length
        story = self._fresh_story(iteration)
        if story is not None:
            done = story.progress(iteration) * length
        if self.schedule == "linear":
            return rate * (1 - (1 - self.cooling) * done / length)
        return rate * RATES[self.schedule](done / length, self.cooling)

    def _fresh_story(self, iteration: int) -> Story | None:
        """The story whose parts decide how ``iteration`` paints; None after other words."""
        if self.story is None or not self.story.fresh:
            return None
        is_over = self.steered is not None and self.steered.is_nudged(iteration)
        return None if is_over else self.story

    @property
    def _length(self) -> int:
        """The iterations of a period, without those that steering adds."""
        more = 0 if self.steered is None else self.steered.more
        return self.period or max(1, self.iterations - more)

    def known_iterations(self, iteration: int) -> int:
        """All iterations, as far as they were known at ``iteration``."""
        return self.iterations - (
            0 if self.steered is None else self.steered.still_to_come(iteration)
        )

    def restarts_before(self, iteration: int) -> bool:
        """Whether Adam is made new before ``iteration``, counted from 0."""
        story = self._fresh_story(iteration)
        if story is not None and story.begins_at(iteration):
            return True
        if self.steered is not None and iteration in self.steered.fresh:
            return True
        done = iteration - 1
        most = self.restart_every * self.restarts
        return 0 < done <= most and done % self.restart_every == 0

    def is_past(self, share: float, iteration: int) -> bool:
        """Whether this ``share`` of the iterations is done before ``iteration``, counted from 0.

        Of the first ones, if it is continued, and in a story of each part that begins from nothing.
        """
        story = self._fresh_story(iteration)
        if story is not None:
            return story.progress(iteration) >= share
        if self.steered is not None and self.steered.is_stretched(iteration):
            return self.steered.periods(iteration, self._length) >= share
        return iteration >= share * self._length

    def augmentation_at(self, iteration: int) -> Augmentation:
        """How cutouts are taken at ``iteration``, counted from 0."""
        augmentation = self.augmentation
        if not self.is_past(self.early.share, iteration):
            augmentation = replace(augmentation, count=self.early.count, size=self.early.size)
        least = 0 if self.steered is None else self.steered.fewest_cutouts(iteration)
        return augmentation if augmentation.count >= least else replace(augmentation, count=least)


_PAPER = Recipe(
    augmentation=Augmentation(count=32),
    regulariser=Regulariser(0.75, "linear", "zero"),
    masking=SelfMasking(threshold=PAPER_THRESHOLD, refine=0.0),
)

# The authors' codebook sampling notebook only cuts crops out.
_ONLY_CROPS = Augmentation(count=64, flip=0.0, affine=0.0, perspective=0.0, jitter=0.0, noise=0.0)

_FAST_STEPS, _FAST_RATE = 0.5, 1.6


def _in_fewer_steps(recipe: Recipe) -> Recipe:
    """Half as many iterations, each of which changes more; docs/performance.md has figures."""
    return replace(
        recipe,
        iterations=max(1, round(recipe.iterations * _FAST_STEPS)),
        learning_rate=recipe.learning_rate * _FAST_RATE,
    )


PRESETS: dict[str, Recipe] = {
    "default": Recipe(),
    "fast": _in_fewer_steps(Recipe()),
    # Sections 2 to 2.4. They do not give alpha: 1.5 / 2 is from the authors' notebook.
    "paper": _PAPER,
    # The authors' MSE notebook, where it differs from the paper.
    "notebook": replace(
        _PAPER,
        learning_rate=0.95,
        restart_every=50,
        restarts=5,
        clamp=False,
        augmentation=Augmentation(count=64),
        regulariser=Regulariser(0.75, "notebook", "picture"),
    ),
    "nerdyrodent": Recipe(
        learning_rate=0.1,
        iterations=500,
        augmentation=Augmentation(
            count=32,
            whole=1.0,
            shrink="pooled",
            flip=0.0,
            affine=0.7,
            degrees=15.0,
            shear=5.0,
            padding="zeros",
            perspective=0.7,
            distortion=0.7,
            jitter=0.7,
            brightness=0.1,
            contrast=0.1,
            saturation=0.1,
            hue=0.1,
            erasing=0.7,
            same_erasing=True,
            noise=0.1,
            clamped=False,
        ),
    ),
    # The authors' older method (appendix G.1) with the numbers of its notebook.
    "codebook": Recipe(latent="codebook", learning_rate=0.05, augmentation=_ONLY_CROPS),
}
"""What ``--preset`` can name. The model's catalogue entry overrides fields of those that are
``TUNED``; of the other presets it overrides only the picture's size."""
TUNED = ("default", "fast")


def make_recipe(preset: str, defaults: Mapping[str, Any], **overrides: Any) -> Recipe:
    """The preset, overridden by the model's ``defaults``, then by each override that is not None.

    Keys are fields of Recipe, ``cutouts`` for the augmentation's count, ``regulariser`` for the
    name of a schedule (with the paper's weight by default), ``threshold`` for the mask's threshold
    and, in ``defaults``, the tables ``augmentation``, ``early``, ``regulariser``, ``losses`` and
    ``masking``. An overridden number of cutouts also replaces ``early``. Raises KeyError for a
    preset, a schedule or a key that does not exist.
    """
    recipe = PRESETS[preset]
    if preset in TUNED:
        recipe = _override(PRESETS["default"], defaults)
        recipe = _in_fewer_steps(recipe) if preset == "fast" else recipe
    else:
        sizes = {key: defaults[key] for key in ("width", "height") if key in defaults}
        recipe = _override(recipe, sizes)
    asked = {key: value for key, value in overrides.items() if value is not None}
    recipe = _override(recipe, asked)
    return replace(recipe, early=Early()) if "cutouts" in asked else recipe


def _override(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    known = {field.name for field in fields(Recipe)}
    changes: dict[str, Any] = {}
    augmentation, regulariser = recipe.augmentation, recipe.regulariser
    masking = recipe.masking
    for key, value in values.items():
        if key == "cutouts":
            augmentation = replace(augmentation, count=value)
        elif key == "augmentation":
            shift = tuple(value.get("translate", augmentation.translate))
            augmentation = replace(augmentation, **{**value, "translate": shift})
        elif key == "regulariser" and isinstance(value, str):
            if value not in SCHEDULES:
                raise KeyError(value)
            weight = regulariser.weight or _PAPER.regulariser.weight
            regulariser = replace(regulariser, schedule=value, weight=weight)
        elif key == "regulariser":
            regulariser = replace(regulariser, **value)
        elif key == "threshold":
            masking = replace(masking, threshold=value)
        elif key in ("early", "losses"):
            changes[key] = replace(getattr(recipe, key), **value)
        elif key == "masking":
            lists = {
                name: tuple(value.get(name, getattr(masking, name)))
                for name in ("sizes", "neutral", "places")
            }
            masking = replace(masking, **{**value, **lists})
        elif key == "addition" and value not in ADDITIONS:
            raise KeyError(value)
        elif key in known:
            changes[key] = tuple(value) if key == "betas" else value
        else:
            raise KeyError(key)
    return replace(
        recipe,
        augmentation=augmentation,
        regulariser=regulariser,
        masking=masking,
        **changes,
    )
