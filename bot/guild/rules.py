"""The values of a server's settings that apply.

A setting that the server has not set has the host's value, or else the built-in one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from bot.guild.definitions import DEFINITIONS, Definition, definition_of
from bot.host.models import check_model
from bot.host.settings import Settings
from bot.language import AUTO
from data.guilds import Change, Guilds
from engine.jobs.job import Place
from engine.request.flag_values import parse_size
from engine.request.request import ImageRequest

Source = Literal["server", "host", "built in"]


class Rules:
    """The settings that apply in one server; in direct messages they are the host's."""

    def __init__(self, stored: Mapping[str, Any], host: Settings) -> None:
        self.host = host
        # If the host has lowered a limit since, values beyond it count as not set.
        self.stored = {
            name: value
            for name, value in stored.items()
            if (known := DEFINITIONS.get(name)) is not None
            and (not known.kind.typed or known.kind.fits(name, value, host))
        }

    def value(self, name: str) -> Any:
        """Return the value that applies; None if it is not set anywhere."""
        if name in self.stored:
            return self.stored[name]
        return DEFINITIONS[name].default(self.host)

    def items(self, name: str) -> Any:
        """Return the list or table of that setting, empty if not set."""
        return self.stored.get(name) or ()

    def source(self, name: str) -> Source:
        """Return where the value comes from."""
        if name in self.stored:
            return "server"
        return "built in" if DEFINITIONS[name].variable is None else "host"

    @property
    def max_pixels(self) -> int:
        """The most pixels of a picture, except for roles that can exceed them."""
        size = self.value("max_size")
        return self.host.limits.max_pixels if size is None else math.prod(parse_size(size).values())

    def place(self, place: Place) -> Place:
        """Return a job's place with the server's language, if the server set one."""
        return replace(place, locale=self.locale(place.locale))

    def locale(self, own: str) -> str:
        """Return the server's language if it set one, else ``own``."""
        language = self.value("language")
        return own if language == AUTO else str(language)


class GuildSettings:
    """The settings of all servers, in the database. All methods may raise StoreError."""

    def __init__(self, guilds: Guilds, host: Settings) -> None:
        self._guilds = guilds
        self._host = host
        # The changes of one process wait for each other, so that few have to be made again.
        self._changing = asyncio.Lock()

    async def rules(self, guild_id: str | None) -> Rules:
        """Return the settings of a server; None stands for direct messages."""
        if guild_id is None:
            return Rules({}, self._host)
        return Rules(await self._guilds.settings(guild_id), self._host)

    async def retention_days(self, guild_id: str) -> int | None:
        """Return how many days the server keeps pictures; None if it did not set that."""
        days = (await self.rules(guild_id)).stored.get("retention_days")
        return None if days is None else int(days)

    async def read(self, name: str, text: str) -> Any:
        """Return the value of typed text; raises SettingError, ModelError."""
        definition = definition_of(name)
        return await self._checked(definition, definition.kind.read(name, text, self._host))

    async def check(self, name: str, value: Any) -> Any:
        """Return the value of an entry in a file; raises SettingError, ModelError."""
        definition = definition_of(name)
        return await self._checked(definition, definition.kind.check(name, value, self._host))

    async def _checked(self, definition: Definition, value: Any) -> Any:
        if definition.name == "model":
            await check_model(value)
        return value

    async def change(
        self, guild_id: str, person: str, changed: Callable[[Rules], Mapping[str, Any]]
    ) -> list[Change]:
        """Set the values that ``changed`` returns for the current rules; None or empty resets.

        Returns what changed. All values are checked before any is set: raises SettingError,
        ModelError. If another process changes the rules meanwhile, ``changed`` is called again.
        """
        async with self._changing:
            while True:
                stored = await self._guilds.settings(guild_id)
                wanted = changed(Rules(stored, self._host))
                checked = {
                    name: None if value is None else await self.check(name, value)
                    for name, value in wanted.items()
                }
                kept = {
                    name: None if value in ([], {}) else value for name, value in checked.items()
                }
                done = await self._guilds.change_settings_if(guild_id, person, kept, stored)
                if done is not None:
                    return done

    async def log(self, guild_id: str, *, limit: int, offset: int = 0) -> list[Change]:
        """Return the changes in a server, newest first."""
        return await self._guilds.settings_log(guild_id, limit=limit, offset=offset)

    async def export(self, guild_id: str) -> dict[str, Any]:
        """Return the values that the server has set, by name, in the table's order."""
        stored = (await self.rules(guild_id)).stored
        return {name: stored[name] for name in DEFINITIONS if name in stored}


def is_chosen(request: ImageRequest, field: str) -> bool:
    """Whether the user chose this field, even if they chose its default."""
    return field in request.model_fields_set
