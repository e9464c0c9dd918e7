"""The models that paint: which there are, and loading one. The face of this package.

Names are imported when first used: whoever only reads the catalogue (the bot's process) never
loads torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.models.catalogue import Catalogue, ModelEntry, load_catalogue, models_folder
    from engine.models.generators.base import Generator
    from engine.models.loading import Models, choose_device, load_models
    from engine.models.perceptors.base import Perceptor, Tokens

__all__ = ["Catalogue", "Generator", "ModelEntry", "Models", "Perceptor", "Tokens",
           "choose_device", "load_catalogue", "load_models", "models_folder"]

_HOMES = {"Catalogue": "catalogue", "ModelEntry": "catalogue", "load_catalogue": "catalogue",
          "models_folder": "catalogue", "Generator": "generators.base",
          "Models": "loading", "choose_device": "loading", "load_models": "loading",
          "Perceptor": "perceptors.base", "Tokens": "perceptors.base"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"engine.models.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'engine.models' has no attribute {name!r}")
