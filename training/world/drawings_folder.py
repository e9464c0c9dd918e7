"""A folder of drawings out of Noto Emoji's pictures and emojilib's names.

Neither is part of this project. Noto Emoji (Apache-2.0) has its pictures in ``png/128``, a file for
each emoji with its code points in the name; emojilib (MIT) has ``dist/emoji-en-US.json``, for each
emoji a list of words of which the first is its name.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from training.world.things import DrawingsError

_VARIATION = 0xFE0F  # "as a picture", which Noto's names leave out


def noto_name(emoji: str) -> str:
    """The file that Noto Emoji has for an emoji."""
    points = [f"{ord(each):04x}" for each in emoji if ord(each) != _VARIATION]
    return f"emoji_u{'_'.join(points)}.png"


def make_folder(noto: Path, emojilib: Path, into: Path) -> int:
    """Copy every named picture into ``into`` and list it; how many there are.

    ``noto`` is the folder of pictures, ``emojilib`` the file of names. Raises DrawingsError where
    they are not what they should be.
    """
    try:
        words: dict[str, list[str]] = json.loads(emojilib.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DrawingsError(f"{emojilib} cannot be read as emojilib's names: {error}") from error
    into.mkdir(parents=True, exist_ok=True)
    lines = []
    for emoji, (name, *keywords) in words.items():
        picture = noto / noto_name(emoji)
        if picture.is_file():
            shutil.copyfile(picture, into / picture.name)
            lines.append(json.dumps({"file": picture.name, "emoji": emoji,
                                     "name": name.replace("_", " "), "keywords": keywords},
                                    ensure_ascii=False))
    if not lines:
        raise DrawingsError(f"{noto} has none of Noto Emoji's pictures; name its png/128.")
    (into / "emoji.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)
