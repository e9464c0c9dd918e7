"""What the bot says, in the language of whoever reads it: gettext, one catalogue a language.

English is the source: a text that a catalogue lacks is said in English. The catalogues lie in
bot/locales; ``make texts`` brings them up to date (see bot/locales/update.py).
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from engine.translatable import Translatable

FOLDER = Path(__file__).parents[1] / "locales"
ENGLISH = "en"
LANGUAGES = (ENGLISH, "de")
AUTO = "auto"  # of a server's setting: each person's own
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


def language_of(locale: str | None) -> str:
    """The one of LANGUAGES for Discord's "de", "en-GB" or "pt-BR"; English for any other."""
    code = (locale or "").replace("_", "-")
    for candidate in (code, code.split("-", maxsplit=1)[0]):
        if candidate in LANGUAGES:
            return candidate
    return ENGLISH


def spoken() -> str:
    """The language spoken at present, one of LANGUAGES."""
    return _language.get()


@cache
def catalogue_of(language: str) -> gettext.NullTranslations:
    """The texts of one of LANGUAGES; English has none of its own."""
    return gettext.translation("bot", FOLDER, [language], fallback=True)


@contextmanager
def speaking(locale: str | None) -> Iterator[None]:
    """Within, texts are said in the language of ``locale``: Discord's code, as "de", "pt-BR"."""
    token = _language.set(language_of(locale))
    try:
        yield
    finally:
        _language.reset(token)


def mark(text: str) -> str:
    """``text`` itself, known to the catalogue: of a constant, to be said by ``_`` when used."""
    return text


def _(text: str, /, **values: object) -> str:
    """``text`` in the language spoken at present, its {names} filled in with ``values``.

    A value that is a Translatable is said in that language too.
    """
    # To gettext the empty text is the catalogue's own description.
    found = catalogue_of(_language.get()).gettext(text) if text else text
    return _filled_in(found, values)


def plural(one: str, many: str, number: float, /, **values: object) -> str:
    """``one`` or ``many``, as the language has it for {number}, filled in as by ``_``."""
    whole = int(number) if number == int(number) else 2
    found = catalogue_of(_language.get()).ngettext(one, many, whole)
    return _filled_in(found, {"number": number, **values})


def said(text: str) -> str:
    """A text of the engine's in the language spoken at present; any other text as it is."""
    if isinstance(text, Translatable):
        return _(text.template, **text.values)
    return _(text)


def _filled_in(text: str, values: dict[str, object]) -> str:
    if not values:
        return text
    return text.format(**{name: said(value) if isinstance(value, Translatable) else value
                          for name, value in values.items()})
