# ruff: noqa: RUF001  what looks like another letter is what this file is about
"""Letters that look like Latin ones, or hold one, and that Unicode's own forms leave alone.

Small letters alone: what they are laid over has been casefolded.
"""

from __future__ import annotations

_PAIRS = (
    # Latin with a stroke or hook, phonetic letters, small capitals.
    "øołlđdħhıiŧtðdŋnɑaɡgɩiɪiʟlʀrʏyʙbɢgʜhɴnᴀaᴄcᴅdᴇeꜰfᴊjᴋkᴍmᴏoᴘpꜱsᴛtᴜuᴠvᴡwᴢz"
    # Cyrillic.
    "аaеeоoрpсcхxуyіiѕsјjкkмmтtвbнhԁdԛqԝwӏlһh"
    # Greek.
    "αaοoεeιiκkνvρpτtυuχxγy")
LOOK_ALIKES: dict[int, str] = {
    **{ord(a): b for a, b in zip(_PAIRS[::2], _PAIRS[1::2], strict=True)},
    ord("æ"): "ae", ord("œ"): "oe", ord("þ"): "th"}
# Signs that hold a letter: negative circled, negative squared, regional indicators.
for _first in (0x1F150, 0x1F170, 0x1F1E6):
    LOOK_ALIKES.update({_first + i: chr(ord("a") + i) for i in range(26)})
