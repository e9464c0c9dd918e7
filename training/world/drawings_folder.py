"""Making a folder of drawings from Noto Emoji's pictures and emojilib's names.

Neither is part of this project. Noto Emoji (Apache-2.0) has a file for each emoji in ``png/128``,
named by its code points; emojilib (MIT) has ``dist/emoji-en-US.json``, with a list of words for
each emoji, its name first.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from training.world.things import DrawingsError

_VARIATION = 0xFE0F  # "show as a picture"; Noto's names omit it


def noto_name(emoji: str) -> str:
    """The name of Noto Emoji's file for an emoji."""
    points = [f"{ord(each):04x}" for each in emoji if ord(each) != _VARIATION]
    return f"emoji_u{'_'.join(points)}.png"


def make_folder(noto: Path, emojilib: Path, into: Path) -> int:
    """Copy every named picture into ``into``, list it, and return how many there are.

    ``noto`` is the folder of pictures, ``emojilib`` the file of names. Raises DrawingsError if the
    names cannot be read or none of the pictures is there.
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
            lines.append(
                json.dumps(
                    {
                        "file": picture.name,
                        "emoji": emoji,
                        "name": name.replace("_", " "),
                        "keywords": keywords,
                    },
                    ensure_ascii=False,
                )
            )
    if not lines:
        raise DrawingsError(f"{noto} has none of Noto Emoji's pictures; name its png/128.")
    (into / "emoji.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)
