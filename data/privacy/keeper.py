"""Keepers: each exports and deletes what some columns hold about a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from data.database import Database
from data.privacy.alias import Aliases


@dataclass(frozen=True)
class Exported:
    """A person's data: rows by table, and the names of files (data.pictures.names).

    ``read`` returns a file's bytes, or None if it is gone; it blocks, and raises StoreError.
    """

    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    files: Sequence[str] = ()
    read: Callable[[str], bytes | None] = field(default=lambda name: None, compare=False)


class Keeper(Protocol):
    """Is responsible for ``columns``, (table, column), that name people, and for their data.

    Both methods raise StoreError if the database or a file cannot be used.
    """

    columns: frozenset[tuple[str, str]]

    async def export(self, person: str) -> Exported:
        """The data of ``person``, without other people's names."""

    async def forget(self, person: str) -> None:
        """Delete it. Idempotent: a second call deletes what a failed first one left."""


class TableKeeper:
    """The keeper of one table. Table and columns are constants of the program, never input.

    A row belongs to the person in one of its columns ``own``, and is deleted with their data. The
    columns ``names`` only mention people: the row stays, and the name becomes NULL or ``instead``.
    """

    def __init__(
        self,
        database: Database,
        table: str,
        *,
        own: Sequence[str] = (),
        names: Sequence[str] = (),
        instead: str | None = None,
    ) -> None:
        self.columns = frozenset((table, column) for column in (*own, *names))
        self._database = database
        self._table = table
        self._own = tuple(own)
        self._names = tuple(names)
        self._instead = instead

    async def export(self, person: str) -> Exported:
        """The rows that name the person, without other people's names."""
        people = (*self._own, *self._names)
        where = " OR ".join(f"{column} = ?" for column in people)
        rows = await self._database.fetch(
            f"SELECT * FROM {self._table} WHERE {where}",  # noqa: S608  constants of the program
            *(person for _ in people),
        )
        shown = [
            {name: value for name, value in row.items() if name not in people or value == person}
            for row in rows
        ]
        return Exported({self._table: shown} if shown else {})

    async def forget(self, person: str) -> None:
        """Delete the person's rows, and remove their name from others."""
        async with self._database.transaction() as transaction:
            for column in self._own:
                await transaction.change(f"DELETE FROM {self._table} WHERE {column} = ?", person)  # noqa: S608  as above
            for column in self._names:
                await transaction.change(
                    f"UPDATE {self._table} SET {column} = ? WHERE {column} = ?",  # noqa: S608  as above
                    self._instead,
                    person,
                )


class RestrictionKeeper:
    """Keeps bans and limits in force under an alias: being forgotten does not lift them."""

    columns = frozenset({("restrictions", "person"), ("restrictions", "moderator")})

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._aliases = Aliases(folder)
        self._rows = TableKeeper(database, "restrictions", own=["person"], names=["moderator"])

    async def export(self, person: str) -> Exported:
        """The rows under the person's id and under their alias, without other people's names."""
        names = [person, await self._aliases.find(person)]
        rows = [
            row
            for name in names
            if name is not None
            for row in (await self._rows.export(name)).rows.get("restrictions", ())
        ]
        return Exported({"restrictions": rows} if rows else {})

    async def forget(self, person: str) -> None:
        """Restrict their alias instead of their id, and remove their name as a moderator."""
        alias = await self._aliases.of(person)
        async with self._database.transaction() as transaction:
            # A person who was forgotten before may have an older restriction under the alias.
            await transaction.change(
                "DELETE FROM restrictions WHERE person = ? AND EXISTS (SELECT 1 FROM "
                "restrictions newer WHERE newer.person = ? AND newer.guild_id = "
                "restrictions.guild_id AND newer.kind = restrictions.kind)",
                alias,
                person,
            )
            await transaction.change(
                "UPDATE restrictions SET person = ? WHERE person = ?", alias, person
            )
            await transaction.change(
                "UPDATE restrictions SET moderator = NULL WHERE moderator = ?", person
            )
