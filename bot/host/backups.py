"""`python -m bot backup` and `restore`: what they do, as a sentence for the host."""

from __future__ import annotations

from pathlib import Path

from bot.host.settings import PaintingSettings, SettingsError, readable_settings
from data.sqlite.backup import back_up
from data.sqlite.recovery import restore


def data_folder_of(env_file: Path | None = Path(".env")) -> Path:
    """The data folder that the settings name; raises SettingsError where they cannot be read."""
    found, wrong = readable_settings(env_file)
    painting = found.get(PaintingSettings)
    if not isinstance(painting, PaintingSettings):
        raise SettingsError(wrong[0])
    return painting.data_folder


def back_up_now(file: Path | None) -> str:
    """Copy the database, also while the bot runs. Raises SettingsError and StoreError."""
    return f"The database is copied to {back_up(data_folder_of(), file)}"


def restore_now(file: Path) -> str:
    """Put a copy back, while no bot runs. Raises SettingsError and StoreError."""
    aside = restore(data_folder_of(), file)
    before = "" if aside is None else f" The one before it lies in {aside}"
    return f"The database is now what {file} holds.{before}"
