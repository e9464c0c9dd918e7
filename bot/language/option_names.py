"""The names of slash options in other languages, as Discord shows them while somebody types.

Names of commands stay, so that documentation about /imagine holds for everyone. Discord allows
lower-case letters, digits, hyphens and underscores, 32 at most; a missing name stays English.
"""

from __future__ import annotations

# Not in the catalogue: these are no sentences, and must be unique within a command.
OPTION_NAMES = {
    "de": {
        "a_day": "pro_tag",
        "action": "aktion",
        "aspect": "seitenverhältnis",
        "channel": "kanal",
        "concept": "konzept",
        "duration": "dauer",
        "file": "datei",
        "forms": "formen",
        "image": "bild",
        **{f"image_{number}": f"bild_{number}" for number in range(2, 6)},
        "init_image": "startbild",
        "iterations": "schritte",
        "job": "auftrag",
        "jobs": "bilder",
        "keep": "behalten",
        "kind": "art",
        "like": "wie",
        "like_2": "wie_2",
        "like_3": "wie_3",
        "like_weight": "wie_gewicht",
        "loop": "schleife",
        "mask": "maske",
        "model": "modell",
        "order": "reihenfolge",
        "page": "seite",
        "palette": "palette",
        "person": "mitglied",
        "picture": "bild",
        "preset": "vorlage",
        "private": "privat",
        "reason": "grund",
        "region": "bereich",
        "region_2": "bereich_2",
        "right": "recht",
        "role": "rolle",
        "since": "seit",
        "size": "größe",
        "sound": "ton",
        "strength": "stärke",
        "style": "stil",
        "threshold": "schwelle",
        "value": "wert",
        "waiting": "wartend",
        "weight": "gewicht",
        **{f"weight_{number}": f"gewicht_{number}" for number in range(2, 6)},
        "where": "wo",
        "word": "wort",
        "words": "wörter",
    }
}
