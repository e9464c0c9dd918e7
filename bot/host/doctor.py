"""`python -m bot doctor`: check this setup, and print one line about each part of it.

A line about a problem says what to do. The doctor changes nothing, needs no network, and never
shows a traceback.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import metadata
from ipaddress import ip_address
from pathlib import Path

from bot.host.doctor_models import check_devices, check_models
from bot.host.doctor_report import Mark, Report
from bot.host.settings import (
    DiscordSettings,
    OperationsSettings,
    PaintingSettings,
    address_of_database,
)
from bot.permissions import application_id_of
from data.disk import folder_size
from data.migrations import migrations
from data.pictures.place import place_for_pictures
from data.sqlite.backup import DATABASE, backups, damage, version_of
from engine.models.catalogue import models_folder

LITTLE_DISK, NO_DISK = 2_000_000_000, 200_000_000


def examine(say: Callable[[str], None], env_file: Path | None = Path(".env")) -> int:
    """Check everything and ``say`` a line about each; return 0 if the bot can run, else 1."""
    all_ = Report(say, env_file)
    all_.settings()
    for name, check in (
        ("versions", _versions),
        ("token", _token),
        ("models", check_models),
        ("device", check_devices),
        ("folders", _folders),
        ("database", _database),
        ("pictures", _pictures),
        ("backups", _backups),
        ("metrics", _metrics),
    ):
        with all_.checking(name):
            check(all_)
    if all_.wrong:
        problems = "problem" if all_.wrong == 1 else "problems"
        say(f"\n{all_.wrong} {problems} found; the lines above say what to do.")
        return 1
    say("\nEverything looks good. Start the bot with: python -m bot")
    return 0


def _versions(all_: Report) -> None:
    names = ("imagine-bot", "discord.py", "torch", "aiosqlite", "aiohttp", "pillow")
    found, missing = [f"Python {platform.python_version()}"], []
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
            continue
        if name != "imagine-bot":  # the checkout may be run without being installed
            missing.append(name)
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        all_.line(
            "WRONG",
            "versions",
            f"{', '.join(missing)} {verb} not installed; run make "
            "setup, or pip install -c constraints.txt .",
        )
    all_.line("ok", "versions", ", ".join(found))


def _token(all_: Report) -> None:
    discord = all_.section(DiscordSettings)
    if discord is None:
        return  # reported with the settings
    token = discord.token.get_secret_value()
    id_ = application_id_of(token)
    parts = token.strip().split(".")
    if id_ is None or len(parts) != 3 or not all(parts) or any(c.isspace() for c in token.strip()):
        all_.line(
            "WRONG",
            "token",
            "DISCORD_TOKEN doesn't look like a bot token, which has three "
            "parts separated by dots; copy it again from the Bot page of your application, "
            "not the client secret or the public key",
        )
    else:
        all_.line(
            "ok",
            "token",
            f"belongs to application {id_}; only Discord knows whether it's still valid",
        )


def _folders(all_: Report) -> None:
    painting = all_.section(PaintingSettings)
    if painting is not None:
        _folder(all_, "data", painting.data_folder, "IMAGINE_DATA_FOLDER", needed=True)
    _folder(all_, "models", models_folder(), "IMAGINE_MODELS_FOLDER", needed=False)


def _folder(all_: Report, what: str, folder: Path, setting: str, *, needed: bool) -> None:
    bad: Mark = "WRONG" if needed else "note"
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        all_.line(
            bad,
            "folders",
            f"the {what} folder {folder} can't be created because {there} "
            f"is a file; choose another {setting}",
        )
        return
    for path in [folder, *(folder / name for name in _inner(what))]:
        try:
            if path.is_dir():
                with tempfile.TemporaryFile(dir=path):
                    pass
            elif path == folder and not os.access(there, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            all_.line(
                bad,
                "folders",
                f"the {what} folder {path} isn't writable "
                f"({error.strerror}); give this user access, or choose another {setting}",
            )
            return
    free = shutil.disk_usage(there).free
    text = f"the {what} folder {folder} " + ("is writable" if folder.is_dir() else "can be created")
    if free < LITTLE_DISK:
        mark: Mark = bad if free < NO_DISK else "note"
        all_.line(
            mark,
            "folders",
            f"{text}, but only {free / 1e6:,.0f} MB of disk are free; free "
            "up some space, or set IMAGINE_PICTURES_MB",
        )
        return
    if what == "data" and (folder / "pictures").is_dir():
        text += f" and holds {folder_size(folder / 'pictures') / 1e6:,.1f} MB of pictures"
    all_.line("ok", "folders", f"{text}; {free / 1e9:,.1f} GB of disk are free")


def _inner(what: str) -> tuple[str, ...]:
    return ("pictures", "attachments", "states", "owners", "backups") if what == "data" else ()


def _database(all_: Report) -> None:
    painting = all_.section(PaintingSettings)
    if painting is None:
        return
    path, newest = painting.data_folder / DATABASE, migrations()[-1][0]
    address = address_of_database(painting)
    if address is not None:
        _server(all_, address, newest)
        return
    if not path.exists():
        all_.line("ok", "database", "none yet; the bot creates it at its first start")
        return
    wrong = damage(path, thorough=True)
    if wrong is not None:
        all_.line(
            "WRONG",
            "database",
            f"{path} is damaged ({wrong}); start the bot, which moves "
            "it aside and restores the newest good backup, or choose a backup yourself: "
            "python -m bot restore FILE",
        )
        return
    version = version_of(path)
    if version > newest:
        all_.line(
            "WRONG",
            "database",
            f"{path} was written by a newer imagine-bot (database "
            f"version {version}, this one knows {newest}); update the bot",
        )
    elif version < newest:
        all_.line(
            "ok",
            "database",
            f"intact; version {version}, and the next start updates it to {newest}",
        )
    else:
        all_.line("ok", "database", f"intact; version {version}")


def _server(all_: Report, address: str, newest: int) -> None:
    try:
        from data.postgres.checks import look  # needs a package that SQLite alone does not
    except ModuleNotFoundError as error:
        all_.line(
            "WRONG",
            "database",
            f"PostgreSQL needs the package {error.name}; run pip install -c constraints.txt "
            "'.[postgres]'",
        )
        return
    found = look(address)
    if found.version > newest:
        all_.line(
            "WRONG",
            "database",
            f"was written by a newer imagine-bot (database version {found.version}, this one "
            f"knows {newest}); update the bot",
        )
        return
    tables = f"version {found.version}" if found.version else "no tables yet"
    later = "" if found.version == newest else f", and the next start updates it to {newest}"
    all_.line("ok", "database", f"on PostgreSQL {found.server}; {tables}{later}")


def _pictures(all_: Report) -> None:
    painting = all_.section(PaintingSettings)
    if painting is None or painting.pictures is None:
        return  # the data folder's line says how many there are
    place = place_for_pictures(painting.data_folder, painting.pictures)
    asyncio.run(place.read("imagine-bot-database"))
    all_.line("ok", "pictures", f"the bucket {place} answers")


def _backups(all_: Report) -> None:
    painting, operations = all_.section(PaintingSettings), all_.section(OperationsSettings)
    if painting is None or operations is None:
        return
    if painting.database_url is not None:
        all_.line("note", "backups", "a PostgreSQL server's are yours to make, with pg_dump")
        return
    if not (painting.data_folder / DATABASE).exists():
        return
    found = backups(painting.data_folder)
    if not operations.backup_hours:
        all_.line("note", "backups", "turned off, because IMAGINE_BACKUP_HOURS is 0")
    elif not found:
        all_.line(
            "note",
            "backups",
            "none yet; the bot makes the first one a minute after it "
            "starts, and python -m bot backup makes one now",
        )
    else:
        age = datetime.now(UTC) - found[0].made
        late = age > 2 * timedelta(hours=operations.backup_hours)
        hours = round(age / timedelta(hours=1))
        text = f"{len(found)} found, the newest is {hours} {'hour' if hours == 1 else 'hours'} old"
        all_.line(
            "note" if late else "ok",
            "backups",
            text
            + (
                "; it should be newer: check that the bot is running, and read its log"
                if late
                else ""
            ),
        )


def _metrics(all_: Report) -> None:
    operations = all_.section(OperationsSettings)
    if operations is None:
        return
    host, port = operations.metrics_host, operations.metrics_port
    if not port:
        all_.line("ok", "metrics", "turned off, because IMAGINE_METRICS_PORT is 0")
        return
    loopback = host == "localhost"
    with contextlib.suppress(ValueError):
        loopback = loopback or ip_address(host).is_loopback
    all_.line(
        "ok" if loopback else "note",
        "metrics",
        f"served on {host} port {port}"
        + ("" if loopback else "; anyone who can reach that address can read them"),
    )
