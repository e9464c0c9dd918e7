"""Lets packages be imported that ask for torchvision or transformers without needing them.

OpenCLIP and timm import torchvision for their training's pictures, and OpenCLIP imports
transformers for text towers that we don't use. torchvision has no CPU build for each PyTorch, and
importing transformers takes seconds.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Collection, Iterator, Sequence
from types import ModuleType
from typing import Any

_EMPTY = "torchvision"


@contextlib.contextmanager
def training_packages_replaced(hidden: Collection[str] = ("transformers",)) -> Iterator[None]:
    """While it lasts, torchvision is a package of empty classes and those ``hidden`` are missing.

    What was imported before stays what it is, and afterwards all can be imported again.
    """
    finder = _Finder(hidden)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name, module in sys.modules.items() if isinstance(module, _Empty)]:
            del sys.modules[name]


class _Name(type):
    """The metaclass of empty classes: each attribute, such as an enumeration's, is its name."""

    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class _Empty(ModuleType):
    """A module that has every class, each of them empty."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(name, (), {})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, hidden: Collection[str]) -> None:
        self.hidden = hidden

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package = fullname.partition(".")[0]
        if package in self.hidden:
            raise ModuleNotFoundError(f"{package} is not needed here", name=fullname)
        if package != _EMPTY:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: every name is made when it is asked for."""
