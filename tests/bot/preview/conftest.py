"""A preview with the real bot, which paints in this process with a tiny model."""

from __future__ import annotations

import asyncio

import discord
import pytest
import pytest_asyncio
import yarl

from bench.tour.visitor import Visitor, visiting
from bot import create_bot
from bot.language.commands import know_commands
from bot.preview import opened_preview
from engine.models import load_models
from tests.tiny_model import write_tiny_model

_SECONDS = 20.0


class Page(Visitor):
    """A visitor of the page, with what is behind it."""

    def __init__(self, opened, visitor):
        super().__init__(visitor.url, visitor.session, visitor._socket, _SECONDS)
        self.seen, self.place, self.standin = visitor.seen, opened.place, opened.standin
        self.robin, self.kim, self.morgan, self.host = self.people.values()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(tmp_path_factory):
    catalogue = write_tiny_model(tmp_path_factory.mktemp("tiny"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
        patch.setenv("IMAGINE_MODEL", "tiny")
        patch.setenv("IMAGINE_DEVICE", "cpu")
        patch.setenv("IMAGINE_THREADS", "1")
        patch.setenv("IMAGINE_MAX_PIXELS", "4096")
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
            async with visiting(opened.url, _SECONDS) as visitor:
                yield Page(opened, visitor)
            await bot.close()
            await running
    know_commands({})
