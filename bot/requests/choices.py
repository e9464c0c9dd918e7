"""The pictures of a prompt with choices, which wait until the user has seen and confirmed them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import GoneError
from bot.guild.rules import GuildSettings
from bot.language import _
from bot.requests.asking import Asking
from bot.requests.gate import Gate
from bot.requests.limits import check_number

SECONDS = 900.0  # as long as Discord lets an answer be changed
_MOST = 100  # that wait at once, because each can have pictures


@dataclass(frozen=True)
class Offer:
    """The askings of one prompt, of which the first ``room`` fit into the user's limits."""

    askings: tuple[Asking, ...]
    room: int
    until: float

    @property
    def person(self) -> str:
        """The id of the user who asks."""
        return self.askings[0].origin.person

    @property
    def is_over(self) -> bool:
        """Whether it has waited too long."""
        return self.until < time.monotonic()


class Choices:
    """Keeps what was offered, one offer for each user, in memory: a restart forgets it."""

    def __init__(self, guild_settings: GuildSettings, gate: Gate) -> None:
        self._guild_settings = guild_settings
        self._gate = gate
        self._offers: dict[str, Offer] = {}

    async def offer(self, askings: Sequence[Asking]) -> tuple[str, Offer]:
        """Keep the askings of one prompt; return their key and the offer.

        Raises BotError or EngineError if one of them would be refused alone, or if the server
        allows fewer choices.
        """
        origin = askings[0].origin
        rules = await self._guild_settings.rules(origin.place.guild_id)
        check_number(len(askings), rules)
        for asking in askings:
            await self._gate.look(asking, rules)
        each = askings[0].request.count or 1
        room = max(1, await self._gate.room(origin, rules) // each)
        offer = Offer(tuple(askings), min(room, len(askings)), time.monotonic() + SECONDS)
        self._remove_old(origin.person)
        key = secrets.token_hex(8)
        self._offers[key] = offer
        return key, offer

    def take(self, key: str, person: str) -> Offer:
        """Return an offer of this user, once; raises GoneError if it waits no longer."""
        offer = self._offers.get(key)
        if offer is None or offer.person != person or offer.is_over:
            raise GoneError(
                _("These pictures no longer wait for you. Use the command again to see them.")
            )
        return self._offers.pop(key)

    def _remove_old(self, person: str) -> None:
        waiting = {
            key: offer
            for key, offer in self._offers.items()
            if not offer.is_over and offer.person != person
        }
        newest = list(waiting.items())[-(_MOST - 1) :]
        self._offers = dict(newest)
