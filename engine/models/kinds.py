"""The kinds of generators and perceptors, by the catalogue's ``kind``.

A new kind is one file under ``generators/`` or ``perceptors/`` and one line here. Its module has
``build(files, settings)``: ``files`` are the paths of the kind's files by role, ``settings`` is the
table in the catalogue entry. Torch is loaded only when something is built.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import CheckpointError


@dataclass(frozen=True)
class Kind:
    """A kind: the module that builds it, and the roles of the files it needs, in reading order.

    ``optional`` are the roles of files that only some entries have.
    """

    module: str
    files: tuple[str, ...]
    optional: tuple[str, ...] = ()

    def build(self, files: Mapping[str, Path], settings: Mapping[str, Any]) -> Any:
        """A Generator or a Perceptor in float32 on the CPU, frozen and in evaluation mode.

        Raises CheckpointError, which names the file, for an unsuitable one, and ModelError for a
        wrong setting.
        """
        try:
            return importlib.import_module(self.module).build(files, settings)
        except CheckpointError as error:
            # Code that reads files names the file; code that only sees its tensors cannot.
            checkpoint = files.get("checkpoint")
            if checkpoint is None or error.names_file:
                raise
            raise CheckpointError("{path}: {what}", path=checkpoint, what=error.message) from None


GENERATORS = {
    "taming-vq": Kind("engine.models.generators.taming", ("config", "checkpoint")),
    "fourier": Kind("engine.models.generators.fourier", ()),
}
PERCEPTORS = {
    "openai-clip": Kind(
        "engine.models.perceptors.openai_clip", ("checkpoint",), optional=("config",)
    ),
    "efficientnet-lite": Kind("engine.models.perceptors.efficientnet_lite", ("checkpoint",)),
}
DEFAULT_GENERATOR, DEFAULT_PERCEPTOR = "taming-vq", "openai-clip"
"""The kinds of entries that have no ``kind``."""
