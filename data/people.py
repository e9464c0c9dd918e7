"""Bans and limits in servers, the log of moderators' actions, and people's preferences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from data.database import Database, Row, Transaction
from data.privacy.alias import Aliases, is_alias
from engine.clock import now_ms

# In place of a server's id: what the host restricts everywhere.
HOST = "host"
Kind = Literal["ban", "limit"]
Act = Literal[
    "stop",
    "finish",
    "change",
    "delete",
    "ban",
    "unban",
    "limit",
    "unlimit",
    "purge",
    "report",
    "style",
    "restyle",
    "unstyle",
]
"""``stop`` drops a picture that is queued or painted; ``finish`` ends it early and posts it, and
``change`` goes on differently. ``style`` adds a style of the server's, ``restyle`` changes one, and
``unstyle`` removes one."""
_LIFTED: dict[Kind, Act] = {"ban": "unban", "limit": "unlimit"}
_IN_FORCE = "(expires_at IS NULL OR expires_at > ?)"


@dataclass(frozen=True)
class Restriction:
    """A ban, or a limit, of one person in one server. Times are milliseconds since 1970, UTC.

    ``person`` may be an alias (data.privacy.alias) of somebody who asked to be forgotten;
    ``moderator`` is None if the moderator asked for that. A limit has ``a_day`` (pictures in 24
    hours), ``waiting`` (pictures in the queue or running at a time) or both. ``expires_at`` None
    means until it is lifted.
    """

    guild_id: str
    person: str
    kind: Kind
    a_day: int | None = None
    waiting: int | None = None
    moderator: str | None = None
    created_at: int = 0
    expires_at: int | None = None


@dataclass(frozen=True)
class LoggedAct:
    """An action of a moderator, or a member's report; names are None once forgotten.

    ``pictures`` is how many a purge removes; ``reason`` is what the moderator or member typed, or
    a style.
    """

    guild_id: str
    moderator: str | None
    act: Act
    person: str | None = None
    job_id: str | None = None
    a_day: int | None = None
    waiting: int | None = None
    expires_at: int | None = None
    pictures: int | None = None
    reason: str | None = None
    created_at: int = 0


@dataclass(frozen=True)
class Preferences:
    """One person's preferences; None means the default of the server or the host.

    ``width`` and ``height`` are pixels, set together. ``direct_message``: also send a DM when a
    picture is ready. ``previews``: show previews while a picture is being painted. ``relax``: paint
    when nobody else waits.
    """

    width: int | None = None
    height: int | None = None
    iterations: int | None = None
    model: str | None = None
    direct_message: bool = False
    previews: bool = True
    relax: bool = False


class People:
    """Keeps it in ``database``; every method raises StoreError if that cannot be used."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.aliases = Aliases(folder)
        self._database = database

    # Bans and limits.

    async def restrict(self, new: Restriction, reason: str | None = None) -> LoggedAct:
        """Add a ban or a limit, in place of an older one of the same kind; returns what it logs."""
        act = LoggedAct(
            new.guild_id,
            new.moderator,
            new.kind,
            new.person,
            a_day=new.a_day,
            waiting=new.waiting,
            expires_at=new.expires_at,
            reason=reason,
            created_at=now_ms(),
        )
        async with self._database.transaction() as transaction:
            await self._delete(transaction, new.guild_id, new.person, new.kind)
            await transaction.change(
                "INSERT INTO restrictions (guild_id, person, kind, a_day, waiting, moderator, "
                "created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                new.guild_id,
                new.person,
                new.kind,
                new.a_day,
                new.waiting,
                new.moderator,
                now_ms(),
                new.expires_at,
            )
            await _log(transaction, act)
        return act

    async def lift(
        self, guild_id: str, person: str, kind: Kind, moderator: str, reason: str | None = None
    ) -> LoggedAct | None:
        """Remove a ban or a limit; returns what it logs, None without a ban or a limit."""
        async with self._database.transaction() as transaction:
            under = await self._delete(transaction, guild_id, person, kind)
            if under is None:
                return None
            # The log must not name a person again who asked to be forgotten.
            named = None if is_alias(under) else person
            act = LoggedAct(
                guild_id, moderator, _LIFTED[kind], named, reason=reason, created_at=now_ms()
            )
            await _log(transaction, act)
        return act

    async def _delete(
        self, transaction: Transaction, guild_id: str, person: str, kind: Kind
    ) -> str | None:
        """Delete it; returns the name it was in force under (id or alias), or None."""
        await transaction.lock("restriction", f"{guild_id} {person}")
        which = "WHERE guild_id = ? AND kind = ? AND person IN (?, ?)"
        values = (guild_id, kind, person, await self._alias(person))
        rows = await transaction.fetch(
            f"SELECT person FROM restrictions {which} AND {_IN_FORCE}",  # noqa: S608  constants
            *values,
            now_ms(),
        )
        await transaction.change(f"DELETE FROM restrictions {which}", *values)  # noqa: S608  constants
        return rows[0]["person"] if rows else None

    async def _alias(self, person: str) -> str:
        """The person's alias if this folder has aliases, else ``person`` itself."""
        return await self.aliases.find(person) or person

    async def restrictions_of(self, guild_id: str, person: str) -> dict[Kind, Restriction]:
        """The restrictions in force for the person in that server, by kind."""
        rows = await self._database.fetch(
            f"SELECT * FROM restrictions WHERE guild_id = ? AND person IN (?, ?) AND {_IN_FORCE}",  # noqa: S608  constant
            guild_id,
            person,
            await self._alias(person),
            now_ms(),
        )
        return {row["kind"]: Restriction(**row) for row in rows}

    async def restrictions_in(self, guild_id: str) -> list[Restriction]:
        """All restrictions in force in that server, newest first."""
        rows = await self._database.fetch(
            f"SELECT * FROM restrictions WHERE guild_id = ? AND {_IN_FORCE} "  # noqa: S608  constant
            "ORDER BY created_at DESC",
            guild_id,
            now_ms(),
        )
        return [Restriction(**row) for row in rows]

    # The moderators' log.

    async def note(self, act: LoggedAct) -> None:
        """Write down an action of a moderator."""
        async with self._database.transaction() as transaction:
            await _log(transaction, act)

    async def acts(self, guild_id: str, limit: int) -> list[LoggedAct]:
        """The last actions in that server, newest first."""
        rows = await self._database.fetch(
            "SELECT * FROM moderation_log WHERE guild_id = ? ORDER BY sequence DESC LIMIT ?",
            guild_id,
            limit,
        )
        return [LoggedAct(**_without(row, "sequence")) for row in rows]

    async def has_reported(self, person: str, job_id: str) -> bool:
        """Whether the person reported that picture before."""
        return bool(
            await self._database.fetch(
                "SELECT sequence FROM moderation_log "
                "WHERE moderator = ? AND job_id = ? AND act = 'report'",
                person,
                job_id,
            )
        )

    # Preferences.

    async def preferences(self, person: str) -> Preferences:
        """The person's preferences, or the defaults."""
        rows = await self._database.fetch("SELECT * FROM preferences WHERE person = ?", person)
        return _preferences(rows)

    async def prefer(self, person: str, preferences: Preferences) -> None:
        """Replace the person's preferences; defaults are not stored."""
        await self.change_preferences(person, lambda before: preferences)

    async def change_preferences(
        self, person: str, changed: Callable[[Preferences], Preferences]
    ) -> Preferences:
        """Replace the person's preferences by what ``changed`` makes of them, and return that."""
        async with self._database.transaction() as transaction:
            await transaction.lock("preferences", person)
            rows = await transaction.fetch("SELECT * FROM preferences WHERE person = ?", person)
            preferences = changed(_preferences(rows))
            values = asdict(preferences)
            await transaction.change("DELETE FROM preferences WHERE person = ?", person)
            if preferences == Preferences():
                return preferences
            await transaction.change(
                "INSERT INTO preferences (person, width, height, iterations, model, "
                "direct_message, previews, relax) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                person,
                values["width"],
                values["height"],
                values["iterations"],
                values["model"],
                int(preferences.direct_message),
                int(preferences.previews),
                int(preferences.relax),
            )
        return preferences


def _preferences(rows: Sequence[Row]) -> Preferences:
    if not rows:
        return Preferences()
    values = _without(rows[0], "person")
    return Preferences(
        **{
            **values,
            "direct_message": bool(values["direct_message"]),
            "previews": bool(values["previews"]),
            "relax": bool(values["relax"]),
        }
    )


async def _log(transaction: Transaction, act: LoggedAct) -> None:
    await transaction.change(
        "INSERT INTO moderation_log (sequence, guild_id, moderator, act, person, job_id, a_day, "
        "waiting, expires_at, pictures, reason, created_at) "
        "VALUES (next_number('moderation_log'), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        act.guild_id,
        act.moderator,
        act.act,
        act.person,
        act.job_id,
        act.a_day,
        act.waiting,
        act.expires_at,
        act.pictures,
        act.reason,
        act.created_at or now_ms(),
    )


def _without(row: Row, column: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != column}
