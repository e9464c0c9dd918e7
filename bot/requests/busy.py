"""The people whose data is being exported or deleted now; they can ask for nothing meanwhile."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from typing import Literal

from bot.errors import BusyError
from bot.language import _
from bot.language.formatting import from_now

# An export reads all rows and pictures of a person, a deletion rewrites them.
PAUSE_SECONDS = 300.0
Work = Literal["export", "forget"]


class BusyPeople:
    """Reserves a user for one export or deletion at a time, with a pause before the next one."""

    def __init__(self) -> None:
        self._people: set[str] = set()
        self._ended: dict[tuple[str, Work], float] = {}

    def check_pause(self, person: str, work: Work) -> None:
        """Raise BusyError if the same was done for the user a moment ago."""
        left = self._ended.get((person, work), -math.inf) + PAUSE_SECONDS - time.monotonic()
        if left > 0:
            raise BusyError(
                _("I did that a moment ago. You can ask again {when}.", when=from_now(left))
            )

    def ended(self, person: str, work: Work) -> None:
        """Begin the pause, after ``work`` was done completely."""
        now = time.monotonic()
        self._ended = {which: at for which, at in self._ended.items() if now - at < PAUSE_SECONDS}
        self._ended[person, work] = now

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
