"""/metrics and /healthz over HTTP."""

from __future__ import annotations

import asyncio
import logging
import re
import socket

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot import create_bot
from bot.host.health import HealthServer
from bot.host.settings import (
    OperationsSettings,
)
from bot.standin import StandIn
from data.sqlite.backup import backups
from tests.databases import open_database
from tests.e2e.conftest import BotProcess
from tests.made_settings import made_settings
from tests.tiny_model import write_tiny_model


@pytest.fixture
def settings(tmp_path):
    return made_settings(tmp_path, operations=OperationsSettings(metrics_port=0, backups_kept=1))


async def get(port, path):
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as response,
    ):
        return response.status, await response.text()


def samples(page):
    """Return every figure on the page, by its name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


async def test_an_unconnected_bot_says_why_it_is_not_healthy(settings):
    bot = create_bot(settings)
    async with bot:
        server = HealthServer(bot, "127.0.0.1", 0)
        assert await server.start()
        status, text = await get(server.port, "/healthz")
        assert status == 503
        assert "gateway yet" in text
        assert "database is not open" in text
        status, page = await get(server.port, "/metrics")
        assert status == 200
        assert samples(page)["imagine_jobs_total", ("state", "failed")] == 0
        assert (await get(server.port, "/"))[0] == 404
        await server.close()


async def test_a_port_in_use_is_logged_and_does_not_stop_the_bot(settings, caplog):
    bot = create_bot(settings)
    with socket.create_server(("127.0.0.1", 0)) as other, caplog.at_level(logging.WARNING):
        async with bot:
            server = HealthServer(bot, "127.0.0.1", other.getsockname()[1])
            assert not await server.start()
            await server.close()
    assert "choose another IMAGINE_METRICS_PORT" in caplog.text


async def test_backups_are_made_when_due_and_old_ones_are_deleted(settings):
    bot = create_bot(settings, in_process=True)
    folder = settings.painting.data_folder
    async with bot:
        await bot.open()
        assert await bot.upkeep.back_up_when_due()
        assert not await bot.upkeep.back_up_when_due()
        (new,) = backups(folder)
        old = new.path.rename(new.path.with_name("imagine-bot-20260101T000000Z.sqlite3"))
        assert await bot.upkeep.back_up_when_due()
        assert not old.exists()
        age = samples(bot.metrics.page(bot).decode())[("imagine_last_backup_time_seconds",)]
        assert age == pytest.approx(backups(folder)[0].made.timestamp(), abs=5)


@pytest.mark.slow
@pytest.mark.timeout(500)
async def test_a_real_bot_is_healthy_and_counts_its_work(tmp_path):
    standin = StandIn()
    await standin.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bot = BotProcess(
        standin,
        tmp_path / "data",
        tmp_path / "bot.log",
        {
            "DISCORD_TOKEN": standin.token,
            "IMAGINE_DATA_FOLDER": str(tmp_path / "data"),
            "IMAGINE_MODEL": "tiny",
            "IMAGINE_DEVICE": "cpu",
            "IMAGINE_THREADS": "1",
            "IMAGINE_MODELS_CATALOGUE": str(write_tiny_model(tmp_path)),
            "IMAGINE_TEST_DISCORD_URL": standin.url,
            "IMAGINE_METRICS_PORT": str(port),
        },
    )
    channel, alice = standin.world.add_channel("paintings"), standin.world.add_user("alice")
    try:
        await bot.start()
        standin.fail("POST", r"/channels/\d+/messages$", 502, times=1)
        await standin.command(alice, channel, "imagine", prompt="a secret fox", iterations=3)
        await bot.until(lambda: standin.results(channel), "the result", 300)
        page = ""
        while samples(page).get(("imagine_jobs_total", ("state", "delivered"))) != 1:
            _, page = await get(port, "/metrics")
        found = samples(page)
        for state in ("queued", "running", "rendered"):
            assert found["imagine_jobs_total", ("state", state)] == 1
        errors = found["imagine_discord_rest_errors_total", ("method", "POST"), ("status", "502")]
        assert errors == 1
        assert found[("imagine_discord_requests_total", ("method", "POST"))] > 1
        assert found[("imagine_event_loop_lag_seconds_count",)] > 0
        assert found[("imagine_iterations_total",)] == 3
        assert found[("imagine_worker_memory_bytes",)] > 1e7
        for secret in (standin.token, "secret", alice.id, channel.id):
            assert secret not in page
        # discord.py counts as ready once no server has arrived for 2 s; the picture may be faster.
        async with asyncio.timeout(60):
            while "gateway yet" in (health := await get(port, "/healthz"))[1]:
                pass
        assert health == (200, '{"status": "ok", "reasons": [], "draining": false}')
        with open_database(tmp_path / "data" / "imagine-bot.sqlite3") as other:
            other.execute("ALTER TABLE meta RENAME TO away")
        status, text = await get(port, "/healthz")
        assert (status, bool(re.search("database can't be read", text))) == (503, True)
        with open_database(tmp_path / "data" / "imagine-bot.sqlite3") as other:
            other.execute("ALTER TABLE away RENAME TO meta")
        assert await bot.end() == 0
    finally:
        if bot.process is not None and bot.process.returncode is None:
            bot.process.kill()
            await bot.process.wait()
        await standin.stop()
