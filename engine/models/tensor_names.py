"""Finds one model's tensors in a checkpoint, whatever was put in front of their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from engine.errors import CheckpointError

# The parts of names that PyTorch's wrappers add: (Distributed)DataParallel, torch.compile,
# Lightning Fabric, FSDP, activation checkpointing. No model here has a part of such a name.
_WRAPPERS = {
    "module",
    "_orig_mod",
    "_forward_module",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
}
_AVERAGE = re.compile(r"(?:^|_)ema(?:_|$)", re.IGNORECASE)


def unwrapped(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``tensors`` without the parts that PyTorch's wrappers add to their names.

    Raises CheckpointError if two tensors then have the same name.
    """
    plain: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        own = ".".join(part for part in name.split(".") if part not in _WRAPPERS)
        if own in plain:
            raise CheckpointError(
                "The checkpoint has two tensors for {name}; save only one copy of the model.",
                name=own,
            )
        plain[own] = tensor
    return plain


def without_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with ``prefix``, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def model_tensors(
    tensors: Mapping[str, Tensor], anchor: str, preferred: Iterable[str] = ()
) -> dict[str, Tensor]:
    """The tensors of the model that has one called ``anchor``, by the names in that model.

    All of ``tensors`` if no name ends with ``anchor``. Averaged weights (EMA) count only if there
    are no others; of several models, the one under a ``preferred`` prefix is taken. Raises
    CheckpointError if none of them is preferred.
    """
    prefixes = [
        name.removesuffix(anchor)
        for name in tensors
        if name == anchor or name.endswith(f".{anchor}")
    ]
    if not prefixes:
        return dict(tensors)
    plain = [prefix for prefix in prefixes if not is_average(prefix)] or prefixes
    best = next((each for each in ("", *preferred) if each in plain), None)
    if best is None:
        if len(plain) > 1:
            raise CheckpointError(
                "The checkpoint has several models ({names}); save the state dict of one.",
                names=", ".join(prefix.rstrip(".") for prefix in sorted(plain)),
            )
        best = plain[0]
    return without_prefix(tensors, best)


def flattened_average(
    tensors: Mapping[str, Tensor], names: Iterable[str], anchor: str
) -> dict[str, Tensor]:
    """The averaged weights of a latent-diffusion module that has tensors of these ``names``.

    Its LitEma stores the average of ``decoder.conv_in.weight`` as
    ``model_ema.decoderconv_inweight``. Other tensors keep the names without dots. Empty if the
    average of ``anchor`` is missing.
    """
    end = anchor.replace(".", "")
    prefixes = [
        prefix
        for prefix in (name.removesuffix(end) for name in tensors if name.endswith(end))
        if is_average(prefix)
    ]
    if not prefixes:
        return {}
    dotted = {name.replace(".", ""): name for name in names}
    own = without_prefix(tensors, prefixes[0])
    return {dotted.get(name, name): tensor for name, tensor in own.items()}


def is_average(name: str) -> bool:
    """Whether a dotted ``name`` has a part such as ``model_ema``: an average over training."""
    return any(_AVERAGE.search(part) for part in name.split("."))
