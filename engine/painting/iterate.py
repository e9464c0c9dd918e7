"""A painting after some iterations, as callers see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL.Image import Resampling
from torch import Tensor

from engine.painting.images import sent, to_pil

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Iterate:
    """A painting after some iterations.

    ``image`` [3, H, W] in 0..1 is the picture after ``iteration`` updates (0: the start).
    ``read`` gives its :attr:`losses`. ``seconds`` is the time spent stepping so far; of steps
    together with other paintings, an equal share. ``shown_size`` (width, height) is set if the
    painting grows: so all are shown in one size. ``iterations`` is how many there are in all.
    """

    iteration: int
    image: Tensor
    read: Callable[[], dict[str, float]] = field(repr=False, compare=False)
    seconds: float
    compose: Callable[[Tensor], Image.Image] = field(default=to_pil, repr=False, compare=False)
    shown_size: tuple[int, int] | None = None
    iterations: int = 0

    @property
    def losses(self) -> dict[str, float]:
        """Its losses by prompt, with "total", and "structure", "regulariser" and so on if used.

        The last iterate repeats those of the one before. On a GPU this waits until the iteration
        is computed: to watch each one, :attr:`Synthesis.losses` has those of some iterations
        before, and waits for nothing. They can be not finite; the next step then goes back.
        """
        return self.read()

    def to_pil(self) -> Image.Image:
        """The picture as it was painted, an 8-bit RGB image."""
        return self.sent()()

    def sent(self) -> Callable[[], Image.Image]:
        """What gives :meth:`to_pil`; the pixels begin to leave the device now.

        So a GPU goes on meanwhile, if another thread calls it.
        """
        picture, size = sent(self.image), self.shown_size

        def shown() -> Image.Image:
            image = picture()
            if size is None or image.size == size:
                return image
            return image.resize(size, Resampling.BICUBIC)

        return shown

    def full_size(self) -> Image.Image:
        """The same, but an edit at the size of the picture that it edits. Takes up to seconds."""
        return self.compose(self.image)
