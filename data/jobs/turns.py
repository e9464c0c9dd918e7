"""How much work each person was served, in all processes of a bot; see engine.jobs.shared."""

from __future__ import annotations

from data.database import Database, Transaction

_SERVED_LAST = ""  # in place of a person: the turn that was served last


class Turns:
    """The accounts of one bot's people; every method raises StoreError if the database fails."""

    def __init__(self, database: Database, application_id: str) -> None:
        self._database = database
        self._id = application_id

    async def join(self, transaction: Transaction, person: str) -> None:
        """Before a job of ``person`` is added: raise the account, unless other jobs wait."""
        if await transaction.fetch(
            "SELECT jobs.id FROM jobs JOIN turns ON turns.application_id = ? "
            "AND turns.person = jobs.person WHERE jobs.person = ? AND jobs.delivered_at IS NULL "
            "AND jobs.state = 'queued' AND jobs.started_at IS NULL LIMIT 1",
            self._id,
            person,
        ):
            return
        await self._raise(transaction, person, _SERVED_LAST)

    async def serve(
        self, transaction: Transaction, person: str, work: int, *, in_turn: bool
    ) -> None:
        """Charge ``work``, of a job that starts; ``in_turn`` unless it starts with another one."""
        await transaction.change(
            "INSERT INTO turns (application_id, person, work) VALUES (?, ?, ?) "
            "ON CONFLICT (application_id, person) DO UPDATE SET work = turns.work + excluded.work",
            self._id,
            person,
            work,
        )
        if in_turn:
            await self._raise(transaction, _SERVED_LAST, person)

    async def _raise(self, transaction: Transaction, person: str, to: str) -> None:
        """Raise the account of ``person`` to that of ``to``, if it is lower."""
        await transaction.change(
            "INSERT INTO turns (application_id, person, work) VALUES (?, ?, COALESCE("
            "(SELECT work FROM turns WHERE application_id = ? AND person = ?), 0)) "
            "ON CONFLICT (application_id, person) DO UPDATE SET work = "
            "CASE WHEN turns.work < excluded.work THEN excluded.work ELSE turns.work END",
            self._id,
            person,
            self._id,
            to,
        )

    async def forget_old(self) -> None:
        """Delete the accounts that say nothing: a person who comes back gets the same."""
        await self._database.change(
            "DELETE FROM turns WHERE application_id = ? AND person <> ? AND work <= "
            "(SELECT work FROM turns last WHERE last.application_id = ? AND last.person = ?) "
            "AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.person = turns.person "
            "AND jobs.delivered_at IS NULL)",
            self._id,
            _SERVED_LAST,
            self._id,
            _SERVED_LAST,
        )
