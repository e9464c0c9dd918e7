"""Fills a module with the tensors of a checkpoint; errors say what does not fit.

The modules are created without values, then get the checkpoint's tensors: one copy of the weights,
no random numbers, a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.errors import CheckpointError

_INITIALISERS = ("normal_", "uniform_", "kaiming_uniform_", "xavier_uniform_", "kaiming_normal_")


def fill(module: nn.Module, tensors: dict[str, Tensor], what: str) -> None:
    """Copy ``tensors`` into ``module``, created without values, in the module's own dtypes.

    ``what`` names the module in errors. Raises CheckpointError if a tensor is missing, additional,
    of another shape, of whole numbers or not finite.
    """
    wanted = module.state_dict()
    for name in wanted:
        if name.endswith("num_batches_tracked"):  # counts training steps; missing in old files
            tensors.setdefault(name, torch.zeros((), dtype=torch.int64))
    check_names(wanted, tensors, what)
    own: dict[str, Tensor] = {}
    for name, like in wanted.items():
        tensor = tensors[name]
        if tensor.shape != like.shape:
            raise CheckpointError(
                "The checkpoint is not {what}: {name} is {shape}, not {like}.",
                what=what,
                name=name,
                shape=list(tensor.shape),
                like=list(like.shape),
            )
        if like.is_floating_point() and not tensor.is_floating_point():
            raise CheckpointError(
                "The checkpoint has {name} as {kind}, not as floating-point numbers; use a "
                "checkpoint that is not quantised.",
                name=name,
                kind=str(tensor.dtype).removeprefix("torch."),
            )
        # Copied, as the tensor may be mapped from the file into memory.
        own[name] = torch.empty(like.shape, dtype=like.dtype).copy_(tensor)
        # A sum is finite if its terms are, and six times faster than checking each.
        if not own[name].sum().isfinite():
            raise CheckpointError(
                "The checkpoint has numbers in {name} that are not finite; download it again.",
                name=name,
            )
    module.load_state_dict(own, assign=True)


def check_names(wanted: Collection[str], given: Collection[str], what: str) -> None:
    """Raise CheckpointError if a checkpoint's ``given`` names are not the ``wanted`` ones.

    ``what`` names the network.
    """
    missing = [name for name in wanted if name not in given]
    if missing:
        raise CheckpointError(
            "The checkpoint is not {what}: it doesn't have {names}.",
            what=what,
            names=_some(missing),
        )
    additional = [name for name in given if name not in wanted]
    if additional:
        raise CheckpointError(
            "The checkpoint is not {what}: it also has {names}.", what=what, names=_some(additional)
        )


class Uninitialised(TorchFunctionMode):
    """Skips the random initialisation of weights that a checkpoint then replaces.

    It matters on the meta device, too: a first random number there makes PyTorch import its
    compiler, which takes 1.2 s.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in _INITIALISERS:
            return args[0] if args else kwargs["tensor"]
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
