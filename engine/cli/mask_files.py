"""The pictures of --show-mask: how the mask of an edit was made, a file for each step."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.output_files import MASK_STEPS, write_bytes
from engine.errors import EngineError, RequestError, os_reason
from engine.request.request import ImageRequest

if TYPE_CHECKING:
    from PIL import Image


def check_have_masks(requests: Sequence[ImageRequest]) -> None:
    """Raise RequestError if one of the requests has no mask that could be shown."""
    if any(request.mask is None and request.where is None for request in requests):
        raise RequestError(
            "--show-mask needs a mask: name the part to edit with --where, or add --mask."
        )


def write_mask_steps(steps: Mapping[str, Image.Image], folder: Path) -> list[str]:
    """Write ``steps``, with keys of MASK_STEPS, into ``folder``, and return their paths.

    The folder is made if it is missing; files of an earlier command are replaced. Raises
    EngineError.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise EngineError(f"{folder} can't be made: {os_reason(error)}.") from None
    written = []
    for name, picture in steps.items():
        file = io.BytesIO()
        picture.save(file, "PNG")
        path = folder / MASK_STEPS[name]
        written.append(str(write_bytes(path, file.getvalue(), "The mask")))
    return written
