"""The numbers of the optimisation, and the presets that name sets of them.

Numbers only: whoever writes requests reads them here without loading torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

Padding = Literal["border", "reflection", "zeros"]


@dataclass(frozen=True)
class Augmentation:
    """How cutouts are taken and disturbed. Probabilities are 0 to 1, angles in degrees.

    ``count`` cutouts are taken each iteration, of which the share ``whole`` see the whole
    picture (squeezed to a square) and the others a square crop with side
    ``u ** crop_power * (short - least) + least``, u uniform, where ``short`` is the
    picture's short side and ``least`` the cutouts' side or, if less, ``short``. Cutouts are
    ``size`` pixels wide; 0 is the perceptor's own resolution, and of a perceptor that sees no other
    it always is.
    """

    count: int = 32
    size: int = 0
    crop_power: float = 1.0
    whole: float = 0.0
    flip: float = 0.5
    affine: float = 0.8
    degrees: float = 30.0
    translate: float = 0.1
    shear: float = 0.0
    perspective: float = 0.4
    distortion: float = 0.2
    jitter: float = 0.7
    hue: float = 0.01
    saturation: float = 0.01
    erasing: float = 0.0
    noise: float = 0.1
    padding: Padding = "border"


@dataclass(frozen=True)
class Early:
    """Other cutouts for the first ``share`` (0 to 1) of a painting, which is not yet about detail.

    ``count`` and ``size`` (pixels) are as in Augmentation. Few and small ones cost a fraction.
    """

    share: float = 0.0
    count: int = 32
    size: int = 0


Schedule = Callable[[float, int, int], float]


def _linear(weight: float, i: int, total: int) -> float:
    return max(0.0, weight - 0.005 * i)


def _geometric(weight: float, i: int, total: int) -> float:
    return weight * 0.995**i


def _whole(weight: float, i: int, total: int) -> float:
    return max(0.0, weight - 0.005 * i / max(1, total))


def _notebook(weight: float, i: int, total: int) -> float:
    return max(0.0, weight - 0.15 * (i // 50))


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
"""How the regulariser's weight falls, from (weight, iteration, iterations in all).

The paper says "we decay the regularization term by 0.005 over the course of generation", which
can be read as 0.005 less an iteration (``linear``), 0.5% less an iteration (``geometric``) or
0.005 less in all (``whole``). The authors' MSE notebook takes 1.5 / 2 and 0.3 / 2 less every 50
(``notebook``), their command line weight / (2 (2 i + 1)) (``harmonic``)."""


@dataclass(frozen=True)
class Regulariser:
    """alpha * mean((z - anchor)^2) (paper, section 2.4); alpha falls by ``schedule``.

    ``towards`` is "zero", as in the paper, or "start", the first z, which suits edits: a
    strong pull to zero greys the picture. Where the recipe's steps count in the codebook's
    standard deviations, so does the difference.
    """

    weight: float = 0.0
    schedule: str = "linear"
    towards: str = "zero"

    def alpha(self, iteration: int, iterations: int) -> float:
        """The weight at ``iteration``, counted from 0, of ``iterations`` in all."""
        return SCHEDULES[self.schedule](self.weight, iteration, iterations)


@dataclass(frozen=True)
class SelfMasking:
    """How CLIP's own mask is made (appendix H.2).

    Sub-images are squares with the sides ``sizes``, fractions of the picture's short side;
    ``across`` of their centres lie along it. ``threshold`` is in standard deviations from the mean
    of the normalised mask; None is ``usual`` (engine.painting.masking.above). The paper's, "two
    standard deviations below the average weight", lets nearly everything change; ``bench.edit``
    measures both. ``refine``, a fraction of the short side, is how far the mask's edge may move to
    meet the picture's (0, as in the paper: it stays; see engine.painting.guided_filter). The mean
    score of the phrases ``neutral`` is taken off the source phrase's (none, as in the paper): what
    any words like as well does not count. Of what is found, ``room``, a fraction of the short side,
    is how much wider than each part's convex hull the mask is, so that something of another shape
    fits in; None, as in the paper, leaves it as it was found.
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

    ``step`` says what ``learning_rate`` counts in: "absolute", as in the paper, or
    "codebook", multiples of the codebook's standard deviation, which carries over from one
    generator to another. ``spread`` (0 to 1) is how far from the codebook's mean a start from
    random codes lies: 1, as in the paper, is the codes themselves; near 0 the picture starts as
    one tone, and nothing of the start is left over in the end. Where a part of a picture is painted
    anew it is how far that part's codes lie from there. ``restart_every`` makes Adam anew
    each so many iterations (0: never). ``cooling`` is the share of the learning rate that is left
    in the end, the way there being a straight line: at 1, as in the paper, it stays. With a
    ``period`` it is warm again after each so many iterations (Loshchilov and Hutter 2017), so
    that a finished painting that is continued is the one that was to be so long from the start.
    ``smoothness`` weighs the picture's total variation (engine.painting.losses.smoothness_loss)
    where it, or a part of it, is painted anew, not where one is edited as a whole; at
    0, as in the paper, there is no such term.
    """

    width: int = 256
    height: int = 256
    iterations: int = 400
    learning_rate: float = 0.15
    step: str = "absolute"
    betas: tuple[float, float] = (0.9, 0.999)
    restart_every: int = 0
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

    def augmentation_at(self, iteration: int) -> Augmentation:
        """How cutouts are taken at ``iteration``, counted from 0."""
        length = self.period or max(1, self.iterations)
        if iteration >= self.early.share * length:
            return self.augmentation
        return replace(self.augmentation, count=self.early.count, size=self.early.size)


_PAPER = Recipe(augmentation=Augmentation(count=32),
                regulariser=Regulariser(0.75, "linear", "zero"),
                masking=SelfMasking(threshold=PAPER_THRESHOLD, refine=0.0))

PRESETS: dict[str, Recipe] = {
    "default": Recipe(),
    # Sections 2 to 2.4; alpha is not given there: 1.5 / 2 is the authors' notebook's.
    "paper": _PAPER,
    # The authors' MSE notebook, where it says other than the paper.
    "notebook": replace(_PAPER, learning_rate=0.95, restart_every=50, clamp=False,
                        regulariser=Regulariser(0.75, "notebook", "zero")),
    "nerdyrodent": Recipe(learning_rate=0.1, augmentation=Augmentation(
        count=32, affine=0.7, degrees=15.0, shear=5.0, perspective=0.7, distortion=0.7, flip=0.0,
        jitter=0.7, hue=0.1, saturation=0.1, erasing=0.7, noise=0.1)),
    # Appendix G.1's older way. Logits take longer strides than codes.
    "codebook": Recipe(latent="codebook", learning_rate=0.5,
                       augmentation=Augmentation(count=32)),
}
"""What ``--preset`` may name. ``default`` is what suits the model: its catalogue entry is laid
over it. The others are taken as they are, but for the picture's size."""


def make_recipe(preset: str, defaults: Mapping[str, Any], **overrides: Any) -> Recipe:
    """The preset, the model's ``defaults`` over it, and on top each override that is not None.

    Keys are fields of Recipe, ``cutouts`` for the augmentation's count, ``regulariser`` for a
    schedule's name (with the paper's weight where there is none), ``threshold`` for the mask's
    and, in ``defaults``, tables ``augmentation``, ``early``, ``regulariser`` and ``masking``. A
    number of cutouts that is asked for holds from the first iteration. Raises
    KeyError for a preset that does not exist.
    """
    recipe = PRESETS[preset]
    if preset == "default":
        recipe = _lay_over(recipe, defaults)
    else:
        sizes = {key: defaults[key] for key in ("width", "height") if key in defaults}
        recipe = _lay_over(recipe, sizes)
    asked = {key: value for key, value in overrides.items() if value is not None}
    recipe = _lay_over(recipe, asked)
    return replace(recipe, early=Early()) if "cutouts" in asked else recipe


def _lay_over(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    known = {field.name for field in fields(Recipe)}
    changes: dict[str, Any] = {}
    augmentation, regulariser = recipe.augmentation, recipe.regulariser
    masking, early = recipe.masking, recipe.early
    for key, value in values.items():
        if key == "cutouts":
            augmentation = replace(augmentation, count=value)
        elif key == "augmentation":
            augmentation = replace(augmentation, **value)
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
            lists = {name: tuple(value.get(name, getattr(masking, name)))
                     for name in ("sizes", "neutral")}
            masking = replace(masking, **{**value, **lists})
        elif key in known:
            changes[key] = tuple(value) if key == "betas" else value
        else:
            raise KeyError(key)
    return replace(recipe, augmentation=augmentation, early=early, regulariser=regulariser,
                   masking=masking, **changes)
