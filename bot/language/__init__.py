"""Translation with gettext: every text for Discord, in the reader's language.

English is the source; a text without a translation stays English. The catalogues are in
bot/locales; ``make texts`` updates them (see bot/locales/update.py).
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from bot.language.commands import with_links
from engine.translatable import Translatable

FOLDER = Path(__file__).parents[1] / "locales"
ENGLISH = "en"
LANGUAGES = (ENGLISH, "de")
AUTO = "auto"  # a server's setting: each member's own language
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


@cache  # syncing the commands asks some 10,000 times
def language_of(locale: str | None) -> str:
    """Return the language for Discord's locale, such as "de" or "en-GB"; English for others."""
    code = (locale or "").replace("_", "-")
    for candidate in (code, code.split("-", maxsplit=1)[0]):
        if candidate in LANGUAGES:
            return candidate
    return ENGLISH


def current_language() -> str:
    """Return the current language, one of LANGUAGES."""
    return _language.get()


@cache
def catalogue_of(language: str) -> gettext.NullTranslations:
    """Return the translations of one of LANGUAGES; English has none."""
    return gettext.translation("bot", FOLDER, [language], fallback=True)


@contextmanager
def using_language(locale: str | None) -> Iterator[None]:
    """Use the language of Discord's ``locale`` ("de", "pt-BR") while the context lasts."""
    token = _language.set(language_of(locale))
    try:
        yield
    finally:
        _language.reset(token)


def mark(text: str) -> str:
    """Return ``text`` unchanged, but add it to the catalogue: ``_`` translates it when used."""
    return text


def _(text: str, /, **values: object) -> str:
    """Return ``text`` in the current language, with its {names} replaced by ``values``.

    A value that is a Translatable is translated too.
    """
    # gettext returns the catalogue's header for an empty text.
    found = catalogue_of(_language.get()).gettext(text) if text else text
    return _filled_in(found, values)


def plural(one: str, many: str, number: float, /, **values: object) -> str:
    """Return ``one`` or ``many``, by ``number`` and language; {names} are replaced as in ``_``."""
    whole = int(number) if number == int(number) else 2
    found = catalogue_of(_language.get()).ngettext(one, many, whole)
    return _filled_in(found, {"number": number, **values})


def translated(text: str) -> str:
    """Translate a Translatable, such as an engine's message, or a plain text."""
    if isinstance(text, Translatable):
        return _(text.template, **text.values)
    return _(text)


def _filled_in(text: str, values: dict[str, object]) -> str:
    text = with_links(text)  # not the values, which may be people's words
    if not values:
        return text
    return text.format(
        **{
            name: translated(value) if isinstance(value, Translatable) else value
            for name, value in values.items()
        }
    )
