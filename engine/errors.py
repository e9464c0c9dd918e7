"""Everything the engine raises on purpose.

Each message is a sentence for the person who caused it, and says what to change::

    EngineError
    +-- RequestError         a prompt, size, number or picture that cannot be painted
    +-- ModelError           a model that cannot be used
    |   +-- UnknownModelError    no model of that name in the catalogue
    |   +-- MissingModelError    known, but not on this machine yet
    |   +-- CheckpointError      a file that is no checkpoint of the format it should be
    |   +-- DownloadError        a model that could not be fetched whole
    +-- NumericalError       the optimisation left the finite numbers
    +-- OutOfMemoryError     the painting does not fit into the device's memory
    +-- InstallationError    a package that is not installed as it should be
"""

from __future__ import annotations

from typing import Any

from engine.translatable import Translatable


def os_reason(error: OSError) -> str:
    """What the system says is wrong, to be put in a sentence: "no space left on device"."""
    reason = error.strerror or "it can't be accessed"
    return reason[0].lower() + reason[1:]


class EngineError(Exception):
    """The root of the tree; its text may be shown to a person as it is.

    It is made of a template and the values of its {names}, as a Translatable is::

        RequestError("At most {most} prompts can be added.", most=16)
    """

    def __init__(self, template: str = "", /, **values: object) -> None:
        self.message = Translatable(template, **values)
        super().__init__(self.message)

    @property
    def template(self) -> str:
        """The English text, with {names} in it where there are ``values``."""
        return self.message.template

    @property
    def values(self) -> dict[str, Any]:
        """What the names in the template stand for."""
        return self.message.values


class RequestError(EngineError):
    """A prompt, size, number or picture that cannot be painted."""


class ModelError(EngineError):
    """A model that cannot be used."""


class UnknownModelError(ModelError):
    """No model of that name in the catalogue."""


class MissingModelError(ModelError):
    """A model of the catalogue whose files are not on this machine yet."""


class CheckpointError(ModelError):
    """A file that is not a checkpoint of the format it should be, or only half of one."""


class DownloadError(ModelError):
    """A model that could not be fetched whole, or is not what the catalogue says it is."""


class NumericalError(EngineError):
    """The optimisation left the finite numbers; the last finite state is still in the object."""


class OutOfMemoryError(EngineError):
    """The painting does not fit into the device's memory, whatever is spared."""


class InstallationError(EngineError):
    """A package that is missing or is not the one it should be."""
