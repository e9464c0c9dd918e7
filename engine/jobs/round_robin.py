"""Round robin over people by seconds of work; first come, first served within one person."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from engine.jobs.job import JobRecord

T = TypeVar("T")


@dataclass
class _Line(Generic[T]):
    """What one person waits for: items with their work in ms; and the ms saved up for the next."""

    items: deque[tuple[T, int]] = field(default_factory=deque)
    saved: int = 0


class RoundRobin(Generic[T]):
    """A queue with one line per person; the lines take turns.

    Deficit round robin (Shreedhar and Varghese 1996): at each turn a person saves up as much work
    as the smallest waiting item has, and is served if that is enough for their next one. So while
    several people wait, each gets as many seconds of work as the others, give or take one item:
    a job of 1,000 iterations waits until others had as many, in however many jobs. It waits for
    nobody if nobody else waits. With items of the same size it is plain round robin: between the
    push of the k-th item of a person's line (k from 0) and its pop, every other person is served
    at most k + 1 times.
    """

    def __init__(self) -> None:
        # In a dict's order, which is the order of turns; a new person comes last.
        self._lines: dict[str, _Line[T]] = {}
        self._order: list[tuple[int, int, str, T]] | None = None

    def push(self, person: str, item: T, seconds: float = 1.0) -> None:
        """Add ``item``, which takes ``seconds`` of work, to the end of the person's line."""
        work = max(1, round(seconds * 1000))
        self._lines.setdefault(person, _Line()).items.append((item, work))
        self._order = None

    def peek(self) -> T | None:
        """The item that :meth:`pop` would return."""
        order = self._in_order()
        return order[0][3] if order else None

    def pop(self) -> T | None:
        """Remove and return the next item; None if the queue is empty."""
        order = self._in_order()
        if not order:
            return None
        turns, place, person, item = order[0]
        step = self._step()
        for other, line in enumerate(self._lines.values()):
            line.saved += step * (turns if other <= place else turns - 1)
        chosen = self._lines[person]
        chosen.saved -= chosen.items.popleft()[1]
        # The next turn is that of the person after this one.
        people = list(self._lines)
        around = [*people[place + 1 :], *people[: place + 1]]
        self._lines = {each: self._lines[each] for each in around if self._lines[each].items}
        self._order = None
        return item

    def remove(self, person: str, item: T, *, served: bool = False) -> bool:
        """Remove ``item`` from the person's line; False if it is not there.

        If it is ``served`` out of turn, it counts as if it had been its turn.
        """
        line = self._lines.get(person)
        found = None if line is None else next((e for e in line.items if e[0] == item), None)
        if line is None or found is None:
            return False
        line.items.remove(found)
        line.saved -= found[1] if served else 0
        if not line.items:
            del self._lines[person]
        self._order = None
        return True

    def __iter__(self) -> Iterator[T]:
        """All items, in the order in which they are served if no more are added."""
        return iter([item for _turns, _place, _person, item in self._in_order()])

    def __len__(self) -> int:
        return sum(len(line.items) for line in self._lines.values())

    def _step(self) -> int:
        """What a person saves up at each turn, in ms of work."""
        return min(work for line in self._lines.values() for _, work in line.items)

    def _in_order(self) -> list[tuple[int, int, str, T]]:
        """(turns until then, place, person, item) of every item, the next one first."""
        if self._order is None:
            self._order = []
            step = self._step() if self._lines else 1
            for place, (person, line) in enumerate(self._lines.items()):
                turns, needed = 0, -line.saved
                for item, work in line.items:
                    needed += work
                    turns = max(turns + 1, -(-needed // step))
                    self._order.append((turns, place, person, item))
            self._order.sort(key=lambda each: each[:2])
        return self._order


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
