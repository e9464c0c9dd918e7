"""Files of pictures, made while the device goes on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

from engine.painting.late import copy_aside

Work = Callable[[], None]

THREADED = {"cuda"}
"""The types of devices next to which a thread makes them. A CPU has the work either way."""

_MOST = 8  # pieces of work that wait, each with a picture or a state in memory


class Encoder(Protocol):
    """Does pieces of work of one job, in order."""

    def submit(self, work: Work) -> None:
        """Do ``work``, now or soon. Raises the error of earlier work, if there is one."""

    def drain(self) -> None:
        """Wait until all of it is done. Raises its first error."""

    def close(self) -> None:
        """Wait until all of it is done, whether or not it succeeds; takes no more."""


def encoder_for(device: torch.device) -> Encoder:
    """What makes the files of a job that is painted on ``device``."""
    return EncoderThread() if device.type in THREADED else AtOnce()


def taken_aside(state: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """What gives ``state`` with its tensors on the CPU; they begin to leave the device now."""
    tensors = [each for each in tree_leaves(state) if isinstance(each, Tensor)]
    if not any(each.is_cuda for each in tensors):
        return lambda: state
    copies, wait = copy_aside(tensors)

    def arrived() -> dict[str, Any]:
        wait()
        coming = iter(copies)
        result: dict[str, Any] = tree_map_only(Tensor, lambda _: next(coming), state)
        return result

    return arrived


class AtOnce:
    """Does the work in the caller's thread."""

    def submit(self, work: Work) -> None:
        """See :class:`Encoder`."""
        work()

    def drain(self) -> None:
        """See :class:`Encoder`."""

    def close(self) -> None:
        """See :class:`Encoder`."""


class EncoderThread:
    """Does the work in a thread of its own. After an error it does no more."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Work | None] = queue.Queue(_MOST)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="encoder")
        self._thread.start()

    def submit(self, work: Work) -> None:
        """See :class:`Encoder`; waits while too much is waiting."""
        self._check()
        self._queue.put(work)

    def drain(self) -> None:
        """See :class:`Encoder`."""
        self._queue.join()
        self._check()

    def close(self) -> None:
        """See :class:`Encoder`."""
        self._queue.put(None)
        self._thread.join()

    def _check(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self) -> None:
        failed = False
        while (work := self._queue.get()) is not None:
            try:
                if not failed:
                    work()
            except BaseException as error:  # noqa: BLE001  the job's own thread raises it
                self._error, failed = error, True
            del work  # its picture is not needed while this waits
            self._queue.task_done()
