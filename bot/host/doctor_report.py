"""What the doctor found: a line for each thing, and how many are wrong."""

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


class Examination:
    """Collects lines; ``say`` prints one."""

    def __init__(self, say: Callable[[str], None], env_file: Path | None) -> None:
        self._say = say
        self.wrong = 0
        self._found, self._sentences = readable_settings(env_file)

    def line(self, mark: Mark, what: str, text: str) -> None:
        """One line: how it is, with what, and what to do."""
        self.wrong += mark == "WRONG"
        one_line = " ".join(text.split())
        self._say(f"{mark:<5}  {what:<9}  {one_line}")

    def section(self, kind: type[Section]) -> Section | None:
        """A section of the settings; None where it cannot be read, which was said."""
        found = self._found.get(kind)
        return found if isinstance(found, kind) else None

    def checking(self, what: str) -> _Checking:
        """Around a check: what it raises becomes a line."""
        return _Checking(self, what)

    def settings(self) -> None:
        """Whether all can be read."""
        for sentence in self._sentences:
            self.line("WRONG", "settings", sentence)
        if not self._sentences:
            self.line("ok", "settings", "all can be read")


class _Checking:
    """Anything may be broken in a broken set-up; whatever a check raises becomes a line."""

    def __init__(self, examination: Examination, what: str) -> None:
        self._examination, self._what = examination, what

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        text = str(error) if isinstance(error, EngineError) else (
            f"cannot be checked: {error} ({type(error).__name__})")
        self._examination.line("WRONG", self._what, text)
        return True
