"""The fields of a request that say how to optimise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from engine.request.limits import max_length, range_of
from engine.request.method.augment import parse_augment
from engine.request.method.losses import SYMMETRIES, parse_edge, parse_palette, parse_symmetry
from engine.request.method.optimising import (
    DISTANCES,
    OPTIMISERS,
    RATES,
    parse_schedule,
    parse_starts,
)
from engine.request.method.regulariser import SCHEDULES, parse_regulariser
from engine.request.method.values import chosen
from engine.request.refusals import checked

METHODS = ("z", "z-reg", "codebook")
"""What is optimised (appendix G.1): z, z with the regulariser, or logits over the codes."""


def number_field(field: str, description: str) -> Any:
    """A field with the range of engine.request.limits."""
    bounds = range_of(field)
    if bounds.exclusive:
        return Field(gt=bounds.low, le=bounds.high, description=description)
    return Field(ge=bounds.low, le=bounds.high, description=description)


def text_field(field: str, description: str) -> Any:
    """A field with the length of engine.request.limits."""
    return Field(max_length=max_length(field), description=description)


def read_by(parse: Callable[[str], object]) -> AfterValidator:
    """Refuses a text that ``parse`` raises RequestError for."""

    def check(text: str | None) -> str | None:
        if text is not None:
            checked(parse, text)
        return text

    return AfterValidator(check)


def _one_of(field: str, names: tuple[str, ...]) -> AfterValidator:
    return read_by(lambda name: chosen(field, name, names))


class MethodFields(BaseModel):
    """How to optimise; None means the default of the model and its preset.

    Texts are kept as they were typed; engine.request.method.applied reads them.
    """

    method: Annotated[
        str | None,
        Field(description=f"what is optimised: {', '.join(METHODS)}"),
        _one_of("method", METHODS),
    ] = None
    regulariser: Annotated[
        str | None,
        text_field(
            "regulariser",
            f"how the latent's regulariser decays: {', '.join(SCHEDULES)}; "
            "linear:0.5 also sets its weight",
        ),
        read_by(parse_regulariser),
    ] = None
    augment: Annotated[
        str | None,
        text_field(
            "augment",
            "chances and strengths of the augmentations, as in flip=0.5,affine=0.8:30,noise=0; "
            "none turns all off",
        ),
        read_by(parse_augment),
    ] = None
    distance: Annotated[
        str | None,
        Field(description=f"how far a cutout is from a prompt: {', '.join(DISTANCES)}"),
        _one_of("distance", DISTANCES),
    ] = None
    smoothness: Annotated[
        float | None, number_field("smoothness", "the weight of the picture's total variation")
    ] = None
    saturation: Annotated[
        float | None,
        number_field("saturation", "how strongly colours are pulled up; down if it is negative"),
    ] = None
    symmetry: Annotated[
        str | None,
        text_field(
            "symmetry",
            f"which halves mirror each other: {', '.join(SYMMETRIES)}; both:2 also sets the weight",
        ),
        read_by(parse_symmetry),
    ] = None
    palette: Annotated[
        str | None,
        text_field(
            "palette",
            "the colours to paint with, as in navy,gold,#ffffff; navy,gold:2 also sets the weight",
        ),
        read_by(parse_palette),
    ] = None
    edge: Annotated[
        str | None,
        text_field(
            "edge",
            "the colour of the border, plain for any one colour; white:2 also sets the weight",
        ),
        read_by(parse_edge),
    ] = None
    aesthetic: Annotated[
        float | None,
        number_field("aesthetic", "the weight of the host's aesthetic head, if there is one"),
    ] = None
    optimiser: Annotated[
        str | None,
        Field(description=f"what moves the latent: {', '.join(OPTIMISERS)}"),
        _one_of("optimiser", OPTIMISERS),
    ] = None
    schedule: Annotated[
        str | None,
        text_field(
            "schedule",
            f"how the learning rate falls: {', '.join(RATES)}; cosine:0.1 leaves a tenth",
        ),
        read_by(parse_schedule),
    ] = None
    ema: Annotated[
        float | None,
        number_field("ema", "the decay of the mean of the latent that the result is made of"),
    ] = None
    starts: Annotated[
        str | None,
        text_field(
            "starts",
            "how many random starts to choose from; 64:5 starts from a mean of the best 5",
        ),
        read_by(parse_starts),
    ] = None
