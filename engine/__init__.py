"""Paints pictures from prompts with VQGAN-CLIP (Crowson, Biderman et al. 2022).

This module is the public API; everything else can change::

    from engine import imagine
    for iterate in imagine("a red star on a blue background"):
        ...
    iterate.full_size().save("star.png")

Names are imported when they are first used, so that callers that only build requests, like the bot,
do not load torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.errors import EngineError
    from engine.painting.iterate import Iterate
    from engine.painting.pipeline import imagine
    from engine.request.prompt import Prompt, parse_prompts
    from engine.request.request import ImageRequest

__all__ = ["EngineError", "ImageRequest", "Iterate", "Prompt", "imagine", "parse_prompts"]

_MODULES = {
    "EngineError": "engine.errors",
    "ImageRequest": "engine.request.request",
    "Iterate": "engine.painting.iterate",
    "Prompt": "engine.request.prompt",
    "imagine": "engine.painting.pipeline",
    "parse_prompts": "engine.request.prompt",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'engine' has no attribute {name!r}")
