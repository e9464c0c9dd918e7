"""The people whose data is being exported or deleted now; they can ask for nothing meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from bot.errors import BusyError
from bot.language import _


class BusyPeople:
    """Reserves a user for one export or deletion at a time."""

    def __init__(self) -> None:
        self._people: set[str] = set()

    def check(self, person: str) -> None:
        """Raise BusyError while the user's data is being exported or deleted."""
        if person in self._people:
            raise BusyError(_("I'm still exporting or deleting your data. Try again in a minute."))

    @contextlib.contextmanager
    def turn(self, person: str) -> Iterator[None]:
        """Reserve the user while the context lasts; raises BusyError if reserved already."""
        self.check(person)
        self._people.add(person)
        try:
            yield
        finally:
            self._people.discard(person)
