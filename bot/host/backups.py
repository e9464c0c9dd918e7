"""`python -m bot backup`, `restore`, `migrate` and `copy-pictures`; each returns a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.host.settings import (
    PaintingSettings,
    SettingsError,
    address_of_database,
    readable_settings,
)
from data.pictures.copying import copy_pictures
from data.pictures.place import place_for_pictures
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


def copy_pictures_now(
    say: Callable[[str], None] = lambda text: None, env_file: Path | None = Path(".env")
) -> str:
    """Copy the data folder's pictures into the bucket of IMAGINE_PICTURES, and prove it.

    Works while the bot is running; ``say`` tells how far it is.

    Raises SettingsError and StoreError.
    """
    found, wrong = readable_settings(env_file)
    painting = found.get(PaintingSettings)
    if not isinstance(painting, PaintingSettings):
        raise SettingsError(wrong[0])
    if painting.pictures is None:
        raise SettingsError("Name the bucket first: IMAGINE_PICTURES=s3://BUCKET/PREFIX")
    source = place_for_pictures(painting.data_folder, None)
    target = place_for_pictures(painting.data_folder, painting.pictures)
    copied = asyncio.run(copy_pictures(source, target, say))
    lines = [
        f"{kind}: {each.files} files ({each.written} new), {each.bytes} bytes, "
        f"SHA-256 {each.hash[:16]}"
        for kind, each in copied.items()
    ]
    return "\n".join(
        [
            *lines,
            f"{source} and {target} have the same files with the same bytes. Nothing was changed "
            "in the folder.",
        ]
    )


def migrate_now(file: Path, address: str | None, env_file: Path | None = Path(".env")) -> str:
    """Copy SQLite's file to PostgreSQL while the bot is stopped, and prove it.

    ``address`` is by default IMAGINE_DATABASE_URL. Raises SettingsError and StoreError.
    """
    if address is None:
        found, _ = readable_settings(env_file)
        painting = found.get(PaintingSettings)
        if isinstance(painting, PaintingSettings):
            address = address_of_database(painting)
    if address is None:
        raise SettingsError(
            "Name the new database: python -m bot migrate FILE postgresql://USER:PASSWORD@HOST/NAME"
        )
    try:
        from data.transfer import transfer  # needs a package that SQLite alone does not
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"PostgreSQL needs the package {error.name}. Install it: "
            "pip install 'imagine-bot[postgres]'"
        ) from None
    proofs = transfer(file, address)
    number = sum(proof.rows for proof in proofs.values())
    lines = [
        f"{table}: {proof.rows} rows, SHA-256 {proof.hash[:16]}" for table, proof in proofs.items()
    ]
    return "\n".join(
        [
            *lines,
            f"Copied {number} rows; counts and hashes are the same on both sides.",
            "Set IMAGINE_DATABASE_URL, and keep the data folder for the pictures, or copy them to "
            f"a bucket with python -m bot copy-pictures. {file} was not changed.",
        ]
    )
