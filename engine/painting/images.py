"""Pictures as tensors and back, and the picture that shows what can change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageFilter, ImageOps

if TYPE_CHECKING:
    from torch import Tensor


_GROUND = (40, 44, 52)


def to_tensor(image: Image.Image, width: int, height: int) -> Tensor:
    """A picture, RGB or grey, as [1, C, height, width] in 0..1, cropped to fit the aspect."""
    import torch

    fitted = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    pixels = torch.frombuffer(bytearray(fitted.tobytes()), dtype=torch.uint8)
    return pixels.view(1, height, width, -1).permute(0, 3, 1, 2).float() / 255.0


def to_pil(pixels: Tensor) -> Image.Image:
    """Pixels [C, H, W] in 0..1 as an 8-bit picture: RGB, or grey for C = 1."""
    return sent(pixels)()


def sent(pixels: Tensor) -> Callable[[], Image.Image]:
    """What gives the picture of :func:`to_pil`, of pixels that begin to leave the device now.

    Nothing waits for a GPU before it is called, which another thread can do.
    """
    import torch

    from engine.painting.late import copy_aside

    numbers = (pixels.detach().clamp(0, 1) * 255).round().to(torch.uint8)
    (numbers,), wait = copy_aside([numbers.permute(1, 2, 0).squeeze(2).contiguous()])

    def picture() -> Image.Image:
        wait()
        return Image.fromarray(
            numbers.numpy() if numbers.device.type == "cpu" else numbers.cpu().numpy()
        )

    return picture


def side_by_side(large: Image.Image, *small: Image.Image) -> Image.Image:
    """``large``, and the ``small`` ones at half its width to the right of it, one below another."""
    width, gap = max(1, large.width // 2), max(2, large.width // 64)
    height = (large.height - gap * (len(small) - 1)) // max(1, len(small))
    sheet = Image.new("RGB", (large.width + gap + width, large.height), _GROUND)
    sheet.paste(large, (0, 0))
    for number, picture in enumerate(small):
        shown = ImageOps.contain(picture.convert("RGB"), (width, max(1, height)))
        sheet.paste(shown, (large.width + gap, number * (height + gap)))
    return sheet


def overlay(picture: Image.Image, white: Image.Image) -> Image.Image:
    """``picture`` with the area that can change, white in ``white``, in colour and outlined.

    The rest is greyed. Both have the same size; ``white`` is a grey picture.
    """
    hard = white.point(lambda value: 255 if value > 127 else 0)
    grey = Image.blend(
        picture.convert("L").convert("RGB"), Image.new("RGB", picture.size, _GROUND), 0.6
    )
    shown = Image.composite(picture, grey, hard)
    rim = ImageChops.subtract(hard.filter(ImageFilter.MaxFilter(3)), hard)
    shown.paste((255, 64, 129), mask=rim)
    return shown
