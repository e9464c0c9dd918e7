"""Time-lapses: the iterates of a painting as an mp4, an animated GIF or an animated WebP."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.errors import RequestError

FORMATS = (".mp4", ".gif", ".webp")
GROWING_SECONDS = 8
HELD_SECONDS = 2
_MAX_RATES = {".mp4": 25, ".gif": 10, ".webp": 10}  # frames per second
_MIN_RATE = 5
POSTABLE = 10_000_000  # bytes, a little less than Discord's limit for everyone
# Sides in pixels and WebP's quality, from the best on. Pillow keeps all frames in memory; those of
# the last fit into POSTABLE even if nothing could be compressed.
_SIZES = ((512, 85), (512, 65), (384, 65), (256, 65), (256, 40), (192, 40), (128, 40))
_BT601 = 5  # the matrix from RGB to YUV; players guess it by the height if the file lacks it
_TV_RANGE = 1


class _Writer(Protocol):
    def add(self, image: Image.Image) -> None: ...

    def finish(self, held: int) -> None: ...

    def abandon(self) -> None: ...


class TimeLapse:
    """A video of up to 8 seconds that holds its last picture for 2 more.

    ``wants`` chooses evenly spaced iterates as its frames, of multiples of ``unit`` if the camera
    moves after so many. An mp4 (H.264, yuv420p) is encoded frame by frame, not kept in memory; odd
    sides get one more row or column, as yuv420p needs even ones. GIF and WebP repeat; they have at
    most 512 px per side, or fewer where ``max_bytes`` needs it. The file at ``path`` is opened at
    once and complete after ``finish``; ``abandon`` closes it if the painting fails. ``ending`` is
    one of FORMATS. Raises RequestError for another, OSError if the file cannot be written::

        video = TimeLapse(path, ".mp4", iterations=400)
        for iterate in imagine("a fox", iterations=400):
            if video.wants(iterate.iteration):
                video.add(iterate.to_pil())
        video.finish()
    """

    def __init__(
        self,
        path: Path,
        ending: str,
        iterations: int,
        unit: int = 1,
        max_bytes: int = POSTABLE,
    ) -> None:
        if ending not in FORMATS:
            raise RequestError(
                'A time-lapse can\'t be written as "{ending}"; use a name that '
                "ends in {endings} or {last}.",
                ending=ending,
                endings=", ".join(FORMATS[:-1]),
                last=FORMATS[-1],
            )
        most = _MAX_RATES[ending] * GROWING_SECONDS
        self.every = unit * math.ceil((iterations // unit + 1) / most)
        frames = math.ceil((iterations + 1) / self.every)
        self.rate = min(_MAX_RATES[ending], max(_MIN_RATE, math.ceil(frames / GROWING_SECONDS)))
        self._last: Image.Image | None = None
        path.touch()  # fails now, not after the painting
        self._writer: _Writer = (
            _Mp4(path, self.rate)
            if ending == ".mp4"
            else _Animation(path, ending, self.rate, max_bytes)
        )

    def wants(self, iteration: int) -> bool:
        """Whether the iterate with this number is one of the frames."""
        return iteration % self.every == 0

    def add(self, image: Image.Image) -> None:
        """Append a frame, in RGB and of the same size as the others."""
        if self._last is not None:
            self._writer.add(self._last)
        self._last = image

    def finish(self, last: Image.Image | None = None) -> None:
        """Append ``last`` if given, hold the last frame, and close the file."""
        if last is not None:
            self.add(last)
        if self._last is None:
            raise RequestError("A time-lapse needs at least one picture.")
        self._writer.add(self._last)
        self._writer.finish(held=self.rate * HELD_SECONDS)

    def abandon(self) -> None:
        """Close the file as it is. Safe to call twice, or after ``finish``."""
        self._writer.abandon()


class _Mp4:
    def __init__(self, path: Path, rate: int) -> None:
        # With the index in front, web players start before they have the whole file.
        self.container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self.stream = self.container.add_stream(
            "libx264", rate=Fraction(rate), options={"crf": "18"}
        )
        self.started = False
        self.last: npt.NDArray[np.uint8] | None = None

    def add(self, image: Image.Image) -> None:
        pixels = np.asarray(image.convert("RGB"))
        height, width = pixels.shape[:2]
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if not self.started:
            self.started = True
            self.stream.height, self.stream.width = pixels.shape[:2]
            self.stream.pix_fmt = "yuv420p"
            context = self.stream.codec_context
            context.colorspace, context.color_range = _BT601, _TV_RANGE
        self.last = pixels
        self._encode(pixels)

    def _encode(self, pixels: npt.NDArray[np.uint8]) -> None:
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=_BT601, dst_color_range=_TV_RANGE
        )
        self.container.mux(self.stream.encode(frame))

    def finish(self, held: int) -> None:
        assert self.last is not None
        for _ in range(held):
            self._encode(self.last)
        self.container.mux(self.stream.encode())
        self.container.close()

    def abandon(self) -> None:
        self.container.close()


class _Animation:
    def __init__(self, path: Path, ending: str, rate: int, max_bytes: int) -> None:
        self.path, self.rate, self.max_bytes = path, rate, max_bytes
        self.format = ending.removeprefix(".").upper()
        self.frames: list[Image.Image] = []

    def add(self, image: Image.Image) -> None:
        frame = image.convert("RGB")
        frame.thumbnail((_SIZES[0][0], _SIZES[0][0]))
        self.frames.append(frame)

    def finish(self, held: int) -> None:
        frame = 1000 // self.rate
        durations = [frame] * (len(self.frames) - 1) + [frame * (held + 1)]
        for side, quality in _SIZES:
            for image in self.frames:
                image.thumbnail((side, side))
            first, *others = self.frames
            first.save(
                self.path,
                self.format,
                save_all=True,
                append_images=others,
                duration=durations,
                loop=0,
                **({"quality": quality} if self.format == "WEBP" else {}),
            )
            if self.path.stat().st_size <= self.max_bytes:
                return

    def abandon(self) -> None:
        self.frames.clear()
