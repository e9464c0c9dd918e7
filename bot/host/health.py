"""The host's HTTP server: /metrics for Prometheus and /healthz for a supervisor.

It listens on loopback unless the settings say otherwise, and reveals no users, prompts or tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import discord
from aiohttp import web

from bot.host.metrics import CONTENT_TYPE, Metrics, RunningBot
from bot.host.settings import OperationsSettings
from data.errors import StoreError
from data.store import Store

log = logging.getLogger(__name__)

DATABASE_SECONDS = 5.0


class WatchedBot(RunningBot, Protocol):
    """What the server reads from the bot; ``store`` exists once the bot is ``opened``."""

    store: Store
    metrics: Metrics

    def is_ready(self) -> bool:
        """Whether the gateway has sent all that the bot needs to work."""

    @property
    def shards(self) -> Mapping[int, discord.ShardInfo]:
        """The connections to the gateway."""


class HealthServer:
    """Serves both pages on ``host`` and ``port`` from :meth:`start` to :meth:`close`."""

    def __init__(self, bot: WatchedBot, host: str, port: int) -> None:
        self.bot = bot
        self.host, self.port = host, port
        self._runner: web.AppRunner | None = None

    async def start(self) -> bool:
        """Start listening; if that fails, log a warning and return False. The bot continues."""
        application = web.Application()
        application.add_routes(
            [web.get("/metrics", self._metrics), web.get("/healthz", self._health)]
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
        except (OSError, OverflowError) as error:
            await runner.cleanup()
            why = getattr(error, "strerror", None) or error
            log.warning(
                "Cannot serve /metrics and /healthz on %s port %d (%s). Another program "
                "may use that port; choose another IMAGINE_METRICS_PORT, or 0 to turn "
                "them off",
                self.host,
                self.port,
                why,
            )
            return False
        self._runner = runner
        self.port = runner.addresses[0][1]  # with port 0 the system chooses one
        log.info("Serving /metrics and /healthz on %s port %d", self.host, self.port)
        return True

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=self.bot.metrics.page(self.bot), headers={"Content-Type": CONTENT_TYPE}
        )

    async def _health(self, request: web.Request) -> web.Response:
        reasons = await problems(self.bot)
        body = {
            "status": "unavailable" if reasons else "ok",
            "reasons": reasons,
            "draining": self.bot.opened and self.bot.queue.draining,
        }
        return web.json_response(body, status=503 if reasons else 200)


async def problems(bot: WatchedBot) -> list[str]:
    """Return a sentence for each reason why the bot cannot work now; empty if it can."""
    reasons = []
    if not bot.is_ready():
        reasons.append("The bot is not connected to Discord's gateway yet.")
    elif any(shard.is_closed() for shard in bot.shards.values()):
        reasons.append("The connection to Discord's gateway is lost; the bot is reconnecting.")
    if not bot.opened:
        return [*reasons, "The database is not open."]
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            await bot.store.check()
    except StoreError:
        reasons.append("The database can't be read; see the log.")
    except TimeoutError:
        reasons.append(f"The database has not answered for {DATABASE_SECONDS:g} s.")
    if not bot.queue.serving:
        reasons.append("The queue is not running.")
    return reasons


@contextlib.asynccontextmanager
async def serve(bot: WatchedBot, settings: OperationsSettings) -> AsyncIterator[None]:
    """Serve both pages while the context lasts, as ``settings`` say."""
    server = HealthServer(bot, settings.metrics_host, settings.metrics_port)
    if settings.metrics_port:
        await server.start()
    try:
        yield
    finally:
        await server.close()
