"""How loud a sound track is over its time, from a WAV file. Imported only where there is one."""

from __future__ import annotations

import io
import itertools
import wave

import numpy as np
import numpy.typing as npt

from engine.errors import RequestError
from engine.request.limits import MAX_LOUDNESS

MAX_SOUND_BYTES = 50_000_000
_TYPES = {1: "u1", 2: "<i2", 4: "<i4"}  # by bytes; of 3 there is no type


def read_loudness(data: bytes) -> tuple[float, ...]:
    """The loudness of a WAV file in up to 200 equal parts of its time, 0 to 1.

    Each is the root mean square of the part's samples in all channels, relative to the loudest
    part; a silent sound has zeros. Raises RequestError if ``data`` is not a WAV file with whole
    numbers of 8, 16, 24 or 32 bits, or has no sound.
    """
    if len(data) > MAX_SOUND_BYTES:
        raise RequestError(
            "The sound is larger than {most} MB; use a shorter one.", most=MAX_SOUND_BYTES // 10**6
        )
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width = file.getnchannels(), file.getsampwidth()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, ValueError, OverflowError):
        raise RequestError(
            "The sound can't be read; save it as a WAV file of 16 bits (PCM)."
        ) from None
    frame = channels * width
    count = len(frames) // frame
    if not count:
        raise RequestError("The sound is empty; use one that is longer.")
    bounds = np.linspace(0, count, min(MAX_LOUDNESS, count) + 1).astype(int)
    levels = [
        float(np.sqrt(np.mean(np.square(_samples(frames[low * frame : high * frame], width)))))
        for low, high in itertools.pairwise(bounds)
    ]
    most = max(levels)
    return tuple(round(level / most, 3) if most else 0.0 for level in levels)


def _samples(frames: bytes, width: int) -> npt.NDArray[np.float64]:
    """The numbers of all channels, in -1..1, of samples of ``width`` bytes."""
    if width == 3:
        parts = np.frombuffer(frames, "u1").reshape(-1, 3)
        whole = np.zeros((len(parts), 4), "u1")
        whole[:, 1:] = parts  # the highest bytes of 32 bits
        return whole.reshape(-1).view("<i4") / 2.0**31
    numbers = np.frombuffer(frames, _TYPES[width]).astype(np.float64)
    if width == 1:
        return (numbers - 128) / 128
    return numbers / 2.0 ** (8 * width - 1)
