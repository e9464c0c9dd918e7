# ruff: noqa: RUF001  look-alike letters are the subject of this file
"""Letters that look like Latin letters, or contain one, and that Unicode does not decompose.

Only lower-case letters: the table is used on text whose case is folded.
"""

from __future__ import annotations

_PAIRS = (
    # Latin with a stroke or hook, phonetic letters, small capitals.
    "øołlđdħhıiŧtðdŋnɑaɡgɩiɪiʟlʀrʏyʙbɢgʜhɴnᴀaᴄcᴅdᴇeꜰfᴊjᴋkᴍmᴏoᴘpꜱsᴛtᴜuᴠvᴡwᴢz"
    # Cyrillic.
    "аaеeоoрpсcхxуyіiѕsјjкkмmтtвbнhԁdԛqԝwӏlһh"
    # Greek.
    "αaοoεeιiκkνvρpτtυuχxγy"
)
LOOK_ALIKES: dict[int, str] = {
    **{ord(a): b for a, b in zip(_PAIRS[::2], _PAIRS[1::2], strict=True)},
    ord("æ"): "ae",
    ord("œ"): "oe",
    ord("þ"): "th",
}
# Signs that contain a letter: negative circled, negative squared, regional indicators.
for _first in (0x1F150, 0x1F170, 0x1F1E6):
    LOOK_ALIKES.update({_first + i: chr(ord("a") + i) for i in range(26)})
