"""A recipe with what a request chose of the method."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.request.method.augment import parse_augment
from engine.request.method.fields import MethodFields
from engine.request.method.losses import PictureLosses, parse_edge, parse_palette, parse_symmetry
from engine.request.method.optimising import parse_schedule, parse_starts
from engine.request.method.regulariser import Regulariser, parse_regulariser
from engine.request.recipe import PRESETS, Recipe


def with_latent(recipe: Recipe, method: str | None, learning_rate: float | None) -> Recipe:
    """``recipe`` with the latent of appendix G.1's ``method``, before an edit's strength.

    Logits need other steps than codes, so ``codebook`` takes its preset's learning rate unless the
    request has one.
    """
    if method is None:
        return recipe
    if method != "codebook":
        return replace(recipe, latent="quantised")
    rate = PRESETS["codebook"].learning_rate if learning_rate is None else learning_rate
    return replace(recipe, latent="codebook", step="absolute", learning_rate=rate)


def with_choices(recipe: Recipe, request: MethodFields) -> Recipe:
    """``recipe`` with all else that the request chose, after an edit's strength."""
    changes: dict[str, Any] = {
        name: value
        for name in ("optimiser", "ema", "distance")
        if (value := getattr(request, name)) is not None
    }
    if request.schedule is not None:
        changes["schedule"], changes["cooling"] = parse_schedule(request.schedule)
    if request.starts is not None:
        changes["starts"], changes["mixed"] = parse_starts(request.starts)
    if request.augment is not None:
        changes["augmentation"] = replace(recipe.augmentation, **parse_augment(request.augment))
    return replace(
        recipe,
        regulariser=_regulariser(recipe.regulariser, request),
        losses=_losses(recipe.losses, request),
        **changes,
    )


def _regulariser(regulariser: Regulariser, request: MethodFields) -> Regulariser:
    if request.regulariser is not None:
        _, weight = parse_regulariser(request.regulariser)
        return regulariser if weight is None else replace(regulariser, weight=weight)
    if request.method in ("z", "codebook"):
        return Regulariser()
    if request.method == "z-reg" and not regulariser.weight:
        return PRESETS["paper"].regulariser
    return regulariser


def _losses(losses: PictureLosses, request: MethodFields) -> PictureLosses:
    changes: dict[str, Any] = {
        name: value
        for name in ("smoothness", "saturation", "aesthetic")
        if (value := getattr(request, name)) is not None
    }
    if request.symmetry is not None:
        changes["axis"], changes["symmetry"] = parse_symmetry(request.symmetry)
    if request.palette is not None:
        changes["colours"], changes["palette"] = parse_palette(request.palette)
    if request.edge is not None:
        changes["border"], changes["edge"] = parse_edge(request.edge)
    return replace(losses, **changes)
