"""A preview with the real bot, which paints in this process with a tiny model."""

from __future__ import annotations

import asyncio
import contextlib
import time

import aiohttp
import discord
import pytest
import pytest_asyncio
import yarl

from bot import create_bot
from bot.language.commands import know_commands
from bot.preview import opened_preview
from engine.models import load_models
from tests.tiny_model import write_tiny_model

_SECONDS = 20.0


class Page:
    """What the page does: sends acts, and receives what a person sees."""

    def __init__(self, opened, session, socket):
        self.url, self.place, self.standin = opened.url, opened.place, opened.standin
        self.session, self._socket = session, socket
        self.robin, self.kim, self.morgan, self.host = (
            each.user.id for each in opened.place.people
        )
        self.seen = {}

    async def look(self, **where):
        """Look as another person or at another channel."""
        await self._socket.send_json(where)
        await self.until(lambda: where.items() <= self.seen["here"].items())

    async def until(self, condition):
        deadline = time.monotonic() + _SECONDS
        while not self.seen or not (found := condition()):
            if time.monotonic() > deadline:
                pytest.fail("\n".join(map(str, self.seen.get("messages", ["nothing yet"]))))
            with contextlib.suppress(TimeoutError):
                self.seen |= await self._socket.receive_json(timeout=1.0)
        return found

    async def act(self, kind, who=None, channel=None, **more):
        here = {"as": who or self.robin, "channel": channel or self.seen["here"]["channel"]}
        async with self.session.post(
            f"{self.url}act", json={"act": kind, **here, **more}
        ) as answer:
            return await answer.json()

    async def message(self, fits):
        """The newest message for which ``fits`` holds, once there is one."""
        return (await self.until(lambda: [each for each in self.seen["messages"] if fits(each)]))[
            -1
        ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(tmp_path_factory):
    catalogue = write_tiny_model(tmp_path_factory.mktemp("tiny"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
        patch.setenv("IMAGINE_MODEL", "tiny")
        patch.setenv("IMAGINE_DEVICE", "cpu")
        patch.setenv("IMAGINE_THREADS", "1")
        patch.setenv("IMAGINE_PREVIEW_SECONDS", "0.1")
        patch.setattr("engine.worker.main.load_models", load_models)
        async with opened_preview(port=0, env_file=None) as opened:
            opened.standin.rest.buckets.limit = 1000
            patch.setattr(discord.http.Route, "BASE", f"{opened.standin.url}/api/v10")
            gateway = yarl.URL(opened.standin.gateway.url)
            patch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
            bot = create_bot(opened.settings, in_process=True)
            running = asyncio.create_task(
                bot.start(opened.settings.discord.token.get_secret_value())
            )
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"{opened.url}live", max_msg_size=0) as socket,
            ):
                page = Page(opened, session, socket)
                await page.until(lambda: page.seen["place"]["ready"] and page.seen["commands"])
                yield page
            await bot.close()
            await running
    know_commands({})
