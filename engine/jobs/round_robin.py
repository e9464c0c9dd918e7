"""Whose turn it is: round robin over people, first come first served within one person."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from engine.jobs.job import JobRecord

T = TypeVar("T")


class RoundRobin(Generic[T]):
    """A queue with one line a person; the lines take turns.

    A person joins the rotation at its end, with their first item that waits, and goes there
    again each time they are served. So, between an item's push as the k-th of its person's line
    (k from 0) and its pop, every other person is served at most k + 1 times, however much they
    ask for.
    """

    def __init__(self) -> None:
        # In a dict's order; deleting and setting again moves a person to the end.
        self._lines: dict[str, deque[T]] = {}

    def push(self, person: str, item: T) -> None:
        """``item`` goes to the end of the person's line."""
        self._lines.setdefault(person, deque()).append(item)

    def pop(self) -> T | None:
        """Take out what is next; None where nothing waits."""
        for person, line in self._lines.items():
            item = line.popleft()
            del self._lines[person]
            if line:
                self._lines[person] = line
            return item
        return None

    def remove(self, person: str, item: T) -> bool:
        """Take ``item`` out of the line; whether it was there."""
        line = self._lines.get(person)
        if line is None or item not in line:
            return False
        line.remove(item)
        if not line:
            del self._lines[person]
        return True

    def __iter__(self) -> Iterator[T]:
        """What waits, in the order of service if nothing is added."""
        lines = [tuple(line) for line in self._lines.values()]
        for turn in range(max((len(line) for line in lines), default=0)):
            yield from (line[turn] for line in lines if turn < len(line))

    def __len__(self) -> int:
        return sum(len(line) for line in self._lines.values())


def in_turn(records: Iterable[JobRecord]) -> list[JobRecord]:
    """Waiting jobs, oldest first, so that pushing them gives the rotation as it was.

    A person joined it with the oldest job that waits, or, where that one is older, when they
    were last served.
    """
    records = list(records)
    joined: dict[str, int] = {}
    for record in records:
        joined.setdefault(record.person, max(record.created_at, record.person_served_at or 0))
    return sorted(records, key=lambda record: joined[record.person])
