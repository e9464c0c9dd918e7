"""Telling whether two models have the same weights, whatever they are called."""

from __future__ import annotations

import hashlib
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from engine.models.loading import Models

_EACH = 4  # about so many numbers of each dimension
_KNOWN: WeakKeyDictionary[nn.Module, bytes] = WeakKeyDictionary()


def identity(models: Models) -> str:
    """16 hexadecimal digits that other weights of the networks, or another precision, change.

    They are made from a sample of each tensor, because a hash of all weights would take seconds.
    Training moves all weights, so a sample is enough to tell two checkpoints apart.
    """
    digest = hashlib.sha256()
    for part, network in models.parts:
        digest.update(repr((part.kind_name, sorted(part.settings.items()))).encode())
        digest.update(_sampled(network))
    return digest.hexdigest()[:16]


def _sampled(network: nn.Module) -> bytes:
    """The hash of a network's sample; its weights are frozen, so it is made once."""
    if network not in _KNOWN:
        digest = hashlib.sha256()
        for name, tensor in sorted(network.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)}".encode() + _sample(tensor))
        _KNOWN[network] = digest.digest()
    return _KNOWN[network]


def _sample(tensor: Tensor) -> bytes:
    few = tensor.detach()[tuple(slice(None, None, max(1, n // _EACH)) for n in tensor.shape)]
    return few.to("cpu", torch.float32).contiguous().numpy().tobytes()
