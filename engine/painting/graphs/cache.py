"""The recordings of a device: when they are made, how they prove themselves, how many are kept."""

from __future__ import annotations

import contextlib
import logging
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from engine.models.free_memory import give_back
from engine.models.memory import is_lost_device, is_memory_error
from engine.painting.graphs.keys import Key, key_of, networks_of
from engine.painting.graphs.slots import Iterated, Recordable, Slots
from engine.painting.graphs.stand_in import StandIn, iterate
from engine.painting.latent import Latent

AFTER = 3
"""Iterations of a kind that are done before one is recorded, as that costs about as many."""
MOST = 64
"""Recordings that are kept."""
FAILURES = 8
"""Kinds of iterations that could not be recorded, after which none is tried any more."""

_log = logging.getLogger(__name__)


class Recording(Protocol):
    """An iteration that was recorded."""

    def replay(self) -> None:
        """Do it again, with what the buffers have now."""


class Recorder(Protocol):
    """Records iterations of the same networks, no two of which are replayed at once."""

    @property
    def size(self) -> int:
        """The bytes of memory that its recordings hold."""

    def record(self, iterate: Callable[[], None]) -> Recording:
        """Record ``iterate``, which may be called a few times before; leaves buffers changed."""


class WrongRecordingError(Exception):
    """What was replayed is not what the same iteration gave otherwise."""


class Graph:
    """Iterations of one key: done, then recorded, then replayed."""

    def __init__(self, key: Key, graphs: Graphs) -> None:
        self.key = key
        self._graphs = graphs
        self._seen = 0
        self._slots: Slots | None = None
        self.recording: Recording | None = None
        # A recording has to prove itself with each painting, as it was made with another.
        self._proved: weakref.WeakSet[Recordable] = weakref.WeakSet()
        self._doubted: list[Latent] = []

    def replay(self, paintings: Sequence[Recordable]) -> Iterated | None:
        """Replay the next iteration of ``paintings``, if it is recorded and has proved itself.

        Their tensors are updated then; :meth:`Synthesis.replayed` has to note it. None if it has
        to be done otherwise; then :meth:`check` has to be called.
        """
        self._doubted, iterated = [], None
        with self._graphs.guarded(self):
            iterated = self._replayed(paintings)
        if iterated is not None and self._slots is not None:
            self._slots.store(paintings)
        return iterated

    def _replayed(self, paintings: Sequence[Recordable]) -> Iterated | None:
        if self.recording is None or self._slots is None:
            self._seen += 1
            if self._seen > AFTER:
                self._record(paintings)
            return None
        self._slots.load(paintings)
        self.recording.replay()
        self._slots.changed()
        if all(each in self._proved for each in paintings):
            return self._slots.iterated()
        self._doubted = [each.latent for each in paintings]
        return None

    def check(self, paintings: Sequence[Recordable], iterated: Iterated) -> None:
        """Compare what was replayed with what the same iteration gave otherwise, bit for bit."""
        doubted, self._doubted = self._doubted, []
        if [each.latent for each in paintings] != doubted or not all(iterated.finite):
            return
        with self._graphs.guarded(self):
            assert self._slots is not None
            if not self._slots.is_like(paintings, iterated):
                raise WrongRecordingError("a recorded iteration gave other numbers")
            self._proved.update(paintings)

    def _record(self, paintings: Sequence[Recordable]) -> None:
        slots = Slots(paintings)
        slots.load(paintings)

        def once() -> None:
            pairs = zip(paintings, slots.each, strict=True)
            slots.put(iterate([StandIn(painting, slot) for painting, slot in pairs]))

        recorder = self._graphs.recorder(self.key, paintings)
        self.recording, self._slots = recorder.record(once), slots
        self._graphs.keep_within_limit(self)


class Graphs:
    """The recordings of one device, in at most ``limit`` bytes; the longest unused go first.

    ``make_recorder`` is called once for the same networks. Whatever goes wrong with a kind of
    iteration, it is not tried again.
    """

    def __init__(self, make_recorder: Callable[[], Recorder], limit: int) -> None:
        self._make_recorder = make_recorder
        self._limit = limit
        self._graphs: OrderedDict[Key, Graph] = OrderedDict()
        self._recorders: dict[tuple[int, ...], Recorder] = {}
        self.refused: dict[Key, str] = {}  # and why
        self._given_up: Counter[Key] = Counter()
        self._failures = 0

    def of(self, paintings: Sequence[Recordable]) -> Graph | None:
        """The graph of the next iteration of ``paintings``; None if it is not to be recorded."""
        if self._failures >= FAILURES:
            return None
        key = key_of(paintings)
        if key is None or key in self.refused:
            return None
        graph = self._graphs.get(key)
        if graph is None:
            graph = self._graphs[key] = Graph(key, self)
            while len(self._graphs) > MOST:
                self._graphs.popitem(last=False)
                self._forget_unused_recorders()
        self._graphs.move_to_end(key)
        return graph

    def recorder(self, key: Key, paintings: Sequence[Recordable]) -> Recorder:
        """The recorder of these networks, which is forgotten with them."""
        if key.networks not in self._recorders:
            self._recorders[key.networks] = self._make_recorder()
            for network in networks_of(paintings[0]):
                weakref.finalize(network, self._forget, key.networks).atexit = False
        return self._recorders[key.networks]

    def keep_within_limit(self, newest: Graph) -> None:
        """Forget recordings until the rest is small enough; raises MemoryError if one is too large.

        Recordings of the same networks share their memory, so they are forgotten together.
        """
        while self._size() > self._limit:
            oldest = next(each for each in self._graphs.values() if each.recording is not None)
            if oldest is newest:
                raise MemoryError("a recorded iteration needs too much memory")
            self._forget(oldest.key.networks)
            if newest.recording is not None and newest.key not in self._graphs:
                return

    def make_room(self) -> bool:
        """Forget all recordings, the second time for good; whether there was one."""
        recorded = [key for key, each in self._graphs.items() if each.recording is not None]
        self._given_up.update(recorded)
        for key in recorded:
            if self._given_up[key] > 1:
                self.refused[key] = "memory ran out"
            self._forget(key.networks)
        return bool(recorded)

    @contextlib.contextmanager
    def guarded(self, graph: Graph) -> Iterator[None]:
        """Keep errors of ``graph`` from the paintings, unless the device itself is lost."""
        try:
            yield
        except Exception as error:
            if is_lost_device(error):
                raise
            self.refuse(graph, error)
            error.__traceback__ = None  # it keeps all tensors of the iteration in memory

    def refuse(self, graph: Graph, error: BaseException) -> None:
        """Record this kind of iteration no more, and say so the first time."""
        reason = f"{type(error).__name__}: {error}"
        self.refused[graph.key] = reason
        self._graphs.pop(graph.key, None)
        graph.recording = None
        self._forget_unused_recorders()
        if is_memory_error(error):
            self._forget(graph.key.networks)
            give_back()
        self._failures += not is_memory_error(error)
        _log.log(
            logging.WARNING if len(self.refused) == 1 else logging.DEBUG,
            "painting goes on without a CUDA graph: %s",
            reason,
        )

    def status(self) -> dict[str, Any]:
        """How many are recorded, in how many bytes, and why others are not."""
        recorded = [each for each in self._graphs.values() if each.recording is not None]
        return {
            "recorded": len(recorded),
            "bytes": self._size(),
            "refused": list(self.refused.values()),
        }

    def _size(self) -> int:
        return sum(each.size for each in self._recorders.values())

    def _forget_unused_recorders(self) -> None:
        """A pool of memory without recordings is gone, and can't be used for another."""
        used = {key.networks for key, each in self._graphs.items() if each.recording is not None}
        for networks in self._recorders.keys() - used:
            del self._recorders[networks]

    def _forget(self, networks: tuple[int, ...]) -> None:
        """Forget what was recorded with ``networks``, and free its memory."""
        self._recorders.pop(networks, None)
        for key in [key for key in self._graphs if key.networks == networks]:
            del self._graphs[key]
