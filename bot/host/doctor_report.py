"""The doctor's report: a line for each check, and the number of problems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar

from pydantic_settings import BaseSettings

from bot.host.settings import readable_settings
from engine.errors import EngineError

Mark = Literal["ok", "note", "WRONG"]
Section = TypeVar("Section", bound=BaseSettings)


class Report:
    """Passes each line to ``say`` and counts the problems in ``wrong``."""

    def __init__(self, say: Callable[[str], None], env_file: Path | None) -> None:
        self._say = say
        self.wrong = 0
        self._found, self._sentences = readable_settings(env_file)

    def line(self, mark: Mark, what: str, text: str) -> None:
        """Report one line: the result, the check's name, and the text."""
        self.wrong += mark == "WRONG"
        one_line = " ".join(text.split())
        self._say(f"{mark:<5}  {what:<9}  {one_line}")

    def section(self, kind: type[Section]) -> Section | None:
        """Return a section of the settings; None if it is invalid, which is reported already."""
        found = self._found.get(kind)
        return found if isinstance(found, kind) else None

    def checking(self, what: str) -> _Checking:
        """Return a context manager that turns what a check raises into a line."""
        return _Checking(self, what)

    def settings(self) -> None:
        """Report each invalid setting, or that all of them are valid."""
        for sentence in self._sentences:
            self.line("WRONG", "settings", sentence)
        if not self._sentences:
            self.line("ok", "settings", "all are valid")


class _Checking:
    """Turns any exception into a line: in a broken setup, anything may fail."""

    def __init__(self, examination: Report, what: str) -> None:
        self._examination, self._what = examination, what

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        text = (
            str(error)
            if isinstance(error, EngineError)
            else (f"the check failed: {error} ({type(error).__name__})")
        )
        self._examination.line("WRONG", self._what, text)
        return True
