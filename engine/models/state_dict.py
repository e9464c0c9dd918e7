"""Giving a module the tensors of a checkpoint, with a sentence where they do not fit.

The modules are made without a value in their weights and then given the checkpoint's tensors:
one copy of the weights, no random draw, a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.errors import CheckpointError

_FILLING = ("normal_", "uniform_", "kaiming_uniform_", "xavier_uniform_", "kaiming_normal_")


def fill(module: nn.Module, tensors: dict[str, Tensor], what: str) -> None:
    """Give ``module``, made without values, the ``tensors`` as its own, in its own dtypes."""
    wanted = module.state_dict()
    for name in wanted:
        if name.endswith("num_batches_tracked"):  # counts training steps; old files lack it
            tensors.setdefault(name, torch.zeros((), dtype=torch.int64))
    missing = [name for name in wanted if name not in tensors]
    if missing:
        raise CheckpointError("The checkpoint is not {what}: it lacks {names}.", what=what,
                              names=_some(missing))
    strange = [name for name in tensors if name not in wanted]
    if strange:
        raise CheckpointError("The checkpoint is not {what}: it has {names} besides.", what=what,
                              names=_some(strange))
    own: dict[str, Tensor] = {}
    for name, like in wanted.items():
        tensor = tensors[name]
        if tensor.shape != like.shape:
            raise CheckpointError("The checkpoint is not {what}: {name} is {shape}, not {like}.",
                                  what=what, name=name, shape=list(tensor.shape),
                                  like=list(like.shape))
        # Copied, as what was read may be the file itself, mapped into memory.
        own[name] = torch.empty(like.shape, dtype=like.dtype).copy_(tensor)
        # A sum is as finite as its terms, and six times as fast as asking each.
        if not own[name].sum().isfinite():
            raise CheckpointError("The checkpoint holds numbers that are not finite in {name}; "
                                  "fetch it again.", name=name)
    module.load_state_dict(own, assign=True)


class Uninitialised(TorchFunctionMode):
    """Leaves out the random start of weights that a checkpoint is about to replace.

    On the meta device, too: a first random number there makes PyTorch import its compiler,
    which takes 1.2 s.
    """

    def __torch_function__(self, func: Callable[..., Any], types: Any,
                           args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
                           ) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in _FILLING:
            return args[0] if args else kwargs["tensor"]
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
