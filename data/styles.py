"""Styles: words that people and servers add to prompts, by name.

Names are in lower case. What they may be, and what the words mean, is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from data.database import Database, Transaction
from engine.clock import now_ms


@dataclass(frozen=True)
class Style:
    """Words under a name; ``shared`` is whether it is a server's."""

    name: str
    words: str
    shared: bool = False


class Styles:
    """Keeps them in ``database``; every method raises StoreError if that cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_person(self, person: str) -> list[Style]:
        """A person's own styles, by name."""
        rows = await self._database.fetch(
            "SELECT name, words FROM styles WHERE person = ? ORDER BY name", person
        )
        return [Style(row["name"], row["words"]) for row in rows]

    async def of_server(self, guild_id: str) -> list[Style]:
        """A server's styles, by name."""
        rows = await self._database.fetch(
            "SELECT name, words FROM server_styles WHERE guild_id = ? ORDER BY name", guild_id
        )
        return [Style(row["name"], row["words"], shared=True) for row in rows]

    async def find(self, person: str, guild_id: str | None, name: str) -> Style | None:
        """The style of this name: the person's own or, without one, the server's."""
        rows = await self._database.fetch(
            "SELECT name, words FROM styles WHERE person = ? AND name = ?", person, name
        )
        if rows:
            return Style(rows[0]["name"], rows[0]["words"])
        if guild_id is None:
            return None
        rows = await self._database.fetch(
            "SELECT name, words FROM server_styles WHERE guild_id = ? AND name = ?", guild_id, name
        )
        return Style(rows[0]["name"], rows[0]["words"], shared=True) if rows else None

    async def used_by(self, person: str) -> str | None:
        """The name of the style that is added to all of the person's prompts."""
        rows = await self._database.fetch("SELECT name FROM used_styles WHERE person = ?", person)
        return str(rows[0]["name"]) if rows else None

    async def add(self, person: str, name: str, words: str, most: int) -> bool:
        """Write a style, instead of an older one of that name; False if there are ``most``."""
        async with self._database.transaction() as transaction:
            await transaction.lock("styles", person)
            before = await _names(transaction, "styles", "person", person)
            if name not in before and len(before) >= most:
                return False
            await transaction.change(
                "INSERT INTO styles (person, name, words, created_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (person, name) DO UPDATE SET words = excluded.words",
                person,
                name,
                words,
                now_ms(),
            )
        return True

    async def share(
        self, guild_id: str, moderator: str, name: str, words: str, most: int
    ) -> Literal["added", "changed"] | None:
        """Write a server's style, instead of one of that name; None if it has ``most``."""
        async with self._database.transaction() as transaction:
            await transaction.lock("server styles", guild_id)
            before = await _names(transaction, "server_styles", "guild_id", guild_id)
            if name not in before and len(before) >= most:
                return None
            await transaction.change(
                "INSERT INTO server_styles (guild_id, name, words, moderator, created_at) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (guild_id, name) DO UPDATE SET "
                "words = excluded.words, moderator = excluded.moderator",
                guild_id,
                name,
                words,
                moderator,
                now_ms(),
            )
        return "changed" if name in before else "added"

    async def use(self, person: str, name: str | None) -> None:
        """Add the style of this name to all of the person's prompts from now on; None for none."""
        if name is None:
            await self._database.change("DELETE FROM used_styles WHERE person = ?", person)
            return
        await self._database.change(
            "INSERT INTO used_styles (person, name) VALUES (?, ?) "
            "ON CONFLICT (person) DO UPDATE SET name = excluded.name",
            person,
            name,
        )

    async def remove(self, person: str, name: str) -> bool:
        """Delete a person's style; False without one."""
        changed = await self._database.change(
            "DELETE FROM styles WHERE person = ? AND name = ?", person, name
        )
        return changed > 0

    async def unshare(self, guild_id: str, name: str) -> bool:
        """Delete a server's style; False without one."""
        changed = await self._database.change(
            "DELETE FROM server_styles WHERE guild_id = ? AND name = ?", guild_id, name
        )
        return changed > 0


async def _names(transaction: Transaction, table: str, column: str, owner: str) -> set[str]:
    """The names of the owner's styles; table and column are constants."""
    rows = await transaction.fetch(
        f"SELECT name FROM {table} WHERE {column} = ?",  # noqa: S608  constants of the program
        owner,
    )
    return {row["name"] for row in rows}
