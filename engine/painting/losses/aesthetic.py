"""LAION's aesthetic predictor (version 1): a linear layer on a perceptor's vectors."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from engine.errors import ModelError, RequestError
from engine.models import Perceptor
from engine.models.checkpoints import read_tensors

VARIABLE = "IMAGINE_AESTHETIC_HEAD"
"""The environment variable with the path of the host's file."""


@dataclass(frozen=True)
class AestheticHead:
    """Rates vectors [N, D] from about 0 to 10: ``weight`` [D] times them plus ``bias``.

    ``sha256`` is the file's.
    """

    weight: Tensor
    bias: float
    sha256: str

    def vector(self, perceptor: Perceptor) -> Tensor:
        """``weight`` on the perceptor's device; empty if it rates vectors of another width."""
        fits = perceptor.width == len(self.weight)
        return (self.weight if fits else self.weight[:0]).to(perceptor.mean)


def host_head(perceptor: Perceptor) -> AestheticHead:
    """The head of the host's file, for ``perceptor`` or one of its members.

    Raises RequestError if it is missing or rates another perceptor's vectors, and ModelError
    if the file is not one.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        raise RequestError(
            "There is no aesthetic head here ({variable} names its file); leave aesthetic out.",
            variable=VARIABLE,
        )
    head = read_head(Path(path))
    if not any(len(head.vector(member)) for member, _ in perceptor.members):
        raise RequestError(
            "The aesthetic head here rates vectors of {theirs} numbers, and this model's perceptor "
            "makes {ours}; choose another model, or leave aesthetic out.",
            theirs=len(head.weight),
            ours=perceptor.width,
        )
    return head


def read_head(path: Path) -> AestheticHead:
    """The head in ``path``: a linear layer's ``weight`` [1, D] and ``bias`` [1].

    Their names can have a prefix, as in ``linear.weight``. Raises ModelError for any other file.
    """
    tensors = read_tensors(path)
    found = {name.rpartition(".")[2]: tensor for name, tensor in tensors.items()}
    weight, bias = found.get("weight"), found.get("bias")
    if (
        len(tensors) != 2
        or weight is None
        or bias is None
        or bias.numel() != 1
        or weight.shape != (1, weight.numel())
    ):
        raise ModelError(
            "{path} is not an aesthetic head, which is a linear layer's weight and bias with one "
            "output; choose another file.",
            path=path,
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    # A copy, as the tensors may be a part of the file that is mapped into memory.
    return AestheticHead(weight[0].clone(), float(bias), digest)
