"""The packages that say what is right for OpenCLIP's and transformers' models.

They are in the extra ``dev``. Tests skip without them, except where CI runs them.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import warnings
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.errors import InstallationError
from engine.models.packages import open_clip_package
from engine.models.stand_in import training_packages_replaced


def open_clip() -> Any:
    """OpenCLIP, which our modules are compared with."""
    try:
        return open_clip_package()
    except InstallationError as error:
        return missing(str(error))


@functools.cache
def transformers(module: str) -> ModuleType:
    """A module of transformers, imported without torchvision."""
    try:
        with training_packages_replaced(hidden=()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(f"transformers.{module}")
    except ImportError as error:
        return missing(f"transformers is missing ({error})")


def piece_packages() -> None:
    """Skip without the packages that split texts."""
    for name in ("tokenizers", "sentencepiece"):
        if name not in sys.modules:
            try:
                importlib.import_module(name)
            except ImportError:
                missing(f"{name} is missing")


def missing(reason: str) -> Any:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; CI installs the extra dev")
    pytest.skip(f"{reason}; pip install -c constraints.txt -e '.[dev]'")


def look(tower: Any, side: int) -> tuple[Tensor, Tensor]:
    """What ``tower`` makes of fixed pictures, and the pictures' gradient of a fixed direction."""
    rng = torch.Generator().manual_seed(7)
    pictures = torch.randn(2, 3, side, side, generator=rng).requires_grad_()
    vectors = tower(pictures)
    (vectors * torch.randn(vectors.shape, generator=rng)).sum().backward()
    assert pictures.grad is not None
    return vectors.detach(), pictures.grad


def assert_same_tower(ours: Any, theirs: Any, side: int) -> None:
    """Values and gradients of both, to 1e-4 of the largest."""
    for one, other in zip(look(ours, side), look(theirs, side), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * other.abs().max().item())
