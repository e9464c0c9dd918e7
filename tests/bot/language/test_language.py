"""Texts in the reader's language: catalogues are complete, and every text is in them."""

from __future__ import annotations

import ast
import pickle
import string
from pathlib import Path
from typing import Any, cast

import pytest
from babel.messages.mofile import read_mo
from discord import Locale
from discord.app_commands import TranslationContext, TranslationContextLocation

import bot.errors
from bot.errors import user_message
from bot.language import (
    ENGLISH,
    LANGUAGES,
    _,
    catalogue_of,
    language_of,
    plural,
    translated,
    using_language,
)
from bot.language.formatting import duration, ordinal, place_in_queue
from bot.language.translator import CatalogueTranslator, described
from bot.locales.update import FOLDERS, SAYING, path_of, read, texts
from bot.ui.edit_modal import EditModal
from bot.ui.modals import RemixModal
from engine.errors import EngineError, RequestError
from engine.events import Failed
from engine.request.from_text import request_from_text
from engine.request.request import make_request
from engine.translatable import Translatable
from engine.worker.messages import JobEvent, frame

ROOT = Path(__file__).resolve().parents[3]
TRANSLATED = [language for language in LANGUAGES if language != ENGLISH]
BOT_ERRORS = {
    name
    for name, value in vars(bot.errors).items()
    if isinstance(value, type) and issubclass(value, bot.errors.BotError)
}
# Calls that send to Discord; READ has their arguments that people read.
SENDING = {
    "send_message",
    "edit_original_response",
    "edit_message",
    "send",
    "reply",
    "edit",
    "TextDisplay",
    "Button",
    "Label",
    "TextInput",
    "Embed",
    "add_field",
    "set_footer",
    "answer",
    "tell",
    "say",
    *BOT_ERRORS,
}
READ = {None, "content", "text", "label", "title", "description", "name", "value", "placeholder"}


def fields_of(text):
    """Return the {names} in a text with their formats."""
    return {
        (name, spec)
        for _literal, name, spec, _conversion in string.Formatter().parse(text)
        if name is not None
    }


def forms(given):
    return (given,) if isinstance(given, str) else tuple(given)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_in_the_catalogue_with_the_same_names(language):
    catalogue = {message.id: message for message in read(language) if message.id}
    assert set(catalogue) == set(texts()), "run: make texts"
    for text, message in catalogue.items():
        translated = forms(message.string)
        assert all(translated), f"{text!r} has no translation in {language}"
        assert not message.fuzzy
        assert len(translated) == len(forms(text))
        for english, other in zip(forms(text), translated, strict=True):
            assert fields_of(english) == fields_of(other), english


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_matches_the_edited_one(language):
    with path_of(language, "mo").open("rb") as file:
        compiled = {
            forms(message.id): forms(message.string) for message in read_mo(file) if message.id
        }
    edited = {forms(message.id): forms(message.string) for message in read(language) if message.id}
    assert compiled == edited, "run: make texts"


def unfilled(source):
    """Yield (line, text) for each text whose values do not match its {names}."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or any(each.arg is None for each in call.keywords):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if name not in SAYING - {"mark"} and name != "plural":
            continue
        given = {each.arg for each in call.keywords} | ({"number"} if name == "plural" else set())
        for argument in call.args[: 2 if name == "plural" else 1]:
            for text in _bare(argument):
                wanted = {field for field, _spec in fields_of(text)}
                if wanted - given or (name != "plural" and given - wanted):
                    yield call.lineno, text


@pytest.mark.parametrize(
    "path",
    sorted(
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if "training" not in path.parts
    ),
)
def test_every_text_gets_the_values_that_it_names(path):
    assert list(unfilled((ROOT / path).read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        '_("{a} and {b}", a=1)',
        '_("{a}", a=1, b=2)',
        'RequestError("{a}")',
        'plural("{number} of {a}", "{number}", 2)',
        'Translatable("no name", a=1)',
    ],
)
def test_wrong_values_are_found(source):
    assert list(unfilled(source))


def literals_sent(source):
    """Yield (line, text) for each literal that is sent to Discord without translation.

    Only sentences and labels count: literals with several words or a capital letter.
    """
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if name not in SENDING:
            continue
        for key, argument in [
            *((None, argument) for argument in call.args),
            *((keyword.arg, keyword.value) for keyword in call.keywords),
        ]:
            if key in READ:
                yield from ((argument.lineno, text) for text in _bare(argument) if _wordy(text))


def _wordy(text):
    words = [word for word in text.split() if word.isalpha()]
    return len(words) > 1 or any(word[:1].isupper() for word in words)


def _bare(node):
    """Yield the literals in an expression, except the arguments of calls inside it."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif not isinstance(node, ast.Call):
        for child in ast.iter_child_nodes(node):
            yield from _bare(child)


@pytest.mark.parametrize(
    "path",
    sorted(
        path.relative_to(ROOT).as_posix()
        for folder in ("bot", "cogs")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "doctor.py" and "standin" not in path.parts
    ),
)  # one speaks at a terminal, the other as Discord does
def test_no_literal_is_sent_to_discord_untranslated(path):
    source = (ROOT / path).read_text("utf-8")
    assert list(literals_sent(source)) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('await interaction.response.send_message("That is gone.", ephemeral=True)', 1),
        ('raise GoneError("That is gone; try again.")', 1),
        ('raise GoneError(f"That {what} is gone.")', 1),
        ('await message.edit(content="Gone" if late else _("There."))', 1),
        ('Button(label="Stop", custom_id="imagine:stop")', 1),
        ('await interaction.response.send_message(_("That is gone."), ephemeral=True)', 0),
        ('await channel.send(f"<@{person}> {words}")', 0),
    ],
)
def test_untranslated_literals_are_found(source, found):
    assert len(list(literals_sent(source))) == found


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("de_DE", "de"),
        ("en-GB", "en"),
        ("en-US", "en"),
        ("pt-BR", "en"),
        ("zh-CN", "en"),
        ("", "en"),
        (None, "en"),
        ("auto", "en"),
        ("../de", "en"),
    ],
)
def test_discord_s_locales_become_our_languages(locale, language):
    assert language_of(locale) == language


def test_texts_are_translated_only_while_the_language_is_used():
    with using_language("de"):
        assert _("Deleted.") == "Gelöscht."
        with using_language("en-GB"):
            assert _("Deleted.") == "Deleted."
        assert plural("{number} word", "{number} words", 1) == "1 Wort"
        assert plural("{number} word", "{number} words", 2) == "2 Wörter"
        assert _("no such text") == "no such text"
        assert _("") == ""  # gettext has the catalogue's header there
    assert _("Deleted.") == "Deleted."
    assert plural("{number} word", "{number} words", 1) == "1 word"
    assert plural("{number} word", "{number} words", 0) == "0 words"


async def test_a_description_is_translated_with_its_values():
    text = described("A picture to start from ({formats})", formats="PNG, JPEG")
    place: Any = TranslationContext(
        TranslationContextLocation.parameter_description, cast(Any, None)
    )
    assert str(text) == "A picture to start from (PNG, JPEG)"
    german = await CatalogueTranslator().translate(text, Locale.german, place)
    assert german == "Ein Bild, von dem ausgegangen wird (PNG, JPEG)"
    assert await CatalogueTranslator().translate(text, Locale.french, place) is None


def test_durations_and_places_are_translated():
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 111)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
        "111th",
    ]
    with using_language("de"):
        assert place_in_queue(1, None) == "In der Warteschlange: du bist als Nächstes dran"
        assert place_in_queue(3, 130).startswith("In der Warteschlange: Platz 3 (erwartet <t:")
        assert duration(3900) == "1 h 5 min"


@pytest.mark.parametrize(
    ("prompt", "values", "english", "german"),
    [
        (
            "a fox",
            {"width": 9},
            "width must be between 16 and 2048, not 9.",
            "width muss zwischen 16 und 2048 liegen, nicht 9.",
        ),
        # Raised inside pydantic, and by another parser inside that.
        (
            "a fox",
            {"where": "a"},
            "where only works on edits; add a picture to start from, or leave where out.",
            "where gibt es nur beim Bearbeiten; füge ein Ausgangsbild hinzu oder lass where weg.",
        ),
        (
            "  ",
            {},
            'The prompt is empty; say what to paint, for example "a red star on a blue '
            'background".',
            "Der Prompt ist leer; sag, was ich malen soll, zum Beispiel „a red star on "
            "a blue background“.",
        ),
        (
            "a -> ",
            {"init_image": "0" * 64},
            'The arrow has no words after it; write both sides, as in "foggy sky -> clear sky".',
            "Der Pfeil hat nach sich keine Worte; schreib beide Seiten, "
            "wie in „foggy sky -> clear sky“.",
        ),
        (
            "a fox",
            {"learning_rate": 0},
            "learning rate must be above 0 and at most 100, not 0.",
            "learning rate muss über 0 und höchstens 100 sein, nicht 0.",
        ),
    ],
)
def test_errors_of_the_engine_are_in_the_reader_s_language(prompt, values, english, german):
    with pytest.raises(RequestError) as refusal:
        make_request(prompt, **values)
    assert str(refusal.value) == user_message(refusal.value) == english
    with using_language("de"):
        assert user_message(refusal.value) == german
        assert str(refusal.value) == english


@pytest.mark.parametrize("name", ["{", "}", "{name}", "{0}", "{name.__class__}", "%s", "{{}}"])
def test_typed_braces_are_plain_text(name):
    with pytest.raises(RequestError) as refusal:
        make_request("a fox", preset=name)
    for language in LANGUAGES:
        with using_language(language):
            assert f"{name}" in str(user_message(refusal.value))
            assert user_message(RequestError(name)) == name
            assert translated(name) == name
    with pytest.raises(RequestError, match="--seed must be a whole number"):
        request_from_text(f"a fox --seed={name}")


def test_a_text_keeps_its_template_and_values_over_the_pipe():
    reason = RequestError("{name} is missing.", name=Translatable("The size")).message
    body = frame(JobEvent("1", Failed(reason)))[8:]
    arrived = pickle.loads(body).event.reason
    assert arrived == "The size is missing."
    assert isinstance(arrived, Translatable)
    with using_language("de"):
        assert translated(arrived) == "Die Größe fehlt."
    again = pickle.loads(pickle.dumps(EngineError(arrived)))
    assert (again.template, again.values) == ("{name} is missing.", {"name": "The size"})


def test_a_text_holds_only_plain_values():
    made = Translatable("{path} is {size}", path=Path("a/b"), size=(1, 2))
    assert made == "a/b is (1, 2)"
    assert made.values == {"path": "a/b", "size": "(1, 2)"}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_modals_fit_discord_s_limits(language):
    catalogue = catalogued(language)
    with using_language(language):
        names = ["ink"]
        for modal in (
            RemixModal("0" * 32, "a fox", styles=names),
            EditModal("job", "0" * 32, names),
        ):
            payload = modal.to_dict()
            assert len(payload["title"]) <= 45
            for part in payload["components"]:
                assert len(part["label"]) <= 45
                assert len(part["description"]) <= 100
                assert part["label"] in catalogue
                assert part["description"] in catalogue  # it was not cut


def catalogued(language):
    if language == ENGLISH:
        return set(texts())
    return {message.string for message in read(language) if isinstance(message.string, str)}


def test_english_needs_no_catalogue():
    assert not path_of(ENGLISH, "mo").exists()
    assert catalogue_of(ENGLISH).gettext("Deleted.") == "Deleted."
