"""The catalogue's models, for commands and checks; read in a thread, without loading torch."""

from __future__ import annotations

import asyncio

from engine.errors import MissingModelError
from engine.models.catalogue import load_catalogue, models_folder


async def model_names() -> list[str]:
    """Return the names in the catalogue; raises ModelError if it cannot be read."""
    return await asyncio.to_thread(lambda: list(load_catalogue().models))


async def check_model(name: str) -> None:
    """Raise UnknownModelError or MissingModelError unless the model ``name`` is installed."""
    await asyncio.to_thread(_check_model, name)


def _check_model(name: str) -> None:
    entry = load_catalogue().model(name)
    folder = models_folder()
    if not all(source.location(folder).is_file() for source in entry.sources):
        raise MissingModelError(
            "{model} isn't installed on this bot. Choose another model, or ask "
            "the bot's host to install it.",
            model=entry.name,
        )
