"""The models that paint: the catalogue of them, and loading one.

Names are imported when they are first used, so that reading the catalogue, as the bot does, does
not load torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.models.catalogue import Catalogue, ModelEntry, load_catalogue, models_folder
    from engine.models.generators.base import Generator
    from engine.models.loading import Models, choose_device, load_models
    from engine.models.perceptors.base import Join, Member, Perceptor
    from engine.models.perceptors.tokenizing import Tokenizer, Tokens

__all__ = [
    "Catalogue",
    "Generator",
    "Join",
    "Member",
    "ModelEntry",
    "Models",
    "Perceptor",
    "Tokenizer",
    "Tokens",
    "choose_device",
    "load_catalogue",
    "load_models",
    "models_folder",
]

_MODULES = {
    "Catalogue": "catalogue",
    "ModelEntry": "catalogue",
    "load_catalogue": "catalogue",
    "models_folder": "catalogue",
    "Generator": "generators.base",
    "Models": "loading",
    "choose_device": "loading",
    "load_models": "loading",
    "Join": "perceptors.base",
    "Member": "perceptors.base",
    "Perceptor": "perceptors.base",
    "Tokenizer": "perceptors.tokenizing",
    "Tokens": "perceptors.tokenizing",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"engine.models.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'engine.models' has no attribute {name!r}")
