"""Finds the state dict in what a training program stored with ``torch.save``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.errors import CheckpointError

# The names under which training programs store weights: Lightning, timm, fairseq, BasicSR and
# scripts. Averaged weights are second, as in taming-transformers and latent-diffusion.
_PLAIN = (
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "net",
    "network",
    "weights",
    "params",
)
_AVERAGED = (
    "state_dict_ema",
    "ema_state_dict",
    "model_ema_state_dict",
    "model_ema",
    "ema_model",
    "params_ema",
    "ema",
)
# What else they store that can have tensors inside.
_NOT_WEIGHTS = (
    "optimizer",
    "optimizer_state_dict",
    "optimizer_states",
    "optim",
    "scheduler",
    "lr_scheduler",
    "scaler",
    "callbacks",
    "loops",
    "rng_state",
    "args",
    "config",
    "hparams",
    "hyper_parameters",
)
_DEEPEST = 3  # {"model": {"state_dict": ...}} has two levels


def find_state_dict(loaded: Any, path: Path) -> dict[str, Tensor]:
    """The state dict in the object ``loaded`` from ``path``; raises CheckpointError without one.

    Weights can be the object itself, or be under one of the usual names, inside each other, too.
    Averaged weights (EMA) count only if there are no others.
    """
    if not isinstance(loaded, Mapping):
        raise CheckpointError(
            "{path} contains a {kind}, not a state dict.", path=path, kind=type(loaded).__name__
        )
    found = _search(loaded, path, _DEEPEST)
    if found:
        return found
    some = ", ".join(sorted(str(key) for key in loaded)[:3]) or "nothing"
    raise CheckpointError(
        '{path} has no "state_dict" and no tensors, only {some}; it is not '
        "a checkpoint with weights.",
        path=path,
        some=some,
    )


def _search(loaded: Mapping[Any, Any], path: Path, levels: int) -> dict[str, Tensor]:
    inner = {
        name: _search(value, path, levels - 1)
        for name, value in loaded.items()
        if isinstance(name, str) and isinstance(value, Mapping) and levels
    }
    inner = {name: tensors for name, tensors in inner.items() if tensors}
    own = _tensors(loaded)
    for name in _PLAIN:
        if name in inner:
            return inner[name]
    averaged = next((inner[name] for name in _AVERAGED if name in inner), {})
    if own or averaged:
        # Next to averaged weights there may be single tensors, such as the best loss.
        return own if len(own) >= len(averaged) else averaged
    others = {name: tensors for name, tensors in inner.items() if name not in _NOT_WEIGHTS}
    if len(others) > 1:
        raise CheckpointError(
            "{path} has several state dicts ({names}); save the one of the model with torch.save.",
            path=path,
            names=", ".join(sorted(others)),
        )
    return next(iter(others.values()), {})


def _tensors(named: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {
        name: value.detach()
        for name, value in named.items()
        if isinstance(name, str)
        and isinstance(value, Tensor)
        and value.layout is torch.strided
        and not value.is_quantized
    }
