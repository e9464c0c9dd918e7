"""PyTorch, imported without what only its compiler needs: two fifths of the time, and 18 MB.

``import torch`` also imports torch._meta_registrations (how operations behave on the meta device,
where C++ does not say it) and torch.export. Here both are put off until another module of PyTorch
is imported, or one of their names is asked for: then PyTorch is what it always is. Programs that
only paint import ``torch`` from here, before anything else imports it; later it changes nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

_LATER = ("torch._meta_registrations", "torch.export")
# Small modules that need none of it: reading a checkpoint and the meta device import them.
_ALONE = ("torch.utils.serialization", "torch.utils._device")


class _Later(ModuleType):
    """Stands for a module, which it imports for the first name that is asked for."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            if name.startswith("__"):  # the import system looks for some
                raise AttributeError(name)
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


class _BeforeOthers(MetaPathFinder):
    """Imports what was put off before any other module of PyTorch, some of which rely on it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        """Find nothing: those behind it do."""
        if fullname.startswith("torch.") and not fullname.startswith(_ALONE):
            with contextlib.suppress(ValueError):  # another thread was faster
                sys.meta_path.remove(self)
            for name in _LATER:
                if name != fullname:  # which is imported next
                    importlib.import_module(name)


def _import_torch() -> None:
    if "torch" in sys.modules:
        return
    put_off = {name: _Later(name) for name in _LATER}
    sys.modules.update(put_off)
    try:
        importlib.import_module("torch")
    finally:
        for name, module in put_off.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
    sys.meta_path.insert(0, _BeforeOthers())


_import_torch()

import torch  # noqa: E402  after what puts off its parts

__all__ = ["torch"]
