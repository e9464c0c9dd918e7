"""Round robin over people; first come, first served within one person."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from engine.jobs.job import JobRecord

T = TypeVar("T")


class RoundRobin(Generic[T]):
    """A queue with one line per person; the lines take turns.

    A person joins the end of the rotation with their first waiting item and returns to the end
    each time they are served. So between the push of the k-th item of a person's line (k from 0)
    and its pop, every other person is served at most k + 1 times, however many items they have.
    """

    def __init__(self) -> None:
        # In a dict's order; deleting and setting again moves a person to the end.
        self._lines: dict[str, deque[T]] = {}

    def push(self, person: str, item: T) -> None:
        """Add ``item`` to the end of the person's line."""
        self._lines.setdefault(person, deque()).append(item)

    def pop(self) -> T | None:
        """Remove and return the next item; None if the queue is empty."""
        for person, line in self._lines.items():
            item = line.popleft()
            del self._lines[person]
            if line:
                self._lines[person] = line
            return item
        return None

    def remove(self, person: str, item: T) -> bool:
        """Remove ``item`` from the person's line; False if it is not there."""
        line = self._lines.get(person)
        if line is None or item not in line:
            return False
        line.remove(item)
        if not line:
            del self._lines[person]
        return True

    def __iter__(self) -> Iterator[T]:
        """All items, in the order in which they are served if no more are added."""
        lines = [tuple(line) for line in self._lines.values()]
        for turn in range(max((len(line) for line in lines), default=0)):
            yield from (line[turn] for line in lines if turn < len(line))

    def __len__(self) -> int:
        return sum(len(line) for line in self._lines.values())


def in_turn(records: Iterable[JobRecord]) -> list[JobRecord]:
    """Waiting jobs in the order in which pushing them restores the rotation.

    A person's place in it dates from their oldest waiting job or from when they were last served,
    whichever is later. ``records`` are oldest first.
    """
    records = list(records)
    joined: dict[str, int] = {}
    for record in records:
        joined.setdefault(record.person, max(record.created_at, record.person_served_at or 0))
    return sorted(records, key=lambda record: joined[record.person])
