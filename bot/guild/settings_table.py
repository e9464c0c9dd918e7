"""The table of a server's settings, as docs/settings.md has it, from the code's own definitions.

``python -m bot.guild.settings_table > docs/settings.md`` writes it anew.
"""

from __future__ import annotations

import sys

from pydantic import SecretStr

from bot.guild.blocked_words import MAX_ENTRIES, MAX_LENGTH
from bot.guild.concepts import MAX_CONCEPTS, THRESHOLD
from bot.guild.rules import SECTIONS, Definition
from bot.host.settings import (
    DeliverySettings,
    DiscordSettings,
    LimitSettings,
    PaintingSettings,
    PrivacySettings,
    Settings,
    TestSettings,
)

_HEAD = """\
# Settings of a server

Made by `python -m bot.guild.settings_table > docs/settings.md`; change the definitions in
`bot/guild/rules.py`, not this file.

Who has the right Manage Server sets them: `/config show` tells every value and where it is from
(the server, the host, built in), `/config set` and `/config reset` change one, `/config log` tells
who changed what. Channels, roles and words are lists, with commands of their own: `/config
channels`, `/config roles`, `/config words`, `/config concepts`. `/config export` makes a file of
what the server has set, and `/config import` takes one: what the file does not name is reset, and
another server's channels and roles are left out.

The host's limits bound what a server can set; ranges are given for a host who changed none. A
value that is beyond a limit which the host has lowered since counts as not set. In direct messages
the host's defaults hold. What a person names, in an option or a flag, wins over a default; what
nobody named is brought down to the maximum, where it would be above.
"""

_TAIL = f"""
## For whom they hold

Who may manage the server may ask in any channel and without any role: they could change the
setting. Blocked words, maxima, the numbers of jobs and the cooldown hold for them too.
A channel that is denied is denied even if it is allowed as well; threads follow their channel.
Of the daily number for everyone and those of one's roles the most generous counts. Jobs are
counted over the last 24 hours when they are taken; deleting a picture gives none back.

## Blocked words

Up to {MAX_ENTRIES} entries of up to {MAX_LENGTH} characters, which are looked for in prompts,
remixes, edits and inline flags. An entry is a word or a phrase, and is found where a word begins
and ends with it: "ass" is not in "class". Text and entries are folded alike: case, accents,
full-width and other fancy letters, letters of other alphabets that look like Latin ones, and
characters that cannot be seen. Letters are also found with punctuation between them (`b.a.d`,
`b-a-d`), alone with spaces between them (`b a d`), and with digits or signs in place of some
(`b4d`). In scripts without spaces between words an entry is found anywhere.

What follows `regex:` is an expression in [RE2's syntax](https://github.com/google/re2/wiki/Syntax),
without regard to case; it is looked for in the prompt as it was typed and as it was folded.

## Concepts

Up to {MAX_CONCEPTS} things that pictures may not show, each in a word or a few, with an action and
a threshold. Every finished picture of the server is scored for each by the model's own perceptor:
as CLIP classifies, the softmax of "a picture of ..." among neutral captions, at the scale that the
perceptor has learned (`engine/painting/concepts.py`). The score is from 0 to 1; {THRESHOLD:g}, the
threshold unless another is given, means that the concept is likelier than all neutral captions
together. From the threshold on, `warn` posts the picture with a note, `spoiler` posts it behind a
spoiler, and `withhold` does not post it, tells the person, and removes it; all three are in `/mod
log`. While a concept is to be withheld there are no previews in the server; with `spoiler` they are
hidden too. Where scoring fails, or the model knows no word of a concept, only `withhold` acts, on
every picture: what cannot be checked is not posted. `off` keeps an entry without using it.

The score says what CLIP sees in the whole picture, no more: it misses small things and mistakes
some for others, so try a threshold on your own pictures. It is meant for the published models: the
drawn one knows few words, and its scores tell little.
"""


def table() -> str:
    """The whole page, in Markdown."""
    host = Settings(
        discord=DiscordSettings.model_construct(token=SecretStr("")),
        painting=PaintingSettings.model_construct(), limits=LimitSettings.model_construct(),
        delivery=DeliverySettings.model_construct(), test=TestSettings.model_construct(),
        privacy=PrivacySettings.model_construct())
    parts = [_HEAD]
    for title, definitions in SECTIONS.items():
        parts.append(f"\n## {title[0].upper()}{title[1:]}\n\n"
                     "| name | what it is | default | from | range | set by | host's limit |\n"
                     "|---|---|---|---|---|---|---|\n")
        parts.extend(_row(definition, host) for definition in definitions)
    return "".join([*parts, _TAIL])


def _row(definition: Definition, host: Settings) -> str:
    default = definition.shown(definition.default(host))
    source = "built in" if definition.variable is None else f"`{definition.variable}`"
    limit = "" if definition.limit is None else f"`{definition.limit}`"
    return (f"| `{definition.name}` | {definition.about()} | {default} | {source} | "
            f"{definition.kind.range(host)} | Manage Server | {limit} |\n")


if __name__ == "__main__":
    sys.stdout.write(table())
