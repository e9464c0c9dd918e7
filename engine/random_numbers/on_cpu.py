"""Random numbers on a CPU, by numpy in blocks that stay in the processor's cache.

One thread takes about as long as torch.randn does with any number (``bench.random_numbers``).
The numbers are bit-equal to those of ``on_device.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from engine.random_numbers.elements import TILE, Floats, Job, tables
from engine.random_numbers.philox import MASK, MULTIPLIERS, ROUNDS, STEPS
from engine.random_numbers.streams import Stream

Words = npt.NDArray[np.uint64]
_UNIT = np.float32(2**-24)


def philox_into(
    words: tuple[Words, Words, Words, Words], seed: int, spare: tuple[Words, Words]
) -> None:
    """Replace counters, as four arrays of ``words``, by their random words (see ``philox.py``).

    ``spare`` are two arrays of the same shape. ``seed`` is the key.
    """
    (a, b, c, d), (p, q) = words, spare
    first, second = seed & MASK, seed >> 32 & MASK
    half, mask = np.uint64(32), np.uint64(MASK)
    one, other = (np.uint64(each) for each in MULTIPLIERS)
    for _ in range(ROUNDS):
        np.multiply(a, one, out=p)
        np.multiply(c, other, out=q)
        np.right_shift(q, half, out=a)
        np.bitwise_xor(a, b, out=a)
        np.bitwise_xor(a, np.uint64(first), out=a)
        np.bitwise_and(q, mask, out=b)
        np.right_shift(p, half, out=c)
        np.bitwise_xor(c, d, out=c)
        np.bitwise_xor(c, np.uint64(second), out=c)
        np.bitwise_and(p, mask, out=d)
        first, second = (first + STEPS[0]) & MASK, (second + STEPS[1]) & MASK


def uniforms(job: Job, blocks: Words, streams: Words) -> Floats:
    """The first uniform number of each of the ``blocks`` [N] of ``streams`` [N]."""
    scratch = _Scratch(len(blocks))
    words = scratch.fill(job, blocks, streams)
    return _unit(words[0], np.empty(len(blocks), np.float32))


def uniform(job: Job, stream: Stream, count: int) -> Floats:
    """``count`` uniform numbers."""
    out = np.empty(count, np.float32)
    for word, at in _words(job, stream, count, 1):
        _unit(word, out[at : at + TILE])
    return out


def integers(job: Job, stream: Stream, high: int, count: int) -> npt.NDArray[np.int64]:
    """``count`` integers below ``high``, which is at most 2^31."""
    out = np.empty(count, np.int64)
    for word, at in _words(job, stream, count, 1):
        target = out[at : at + TILE]
        target[...] = word[: len(target)] * np.uint64(high) >> np.uint64(32)
    return out


def normal(job: Job, stream: Stream, count: int) -> Floats:
    """``count`` normal numbers."""
    out = np.empty(count, np.float32)
    radius, cosine, sine = tables()
    factor = np.empty(min(TILE, count), np.float32)
    for word, at in _words(job, stream, count, 2):
        high = (word >> np.uint64(16)).view(np.int64)
        low = np.bitwise_and(word, np.uint64(0xFFFF), out=word).view(np.int64)
        # Without a mode other than "raise", take makes a copy of what it writes.
        np.take(radius, high, out=factor[: len(high)], mode="clip")
        for start, table in ((at, cosine), (at + TILE, sine)):
            target = out[start : start + TILE]
            np.take(table, low[: len(target)], out=target, mode="clip")
            target *= factor[: len(target)]
    return out


def _unit(word: Words, out: Floats) -> Floats:
    out[...] = word[: len(out)] >> np.uint64(8)
    out *= _UNIT
    return out


def _words(job: Job, stream: Stream, count: int, values: int) -> Iterator[tuple[Words, int]]:
    """The words of ``count`` elements, ``values`` from each word, TILE or fewer at a time.

    With each come the index of the first element that they give, and they last until the next.
    """
    run = 4 * values * TILE
    scratch = _Scratch(min(TILE, count))
    for first in range(0, count, run):
        start = first // run * TILE
        blocks = np.arange(start, start + min(TILE, count - first), dtype=np.uint64)
        for place, word in enumerate(scratch.fill(job, blocks, np.uint64(stream))):
            at = first + place * values * TILE
            if at < count:
                yield word, at


class _Scratch:
    """Arrays that are used again for each tile."""

    def __init__(self, length: int) -> None:
        self._arrays = np.empty((6, length), np.uint64)

    def fill(
        self, job: Job, blocks: Words, streams: Words | np.uint64
    ) -> tuple[Words, Words, Words, Words]:
        """The words of ``blocks`` [N]."""
        a, b, c, d, p, q = self._arrays[:, : len(blocks)]
        a[...], b[...] = blocks, streams
        c[...], d[...] = job.iteration & MASK, job.attempt & MASK
        words = a, b, c, d
        philox_into(words, job.seed, (p, q))
        return words
