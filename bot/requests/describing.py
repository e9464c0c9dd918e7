"""Describing a picture in words: who can ask, what the worker finds, and prompts to paint it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from bot.errors import BusyError, NotAllowedError
from bot.guild.rules import GuildSettings
from bot.host.models import check_model
from bot.language import _
from bot.requests.gate import Gate
from bot.requests.origin import Origin
from bot.requests.picture import Picture
from bot.requests.preferences import usual_model
from bot.requests.server_rules import allows_words
from data.store import Store
from engine.jobs.queue import PaintQueue
from engine.pictures.decoding import upright_size
from engine.request.request import ImageRequest, make_request
from engine.worker.messages import Described

SECONDS = 300.0
"""How long a description can take, with a model that must be loaded; links end after 15 minutes."""
_SHAPES = {"1:2": 0.5, "2:3": 2 / 3, "3:4": 0.75, "1:1": 1.0, "4:3": 4 / 3, "3:2": 1.5, "2:1": 2.0}


@dataclass(frozen=True)
class Found:
    """Prompts for a picture, the nearest first, which can be painted; and the nearest things."""

    prompts: tuple[str, ...]
    words: tuple[str, ...]


class Describer:
    """Describes one picture at a time for each person, outside the queue's line."""

    def __init__(
        self, store: Store, queue: PaintQueue, guild_settings: GuildSettings, gate: Gate
    ) -> None:
        self._store = store
        self._queue = queue
        self._guild_settings = guild_settings
        self._gate = gate
        self._people: set[str] = set()

    async def describe(self, origin: Origin, picture: Picture, model: str | None = None) -> Found:
        """Return prompts for ``picture``; raises BotError or EngineError.

        ``model`` is whose perceptor looks at it; otherwise the person's, or the server's.
        """
        with self._turn(origin.person):
            rules = await self._guild_settings.rules(origin.place.guild_id)
            await self._gate.check_describing(origin, rules)
            wanted = model or await usual_model(self._store.people, origin.person, rules)
            request = make_request("", model=wanted, like=[{"picture": picture.sha256}])
            await check_model(request.networks)
            try:
                async with asyncio.timeout(SECONDS):
                    found = await self.wait(request, picture)
            except TimeoutError:
                raise BusyError(
                    _("I'm too busy to describe pictures. Try again in a few minutes.")
                ) from None
        options = await asyncio.to_thread(_options, picture, model)
        prompts = [f"{prompt}{options}" for prompt in found.prompts if allows_words(prompt, rules)]
        words = [word for word in found.words if allows_words(word, rules)]
        if not prompts:
            raise NotAllowedError(
                _("I found no words for that picture that this server allows. Try another one.")
            )
        return Found(tuple(prompts), tuple(words))

    async def wait(self, request: ImageRequest, picture: Picture) -> Described:
        """Return what a worker finds; raises EngineError."""
        return await self._queue.describe_picture(request, {picture.sha256: picture.data})

    @contextlib.contextmanager
    def _turn(self, person: str) -> Iterator[None]:
        if person in self._people:
            raise BusyError(_("I'm still describing your other picture. Try again in a moment."))
        self._people.add(person)
        try:
            yield
        finally:
            self._people.discard(person)


def _options(picture: Picture, model: str | None) -> str:
    """Return the flags that prompts need for the picture's shape and a model that was chosen."""
    width, height = upright_size(picture.data)
    shape = min(_SHAPES, key=lambda name: abs(_SHAPES[name] * height / width - 1))
    flags = "" if shape == "1:1" else f" --ar {shape}"
    return flags if model is None else f"{flags} --model {model}"
