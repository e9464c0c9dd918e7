"""What became of a transaction whose COMMIT was not answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from data.postgres.connections import NotWrittenError


@dataclass(frozen=True)
class Written:
    """A transaction that changed something: its number, and the server's time before its COMMIT."""

    number: int
    time: datetime


async def written_by(connection: Any) -> Written | None:
    """The transaction of the connection, or None if it changed nothing; raises ERRORS."""
    row = await connection.fetchrow(
        "SELECT pg_current_xact_id_if_assigned()::TEXT AS number, clock_timestamp() AS time"
    )
    return None if row["number"] is None else Written(int(row["number"]), row["time"])


async def was_committed(connection: Any, what: Written) -> bool:
    """Whether it was; raises NotWrittenError while that is open, and ERRORS."""
    try:
        status = await connection.fetchval(
            "SELECT pg_xact_status($1::TEXT::xid8)", str(what.number)
        )
    except asyncpg.InvalidParameterValueError:
        # The number is in the future: the server crashed, and has nothing of the transaction.
        return False
    if status == "in progress":  # the server has not noticed yet that we are gone
        raise NotWrittenError("The transaction {id} has not ended.", id=what.number)
    return status == "committed" and not await _is_used_again(connection, what)


async def _is_used_again(connection: Any, what: Written) -> bool:
    """Whether another transaction has the number now.

    After a crash PostgreSQL goes on with the first number that its log does not have, and writes
    that down in a checkpoint before anybody can connect.
    """
    try:
        row = await connection.fetchrow(
            "SELECT next_xid, GREATEST(checkpoint_time, pg_postmaster_start_time()) AS time "
            "FROM pg_control_checkpoint()"
        )
    except (asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError):
        return False  # a host whose server does not tell
    epoch, number = map(int, row["next_xid"].split(":"))
    return what.number >= (epoch << 32) + number and row["time"] > what.time
