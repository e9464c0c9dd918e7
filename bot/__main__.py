"""`python -m bot` runs the bot; its other commands are for its host."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

import aiohttp
import discord
import yarl

from bot import create_bot
from bot.client import ImageBot
from bot.errors import ClosingError
from bot.host.backups import back_up_now, copy_pictures_now, migrate_now, restore_now
from bot.host.health import serve
from bot.host.logs import set_up_logs
from bot.host.settings import Settings, SettingsError, export_engine_variables, load_settings
from bot.permissions import application_id_of, invite_link
from data.running_bots import InUseError
from engine.errors import EngineError, UnavailableError

log = logging.getLogger("bot")

# From sysexits.h: EX_CONFIG, EX_UNAVAILABLE, EX_NOPERM, EX_TEMPFAIL.
WRONG_SETTINGS, UNAVAILABLE, REFUSED, IN_USE = 78, 69, 77, 75
FAILED = 1
HOST_COMMANDS = ("doctor", "backup", "restore", "migrate", "copy-pictures")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line's command, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bot",
        description="A Discord bot that paints what people type.",
        epilog="Settings are read from the environment and from .env; see .env.example.",
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=["run", "invite", "preview", *HOST_COMMANDS],
        default="run",
        help="run: run the bot (default); invite: print the link "
        "that adds it to a server; preview: try the bot in a browser, without a token; "
        "doctor: check this setup; backup: copy the "
        "database, even while the bot is running; restore: replace the database "
        "with a backup while the bot is stopped; migrate: copy the database to a PostgreSQL "
        "server while the bot is stopped, and compare the two; copy-pictures: copy the data "
        "folder's pictures to IMAGINE_PICTURES, and compare them",
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="for backup: the file to write, by default a new one in the data "
        "folder's backups/; for restore: the backup to use; for migrate: SQLite's file",
    )
    parser.add_argument(
        "address",
        nargs="?",
        metavar="ADDRESS",
        help="for migrate: postgresql://USER:PASSWORD@HOST/DATABASE, by default "
        "IMAGINE_DATABASE_URL, which other users of this machine do not see",
    )
    parser.add_argument(
        "--host", help="for preview: the address to listen on (default: 127.0.0.1, this machine)"
    )
    parser.add_argument("--port", type=int, help="for preview: the port (default: 8766; 0: any)")
    given = parser.parse_args(arguments)
    what: str = given.what
    if given.file is not None and what not in ("backup", "restore", "migrate"):
        parser.error(f"{what} takes no file")
    if given.address is not None and what != "migrate":
        parser.error(f"{what} takes no address")
    if what != "preview" and (given.host is not None or given.port is not None):
        parser.error(f"{what} takes no --host and no --port")
    if what == "migrate" and given.file is None:
        parser.error("migrate needs SQLite's file, imagine-bot.sqlite3 in the data folder")
    if what == "restore" and given.file is None:
        parser.error("restore needs a backup; they are in the data folder's backups/")
    if what in HOST_COMMANDS:
        return _run_host_command(what, given.file, given.address)
    if what == "preview":
        return _preview(given.host, given.port)
    try:
        settings = load_settings()
        if what == "invite":
            print(_link(settings))
            return 0
    except SettingsError as error:
        print(error, file=sys.stderr)
        return WRONG_SETTINGS
    export_engine_variables()
    set_up_logs(settings.delivery.log_format, settings.delivery.log_level)
    _prepare_process(settings)
    return asyncio.run(run(settings))


def _prepare_process(settings: Settings) -> None:
    if settings.test.discord_url is not None:
        _use_test_server(settings.test.discord_url)
    # The event loop waits less for threads that read rows or pack files; the default is 5 ms.
    sys.setswitchinterval(0.001)


def _preview(host: str | None, port: int | None) -> int:
    """Run the bot in a browser page until SIGTERM or SIGINT, and return the exit code."""
    from bot.preview import opened_preview

    async def preview() -> int:
        async with opened_preview(host, port) as opened:
            _prepare_process(opened.settings)
            print(f"Open {opened.url} in a browser. Ctrl-C ends the preview.", flush=True)
            return await run(opened.settings)

    export_engine_variables()
    set_up_logs(level="warning")
    try:
        return asyncio.run(preview())
    except SettingsError as error:
        print(error, file=sys.stderr)
        return WRONG_SETTINGS
    except (OSError, OverflowError) as error:
        print(f"Can't serve the preview: {error}. Choose another --port.", file=sys.stderr)
        return UNAVAILABLE


def _run_host_command(what: str, file: Path | None, address: str | None) -> int:
    """Run a command that needs no token and no network, and return the exit code."""
    export_engine_variables()
    if what == "doctor":
        from bot.host.doctor import examine  # loads torch, which the running bot never does

        return examine(print)
    set_up_logs(level="warning")
    try:
        if what == "backup":
            print(back_up_now(file))
            return 0
        if what == "copy-pictures":
            print(copy_pictures_now(lambda text: print(text, file=sys.stderr)))
            return 0
        assert file is not None
        print(restore_now(file) if what == "restore" else migrate_now(file, address))
    except (SettingsError, EngineError) as error:
        print(error, file=sys.stderr)
        return FAILED
    return 0


def _link(settings: Settings) -> str:
    application_id = application_id_of(settings.discord.token.get_secret_value())
    if application_id is None:
        raise SettingsError(
            "DISCORD_TOKEN doesn't look like a bot token; copy it again from the "
            "Bot page of your application."
        )
    return invite_link(application_id)


async def run(settings: Settings) -> int:
    """Run the bot until SIGTERM or SIGINT, and return the exit code."""
    bot = create_bot(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, bot, number)
    try:
        async with bot, serve(bot, settings.operations):
            await bot.start(settings.discord.token.get_secret_value())
    except discord.LoginFailure:
        return _say(
            "Discord rejected this DISCORD_TOKEN; copy it again from the Bot page of your "
            "application.",
            REFUSED,
        )
    except (discord.HTTPException, aiohttp.ClientError, discord.GatewayNotFound) as error:
        return _say(
            f"Can't connect to Discord: {error}. Check the network and try again.", UNAVAILABLE
        )
    except InUseError as error:
        return _say(str(error), IN_USE)
    except UnavailableError as error:
        return _say(str(error), UNAVAILABLE)
    except EngineError as error:
        return _say(str(error), WRONG_SETTINGS)
    except (ClosingError, RuntimeError):
        # Stopped while starting: the closed session raises this.
        if not bot.is_closed():
            raise
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    return IN_USE if bot.replaced else 0


_stopping: set[asyncio.Task[None]] = set()


def _stop(bot: ImageBot, number: int) -> None:
    log.info("%s: stopping", signal.Signals(number).name)
    task = asyncio.ensure_future(bot.close())
    _stopping.add(task)  # the loop keeps no strong reference to it
    task.add_done_callback(_stopping.discard)


def _say(sentence: str, code: int) -> int:
    log.critical("%s", sentence)
    return code


def _use_test_server(address: str) -> None:
    """Connect to another server in place of Discord, for tests."""
    discord.http.Route.BASE = f"{address}/api/v10"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = (
        yarl.URL(address.replace("http://", "ws://")) / "gateway"
    )


if __name__ == "__main__":
    sys.exit(main())
