"""The errors that the engine raises on purpose.

Each message is a sentence for the person, which says what to change::

    EngineError
    +-- RequestError         a prompt, size, number or picture that cannot be painted
    +-- ModelError           a model that cannot be used
    |   +-- UnknownModelError    no model of that name in the catalogue
    |   +-- MissingModelError    a model whose files are not on this machine
    |   +-- CheckpointError      a file that is not a checkpoint of the expected format
    |   +-- DownloadError        a model that could not be downloaded
    +-- NumericalError       a loss that is no longer finite
    +-- OutOfMemoryError     a painting that does not fit into the device's memory
    +-- InstallationError    a package that is missing or broken
    +-- UnavailableError     something over a network that cannot be reached for now
"""

from __future__ import annotations

from typing import Any

from engine.translatable import Translatable


def os_reason(error: OSError) -> str:
    """What the system says is wrong, to be put in a sentence: "no space left on device"."""
    reason = error.strerror or "it can't be accessed"
    return reason[0].lower() + reason[1:]


class EngineError(Exception):
    """The base class of all errors; its text can be shown to a person.

    Like a Translatable it has a template and the values of its {names}::

        RequestError("At most {most} prompts can be joined.", most=16)
    """

    def __init__(self, template: str = "", /, **values: object) -> None:
        self.message = Translatable(template, **values)
        super().__init__(self.message)

    @property
    def template(self) -> str:
        """The English text, with {names} for its ``values``."""
        return self.message.template

    @property
    def values(self) -> dict[str, Any]:
        """The values of the names in the template."""
        return self.message.values


class RequestError(EngineError):
    """A prompt, size, number or picture that cannot be painted."""


class OvertakenError(EngineError):
    """Another request of the same person was accepted while this one was checked."""


class ModelError(EngineError):
    """A model that cannot be used."""


class UnknownModelError(ModelError):
    """The catalogue has no model of that name."""


class MissingModelError(ModelError):
    """A model of the catalogue whose files are not on this machine."""


class CheckpointError(ModelError):
    """A file that is not a checkpoint of the expected format, or is incomplete."""

    @property
    def names_file(self) -> bool:
        """Whether the message has the file's ``path`` among its values."""
        return "path" in self.values


class DownloadError(ModelError):
    """A model that could not be downloaded, or whose file is not the expected one."""


class NumericalError(EngineError):
    """The loss is no longer finite; the Synthesis still has the state before it."""


class OutOfMemoryError(EngineError):
    """The painting does not fit into the device's memory, even with the least memory use."""


class InstallationError(EngineError):
    """A package that is missing, broken or not the expected one."""


class UnavailableError(EngineError):
    """Something over a network cannot be used for now; nothing was changed, so try again later."""
