"""The catalogue's models, for commands and checks; read in a thread, without loading torch."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from engine.errors import MissingModelError
from engine.models.catalogue import load_catalogue, models_folder
from engine.models.phrases import Phrases, known_phrases
from engine.request.request import ImageRequest
from engine.translatable import Translatable


async def model_names() -> list[str]:
    """Return the names in the catalogue; raises ModelError if it cannot be read."""
    return await asyncio.to_thread(lambda: list(load_catalogue().models))


async def check_model(name: str) -> None:
    """Raise UnknownModelError or MissingModelError unless the model ``name`` is installed."""
    await asyncio.to_thread(_check_model, name)


async def check_words(request: ImageRequest) -> tuple[Translatable, ...]:
    """Return sentences about the words that the request's model does not know.

    Raises RequestError if it knows none, ModelError if there is no such model.
    """
    return await asyncio.to_thread(_check_words, request)


@dataclass(frozen=True)
class Knowledge:
    """What a model knows: ``examples`` are prompts that work, ``words`` all it knows if few."""

    note: str
    examples: tuple[str, ...]
    words: tuple[str, ...] = ()


async def knowledge_of(name: str) -> Knowledge:
    """Return what the model ``name`` knows; raises ModelError if there is no such model."""
    return await asyncio.to_thread(_knowledge_of, name)


def _knowledge_of(name: str) -> Knowledge:
    from engine.models import vocabulary  # as above

    entry = load_catalogue().model(name)
    known = vocabulary.vocabulary_of(entry, models_folder())
    words = known.words() if known.is_small else ()
    return Knowledge(entry.note, entry.examples, words)


async def phrases_of(name: str) -> Phrases:
    """Return the phrases that the model ``name`` knows; raises ModelError without such a model."""
    return await asyncio.to_thread(_phrases_of, name)


def _phrases_of(name: str) -> Phrases:
    from engine.models import vocabulary  # as above

    entry = load_catalogue().model(name)
    return known_phrases(vocabulary.vocabulary_of(entry, models_folder()))


def _check_words(request: ImageRequest) -> tuple[Translatable, ...]:
    from engine.models import vocabulary  # reads CLIP's vocabulary, which takes a moment

    entry = load_catalogue().model(request.networks)
    return vocabulary.check_words(request, entry, models_folder())


def _check_model(name: str) -> None:
    entry = load_catalogue().model(name)
    folder = models_folder()
    if not all(source.location(folder).is_file() for source in entry.sources):
        raise MissingModelError(
            "{model} isn't installed on this bot. Choose another model, or ask "
            "the bot's host to install it.",
            model=entry.name,
        )
