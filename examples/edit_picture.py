"""Edits a picture with words: all of it, or only the part that a mask leaves open.

    python examples/edit_picture.py beach.png "a beach covered in snow" snow.png
    python examples/edit_picture.py beach.png "a red boat" boat.png mask.png

The edit has the size of the original. White or transparent areas of the mask can change; the rest
of the picture comes back as it was.
An arrow says what to replace: "foggy sky -> clear sky".
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from engine import EngineError, imagine


def main(original: Path, prompt: str, file: Path, mask: Path | None = None) -> None:
    """Write the edited ``original`` into ``file``."""
    if mask is None:
        # strength: 0 keeps the original, 1 ignores it.
        iterates = imagine(prompt, init_image=original, strength=0.6)
    else:
        # A request names a mask by the SHA-256 of its file; the bytes travel next to it.
        data = mask.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        iterates = imagine(prompt, init_image=original, mask=digest, pictures={digest: data})
    for iterate in iterates:
        print(f"iteration {iterate.iteration}")
    iterate.full_size().save(file)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), *map(Path, sys.argv[4:5]))
    except EngineError as error:
        sys.exit(str(error))
