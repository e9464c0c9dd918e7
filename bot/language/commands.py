"""Names of commands as links that open them in Discord: ``</imagine:123>``, by their ids.

Only our own texts are linked, before people's words are filled in. Texts stay as they are while the
ids are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_LINK = re.compile(r"<(?P<name>/[^:<>]+):\d+>")


class _Commands:
    """The commands of this process's bot: Discord's ids by full name, like "mod log"."""

    def __init__(self) -> None:
        self.ids: Mapping[str, int] = {}
        self.pattern = re.compile(r"(?!)")


_known = _Commands()


def know_commands(ids: Mapping[str, int]) -> None:
    """Link these commands in all texts from now on; a subcommand has the id of its command."""
    names = "|".join(re.escape(name) for name in sorted(ids, key=len, reverse=True))
    _known.ids = dict(ids)
    _known.pattern = re.compile(rf"(?<![\w/<`])/(?P<name>{names or '(?!)'})(?![\w/-])")


def command_link(name: str) -> str:
    """Return the link of a command like "mod log", for filling in; "/mod log" without an id."""
    return with_links(f"/{name}")


def with_links(text: str) -> str:
    """Return one of our own texts with its commands as links."""
    if "/" not in text:
        return text
    return _known.pattern.sub(lambda found: f"</{found['name']}:{_known.ids[found['name']]}>", text)


def without_links(text: str) -> str:
    """Return the text for places that do not show links, such as the log."""
    return _LINK.sub(r"\g<name>", text)
