"""What a kind of generator or perceptor is: the module that builds it and the files it needs."""

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

    ``optional`` are the roles of files that only some entries have. ``about`` says what it reads or
    is, ``test`` is the file of its tests: both are for docs/models.md.
    """

    module: str
    files: tuple[str, ...]
    optional: tuple[str, ...] = ()
    about: str = ""
    test: str = ""

    def roles(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """The roles of the files of an entry ``row`` of a catalogue."""
        return (*self.files, *(role for role in self.optional if role in row))

    def build(self, files: Mapping[str, Path], settings: Mapping[str, Any]) -> Any:
        """A Generator or a Perceptor in float32 on the CPU, frozen and in evaluation mode.

        Raises CheckpointError, which names the file, for an unsuitable one, and ModelError for a
        wrong setting.
        """
        try:
            return self._built(files, settings)
        except CheckpointError as error:
            # Code that reads files names the file; code that only sees its tensors cannot.
            checkpoint = files.get("checkpoint")
            if checkpoint is None or error.names_file:
                raise
            raise CheckpointError("{path}: {what}", path=checkpoint, what=error.message) from None

    def _built(self, files: Mapping[str, Path], settings: Mapping[str, Any]) -> Any:
        return importlib.import_module(self.module).build(files, settings)
