"""Styles: the rules for their names and words, and which one a member's prompt gets."""

from __future__ import annotations

import re
from typing import Literal

from bot.errors import GoneError, LimitError, SettingError
from bot.guild.rules import Rules
from bot.language import _, plural
from bot.language.formatting import escape, one_line
from bot.requests.server_rules import check_concepts, check_words
from bot.requests.typed import typed_choices, typed_requests
from data.styles import Style, Styles

NAME_LENGTH, WORDS_LENGTH = 32, 300
MOST_OWN, MOST_SHARED = 25, 50
NO_STYLE = "none"
"""What is said instead of a name to have none."""
_NAME = re.compile(r"[^\W_][\w \-']*")


def style_name(text: str) -> str:
    """Return the name in its one form; raises SettingError if it can't be one."""
    name = _form(text)
    if len(name) > NAME_LENGTH or _NAME.fullmatch(name) is None or name == NO_STYLE:
        raise SettingError(
            _(
                "A style can't be called {name}. Use up to {most} letters, digits and spaces.",
                name=escape(text, NAME_LENGTH),
                most=NAME_LENGTH,
            )
        )
    return name


def _form(name: str) -> str:
    """A name as it is stored."""
    return one_line(name).lower()


def _missing(name: str) -> GoneError:
    return GoneError(
        _(
            "There's no style called {name} here. See /style list.",
            name=escape(name, NAME_LENGTH),
        )
    )


def check_style(words: str, rules: Rules, *, age_restricted: bool) -> None:
    """Raise BotError or EngineError if no prompt can have these words in this server.

    They can have weights and flags, but no choices.
    """
    if len(typed_choices(words)) > 1:
        raise SettingError(
            _("A style can't have choices in brackets. Put the brackets in double quotes.")
        )
    (request,) = typed_requests("a picture", style=words)
    check_words(request, rules)
    if not age_restricted:
        check_concepts(request, rules)


class OwnStyles:
    """What members do with styles; every method raises BotError, or StoreError."""

    def __init__(self, styles: Styles) -> None:
        self._styles = styles

    async def find(self, person: str, guild_id: str | None, name: str) -> Style:
        """Return the style of this name: the person's own, or else the server's."""
        found = await self._styles.find(person, guild_id, _form(name))
        if found is None:
            raise _missing(name)
        return found

    async def chosen_words(self, person: str, guild_id: str | None, name: str | None) -> str | None:
        """Return the words of the style ``name``; None without a name, and for NO_STYLE.

        For edits, which get no style that the person did not choose for them.
        """
        if name is None or _form(name) == NO_STYLE:
            return None
        return (await self.find(person, guild_id, name)).words

    async def words_for(self, person: str, guild_id: str | None, name: str | None) -> str | None:
        """Return the words that a prompt gets: of the style ``name``, or of the one in use.

        None if there is neither, or if it is NO_STYLE. A server's style that is in use counts only
        where there is one of its name.
        """
        if name is not None:
            return await self.chosen_words(person, guild_id, name)
        used = await self._styles.used_by(person)
        found = None if used is None else await self._styles.find(person, guild_id, used)
        return None if found is None else found.words

    async def use(self, person: str, guild_id: str | None, name: str | None) -> Style | None:
        """Add the style ``name`` to all of the person's prompts; none if it is None or NO_STYLE."""
        if name is None or _form(name) == NO_STYLE:
            await self._styles.use(person, None)
            return None
        found = await self.find(person, guild_id, name)
        await self._styles.use(person, found.name)
        return found

    async def add(self, person: str, name: str, words: str) -> None:
        """Keep a style of the person's."""
        if not await self._styles.add(person, name, words, MOST_OWN):
            raise LimitError(
                plural(
                    "You have {number} style, the maximum. Remove one with /style remove.",
                    "You have {number} styles, the maximum. Remove one with /style remove.",
                    MOST_OWN,
                )
            )

    async def share(
        self, guild_id: str, moderator: str, style: Style
    ) -> Literal["added", "changed"]:
        """Keep it as a style of the server's."""
        kept = await self._styles.share(guild_id, moderator, style.name, style.words, MOST_SHARED)
        if kept is None:
            raise LimitError(
                plural(
                    "This server has {number} style, the maximum. Remove one with /style remove.",
                    "This server has {number} styles, the maximum. Remove one with /style remove.",
                    MOST_SHARED,
                )
            )
        return kept

    async def remove(self, person: str, name: str) -> str:
        """Delete the person's style; return its name as it was stored."""
        if not await self._styles.remove(person, _form(name)):
            raise _missing(name)
        return _form(name)

    async def unshare(self, guild_id: str, name: str) -> str:
        """Delete the server's style; return its name as it was stored."""
        if not await self._styles.unshare(guild_id, _form(name)):
            raise _missing(name)
        return _form(name)

    async def names(self, person: str, guild_id: str | None) -> list[str]:
        """Return the names of the person's styles, then of the server's others."""
        own = await self._styles.of_person(person)
        shared = [] if guild_id is None else await self._styles.of_server(guild_id)
        return list(dict.fromkeys(style.name for style in (*own, *shared)))
