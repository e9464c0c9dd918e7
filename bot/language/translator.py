"""Descriptions of the commands, options and choices, from the catalogue that all texts are in.

Names stay as they are: what is written about /imagine anywhere holds for everyone.
"""

from __future__ import annotations

from discord import Locale
from discord.app_commands import (
    TranslationContextLocation,
    TranslationContextTypes,
    Translator,
    locale_str,
)

from bot.language import ENGLISH, catalogue_of, language_of
from engine.request.request import ImageRequest

DESCRIPTION_LENGTH = 100  # Discord's
TRANSLATED = (TranslationContextLocation.command_description,
              TranslationContextLocation.group_description,
              TranslationContextLocation.parameter_description)


def describe(field: str) -> str:
    """The description of a request's field, as a slash option has it in English."""
    text = ImageRequest.model_fields[field].description or field
    return text[:1].upper() + text[1:DESCRIPTION_LENGTH]


class CatalogueTranslator(Translator):
    """discord.py asks it for each description in each of Discord's languages at each sync."""

    async def translate(self, string: locale_str, locale: Locale,
                        context: TranslationContextTypes) -> str | None:
        """The description in that language; None where it is to stay English."""
        language = language_of(locale.value)
        if language == ENGLISH or context.location not in TRANSLATED:
            return None
        text = catalogue_of(language).gettext(string.message)
        return None if text == string.message else text[:DESCRIPTION_LENGTH]
