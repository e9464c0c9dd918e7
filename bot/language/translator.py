"""Translations of the descriptions of commands and options, and of the names of options.

Names of commands are not translated, so that documentation about /imagine holds for everyone.
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
from bot.language.option_names import OPTION_NAMES
from engine.request.request import ImageRequest

DESCRIPTION_LENGTH = 100  # Discord's limit
TRANSLATED = (
    TranslationContextLocation.command_description,
    TranslationContextLocation.group_description,
    TranslationContextLocation.parameter_description,
)


def field_description(field: str) -> str:
    """Return the English description of a request's field, for a slash option."""
    text = ImageRequest.model_fields[field].description or field
    return text[:1].upper() + text[1:DESCRIPTION_LENGTH]


def described(template: str, **values: str) -> locale_str:
    """Return an option's description with ``values`` in its {names}, to be translated."""
    return locale_str(template.format(**values), template=template, values=values)


class CatalogueTranslator(Translator):
    """Translates descriptions and names of options when the commands are synced."""

    async def translate(
        self, string: locale_str, locale: Locale, context: TranslationContextTypes
    ) -> str | None:
        """Return the text in that language; None to keep the English one."""
        language = language_of(locale.value)
        if context.location is TranslationContextLocation.parameter_name:
            return OPTION_NAMES.get(language, {}).get(string.message)
        if language == ENGLISH or context.location not in TRANSLATED:
            return None
        template = string.extras.get("template", string.message)
        text = catalogue_of(language).gettext(template)
        if text == template:
            return None
        values = string.extras.get("values")
        return (text.format(**values) if values else text)[:DESCRIPTION_LENGTH]
