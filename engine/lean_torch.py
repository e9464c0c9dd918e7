"""PyTorch, imported without what only its compiler needs: two fifths of the time, and 18 MB.

``import torch`` also imports torch._meta_registrations (how operations behave on the meta device,
where C++ does not say it) and torch.export. Here both are put off until somebody imports them or
asks for their names, as PyTorch's compiler and fake tensors do. Programs that only paint import
``torch`` from here, before anything else imports it; later it changes nothing.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_LATER = ("torch._meta_registrations", "torch.export")


class _Later(ModuleType):
    """Stands for a module, which it imports for the first name that is asked for."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            if name.startswith("__"):  # the import system looks for some
                raise AttributeError(name)
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def _import_torch() -> ModuleType:
    if "torch" in sys.modules:
        return sys.modules["torch"]
    put_off = {name: _Later(name) for name in _LATER}
    sys.modules.update(put_off)
    try:
        return importlib.import_module("torch")
    finally:
        for name, module in put_off.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


_import_torch()

import torch  # noqa: E402  after what puts off its parts

__all__ = ["torch"]
