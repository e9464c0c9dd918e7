"""The numbers of the optimisation, and the presets, which are named sets of them.

Only numbers, so that reading them does not load torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

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
    ``jitter`` and ``erasing`` are probabilities, 0 to 1. ``degrees`` and ``shear`` are the largest
    angles, ``translate`` the largest shifts right and down in fractions of the cutout (kornia's
    scalar 0.1 shifts only vertically), ``padding`` is what the affine warp shows from outside the
    crop, ``distortion`` is the perspective's scale, ``brightness`` to ``saturation`` the largest
    deviations from the factor 1, ``hue`` the largest shift in turns. ``same_erasing`` erases one
    rectangle in all cutouts or in none. ``noise`` is the largest standard deviation of the noise,
    in units of the picture's range. Without ``clamped``, cutouts can leave 0..1.
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
    same_erasing: bool = False
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

OPTIMISERS = (
    "adam",
    "adamw",
    "adamp",
    "adamax",
    "adagrad",
    "diffgrad",
    "nadam",
    "radam",
    "rmsprop",
    "sgd",
)
"""What can move the latent: the paper's Adam, and PyTorch's and nerdyrodent's other ones."""

Schedule = Callable[[float, int, int], float]


def _linear(weight: float, i: int, total: int) -> float:
    return max(0.0, weight - 0.005 * i)


def _geometric(weight: float, i: int, total: int) -> float:
    return weight * 0.995**i


def _whole(weight: float, i: int, total: int) -> float:
    return max(0.0, weight - 0.005 * i / max(1, total))


def _notebook(weight: float, i: int, total: int) -> float:
    drops = (i - 1) // 50 if i else 0
    # The last fifth is never used: in floating point, 1.5 - 4 * 0.3 is less than 0.3.
    return weight * (5 - drops) / 5 if drops < 4 else 0.0


def _harmonic(weight: float, i: int, total: int) -> float:
    return weight / (2 * i + 1)


def _constant(weight: float, i: int, total: int) -> float:
    return weight


SCHEDULES: dict[str, Schedule] = {
    "linear": _linear,
    "geometric": _geometric,
    "whole": _whole,
    "notebook": _notebook,
    "harmonic": _harmonic,
    "constant": _constant,
}
"""How the regulariser's weight decays: from (weight, iteration, all iterations) to the weight.

The paper says "we decay the regularization term by 0.005 over the course of generation", which
can mean 0.005 less each iteration (``linear``), 0.5% less each iteration (``geometric``) or 0.005
less over all iterations (``whole``). The authors' MSE notebook starts at 1.5 / 2, subtracts a fifth
after iterations 50, 100 and 150, counted from 0, and is at 0 after iteration 200 (``notebook``);
their command line uses weight / (2 (2 i + 1)) (``harmonic``)."""


@dataclass(frozen=True)
class Regulariser:
    """alpha * mean((z - anchor)^2) (paper, section 2.4), where alpha decays by ``schedule``.

    ``towards`` chooses the anchor: "zero", as in the paper; "start", the first z, for edits, since
    a strong pull to zero greys the picture; or "picture", as in the authors' notebook, the first z
    if the painting starts from a picture and else zero. If the recipe's steps are in standard
    deviations of the codebook, so is the difference.
    """

    weight: float = 0.0
    schedule: str = "linear"
    towards: str = "zero"

    def alpha(self, iteration: int, iterations: int) -> float:
        """The weight at ``iteration``, counted from 0, of ``iterations`` in total."""
        return SCHEDULES[self.schedule](self.weight, iteration, iterations)


@dataclass(frozen=True)
class SelfMasking:
    """How CLIP's own mask is made (appendix H.2).

    Lengths are fractions of the picture's short side. Sub-images are squares with the sides
    ``sizes``, with ``across`` centres along the short side. ``threshold`` is in standard
    deviations from the mean of the normalised mask; None means ``usual``, with Otsu's threshold
    for large objects (engine.painting.masking.apply_threshold). The paper's, "two standard
    deviations below the average weight", lets nearly everything change; ``bench.edit`` measures
    both. ``refine`` is how far the mask's edge can move to follow the picture's edges (see
    engine.painting.guided_filter); 0, as in the paper, leaves it. The mean score of the phrases
    ``neutral`` is subtracted from the source phrase's, which removes what matches any words; the
    paper has none. The mask is widened by ``room`` beyond the convex hull of each part, so that
    something of another shape fits in; None, as in the paper, does not widen it.
    """

    sizes: tuple[float, ...] = (0.2, 0.3)
    across: int = 16
    threshold: float | None = None
    refine: float = 0.05
    usual: float = 1.25
    neutral: tuple[str, ...] = ()
    room: float | None = None


PAPER_THRESHOLD = -2.0


@dataclass(frozen=True)
class Recipe:
    """How to paint. Sizes are in pixels, the rest has the paper's units.

    ``step`` is the unit of ``learning_rate``: "absolute", as in the paper, or "codebook" for
    multiples of the codebook's standard deviation, which suit any generator. ``spread`` (0 to 1)
    scales the distance of a random start from the codebook's mean: 1, as in the paper, is the codes
    themselves; near 0 the picture starts as one tone, and no trace of the start remains. The same
    holds for a part of a picture that is painted from scratch. ``optimiser`` is one of OPTIMISERS,
    each with its published defaults; it is made new after iteration ``restart_every``, counted from
    0, and its multiples, ``restarts`` times in all. ``addition`` is how the prompts' losses are
    joined: "sum" (section 2.5), or "mean" (H.1), which divides them by the sum of the prompts'
    absolute weights; the regulariser then weighs as much with several prompts as with one.
    ``cooling`` is the share of the learning rate that is left at the end, decreasing linearly; at
    1, as in the paper, the rate is constant. After each ``period`` iterations the rate starts from
    the top again (Loshchilov and Hutter 2017), so a finished painting that is continued equals one
    that was that long from the start. ``smoothness`` is the weight of the picture's total variation
    (engine.painting.losses.smoothness_loss) if it, or a part of it, is painted from scratch, but
    not if it is edited as a whole; the paper has no such term (0).
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
    cooling: float = 1.0
    period: int = 0
    latent: str = "quantised"
    spread: float = 1.0
    clamp: bool = True
    augmentation: Augmentation = Augmentation()
    early: Early = Early()
    regulariser: Regulariser = Regulariser()
    smoothness: float = 0.0
    masking: SelfMasking = SelfMasking()

    def rate(self, iteration: int) -> float:
        """The learning rate of ``iteration``, counted from 0."""
        length = self.period or max(1, self.iterations)
        done = iteration % length if self.period else min(iteration, length)
        return self.learning_rate * (1 - (1 - self.cooling) * done / length)

    def restarts_before(self, iteration: int) -> bool:
        """Whether Adam is made new before ``iteration``, counted from 0."""
        done = iteration - 1
        most = self.restart_every * self.restarts
        return 0 < done <= most and done % self.restart_every == 0

    def augmentation_at(self, iteration: int) -> Augmentation:
        """How cutouts are taken at ``iteration``, counted from 0."""
        length = self.period or max(1, self.iterations)
        if iteration >= self.early.share * length:
            return self.augmentation
        return replace(self.augmentation, count=self.early.count, size=self.early.size)


_PAPER = Recipe(
    augmentation=Augmentation(count=32),
    regulariser=Regulariser(0.75, "linear", "zero"),
    masking=SelfMasking(threshold=PAPER_THRESHOLD, refine=0.0),
)

# The authors' codebook sampling notebook only cuts crops out.
_ONLY_CROPS = Augmentation(count=64, flip=0.0, affine=0.0, perspective=0.0, jitter=0.0, noise=0.0)

PRESETS: dict[str, Recipe] = {
    "default": Recipe(),
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
"""What ``--preset`` can name. The model's catalogue entry overrides fields of ``default``; of the
other presets it overrides only the picture's size."""


def make_recipe(preset: str, defaults: Mapping[str, Any], **overrides: Any) -> Recipe:
    """The preset, overridden by the model's ``defaults``, then by each override that is not None.

    Keys are fields of Recipe, ``cutouts`` for the augmentation's count, ``regulariser`` for the
    name of a schedule (with the paper's weight by default), ``threshold`` for the mask's
    threshold and, in ``defaults``, the tables ``augmentation``, ``early``, ``regulariser`` and
    ``masking``. An overridden number of cutouts also replaces ``early``. Raises KeyError for a
    preset, a schedule or a key that does not exist.
    """
    recipe = PRESETS[preset]
    if preset == "default":
        recipe = _override(recipe, defaults)
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
    masking, early = recipe.masking, recipe.early
    for key, value in values.items():
        if key == "cutouts":
            augmentation = replace(augmentation, count=value)
        elif key == "augmentation":
            shift = tuple(value.get("translate", augmentation.translate))
            augmentation = replace(augmentation, **{**value, "translate": shift})
        elif key == "early":
            early = replace(early, **value)
        elif key == "regulariser" and isinstance(value, str):
            if value not in SCHEDULES:
                raise KeyError(value)
            weight = regulariser.weight or _PAPER.regulariser.weight
            regulariser = replace(regulariser, schedule=value, weight=weight)
        elif key == "regulariser":
            regulariser = replace(regulariser, **value)
        elif key == "threshold":
            masking = replace(masking, threshold=value)
        elif key == "masking":
            lists = {
                name: tuple(value.get(name, getattr(masking, name)))
                for name in ("sizes", "neutral")
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
        early=early,
        regulariser=regulariser,
        masking=masking,
        **changes,
    )
