"""`python -m bot backup` and `restore`; each returns a sentence for the host."""

from __future__ import annotations

from pathlib import Path

from bot.host.settings import PaintingSettings, SettingsError, readable_settings
from data.sqlite.backup import back_up
from data.sqlite.recovery import restore


def data_folder_of(env_file: Path | None = Path(".env")) -> Path:
    """Return the folder of the database's file; raises SettingsError without one."""
    found, wrong = readable_settings(env_file)
    painting = found.get(PaintingSettings)
    if not isinstance(painting, PaintingSettings):
        raise SettingsError(wrong[0])
    if painting.database_url is not None:
        raise SettingsError(
            "The database is on a PostgreSQL server (IMAGINE_DATABASE_URL); back it up and restore "
            "it with pg_dump and pg_restore, as docs/operations.md says."
        )
    return painting.data_folder


def back_up_now(file: Path | None) -> str:
    """Copy the database, even while the bot is running. Raises SettingsError and StoreError."""
    return f"Copied the database to {back_up(data_folder_of(), file)}"


def restore_now(file: Path) -> str:
    """Restore a backup while the bot is stopped. Raises SettingsError and StoreError."""
    aside = restore(data_folder_of(), file)
    before = "" if aside is None else f" The previous one is kept as {aside}"
    return f"Restored the database from {file}.{before}"
