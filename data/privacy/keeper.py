"""Who keeps something about people answers for it: what it is, and that it can be forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from data.database import Database
from data.privacy.alias import Aliases


@dataclass(frozen=True)
class Exported:
    """What is kept of a person: rows by table, and files by the name they are given."""

    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    files: Mapping[str, Path] = field(default_factory=dict)


class Keeper(Protocol):
    """Answers for the columns that name people, (table, column), and what belongs to them.

    Both methods raise StoreError where the database or a file cannot be used.
    """

    columns: frozenset[tuple[str, str]]

    async def export(self, person: str) -> Exported:
        """What there is of ``person``; nobody else's name is in it."""

    async def forget(self, person: str) -> None:
        """Remove it. Idempotent: what a first call left behind, a second removes."""


class TableKeeper:
    """Answers for one table. Names are constants of the program, never anyone's words.

    A row whose column is one of ``own`` belongs to the person there, and is deleted with them.
    In the columns ``names`` somebody is only named: the row stays, the name becomes NULL, or
    ``instead`` where the column must hold something.
    """

    def __init__(self, database: Database, table: str, *, own: Sequence[str] = (),
                 names: Sequence[str] = (), instead: str | None = None) -> None:
        self.columns = frozenset((table, column) for column in (*own, *names))
        self._database = database
        self._table = table
        self._own = tuple(own)
        self._names = tuple(names)
        self._instead = instead

    async def export(self, person: str) -> Exported:
        """The rows that name the person; other people's names in them are left out."""
        people = (*self._own, *self._names)
        where = " OR ".join(f"{column} = ?" for column in people)
        rows = await self._database.fetch(
            f"SELECT * FROM {self._table} WHERE {where}",  # noqa: S608  constants of the program
            *(person for _ in people))
        shown = [{name: value for name, value in row.items()
                  if name not in people or value == person} for row in rows]
        return Exported({self._table: shown} if shown else {})

    async def forget(self, person: str) -> None:
        """Delete the rows that are theirs, and take their name out of the others."""
        async with self._database.transaction() as transaction:
            for column in self._own:
                await transaction.change(
                    f"DELETE FROM {self._table} WHERE {column} = ?", person)  # noqa: S608  as above
            for column in self._names:
                await transaction.change(
                    f"UPDATE {self._table} SET {column} = ? WHERE {column} = ?",  # noqa: S608  as above
                    self._instead, person)


class RestrictionKeeper:
    """Bans and limits outlive the name of whom they are for, so that no one forgets one away."""

    columns = frozenset({("restrictions", "person"), ("restrictions", "moderator")})

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._aliases = Aliases(folder)
        self._rows = TableKeeper(database, "restrictions", own=["person"], names=["moderator"])

    async def export(self, person: str) -> Exported:
        """The rows, under their name and under their alias, without the others' names."""
        names = [person, await self._aliases.if_any(person)]
        rows = [row for name in names if name is not None
                for row in (await self._rows.export(name)).rows.get("restrictions", ())]
        return Exported({"restrictions": rows} if rows else {})

    async def forget(self, person: str) -> None:
        """What is in force is for their alias from now on; a moderator's name is taken out."""
        alias = await self._aliases.of(person)
        async with self._database.transaction() as transaction:
            # Of a person who was forgotten before, an older one may be there under the alias.
            await transaction.change(
                "DELETE FROM restrictions WHERE person = ? AND EXISTS (SELECT 1 FROM "
                "restrictions newer WHERE newer.person = ? AND newer.guild_id = "
                "restrictions.guild_id AND newer.kind = restrictions.kind)", alias, person)
            await transaction.change(
                "UPDATE restrictions SET person = ? WHERE person = ?", alias, person)
            await transaction.change(
                "UPDATE restrictions SET moderator = NULL WHERE moderator = ?", person)
