"""A virtual Discord (SimCord) with the real bot in it, painting for real.

It paints with a tiny model for speed; imagine/test_drawn.py uses the shipped one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from types import SimpleNamespace

import discord
import pytest
import simcord
import simcord.backend.cdn
import simcord.interactions
from aiohttp import web
from simcord.backend.serializers import message_payload
from simcord.results import to_discord_message

from bot import ImageBot, create_bot
from bot.delivery.delivery import Delivery
from bot.delivery.progress import ProgressMessage
from bot.host.settings import (
    DeliverySettings,
    PaintingSettings,
)
from bot.language.commands import know_commands
from bot.requests.describing import Describer
from engine.models import load_models
from tests.cogs.media import MediaHost
from tests.made_settings import HOST_SERVER, made_settings
from tests.tiny_model import write_tiny_model

MAX_WAIT = 30.0  # seconds that anything may take on a busy machine
RESULT_LABELS = ["Again", "Remix", "Continue", "Edit", "More", "Video", "Favourite", "Delete"]
LOOK_EVERY = 0.01  # seconds between two looks whether the bot is at rest


@pytest.fixture(scope="session", autouse=True)
def _settle_at_once():
    """Wait less than SimCord does after each action: it looks every 0.05 s, mostly in vain."""
    defaults = simcord.Env._settle_internal.__kwdefaults__
    assert defaults is not None
    assert defaults["idle"] == 0.05
    defaults["idle"] = LOOK_EVERY
    yield
    defaults["idle"] = 0.05


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def load_once():
    """The engine's load_models, reading each model once for all worlds; jobs never change it."""
    loaded = {}

    def load(name, **options):
        key = (os.environ["IMAGINE_MODELS_CATALOGUE"], name, options["device"])
        if key not in loaded:
            loaded[key] = load_models(name, **options)
        return loaded[key]

    return load


@pytest.fixture
def model():
    """The model that the bot paints with; a test module may choose another."""
    return "tiny"


@pytest.fixture
def settings(tmp_path, catalogue, load_once, model, monkeypatch):
    monkeypatch.setattr("engine.worker.main.load_models", load_once)
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    painting = PaintingSettings(data_folder=tmp_path / "data", model=model, device="cpu", threads=1)
    return made_settings(tmp_path, painting=painting, delivery=DeliverySettings(preview_seconds=0))


class ErrorLog(logging.Handler):
    """Collects what is logged as an error, in any phase of the test: caplog forgets each phase."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.lines = []
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record):
        self.lines.append(self.format(record))


@contextlib.contextmanager
def no_unexpected_errors(expected):
    """Fail if an unexpected error is logged, or if one of ``expected`` is in no logged error."""
    log = ErrorLog()
    logging.getLogger().addHandler(log)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(log)
    unexpected = [line for line in log.lines if not any(words in line for words in expected)]
    missing = [words for words in expected if not any(words in line for line in log.lines)]
    assert not unexpected, "\n".join(unexpected)
    assert not missing, f"these errors were expected and not logged: {missing}"


class World:
    """A virtual Discord, and the bot that runs in it at the moment."""

    bot: ImageBot
    env: simcord.Env

    def __init__(self, settings, monkeypatch):
        self.settings = settings
        self.monkeypatch = monkeypatch
        self.expected_errors = []
        self._made = {}  # the message that was made last of what is stored, by its id

    def expect_error(self, words):
        """Require that the bot logs an error with ``words``; any other error fails the test."""
        self.expected_errors.append(words)

    def external(self, cls, name, reason):
        """Tell SimCord that this method waits for something other than the bot."""
        method = getattr(cls, name)

        async def waiting(part, *arguments):
            return await self.env.external_wait(method(part, *arguments), reason=reason)

        self.monkeypatch.setattr(cls, name, waiting)

    async def start(self):
        self.bot = await self._new_bot()
        self.env = simcord.Env(self.bot, shard_count=1)
        # There before the bot's start, which registers the host's commands in it.
        self.studio = self.env.create_guild("Studio", id=HOST_SERVER)
        await self.env.start()

    async def _new_bot(self):
        bot = create_bot(self.settings, in_process=True)
        # Opened here, not in setup_hook: the queue's tasks wait for the worker's thread, and
        # SimCord would wait for them.
        await bot.open()
        return bot

    async def restart(self, meanwhile=None):
        """End the bot as SIGTERM does, and start another on the same data folder.

        ``meanwhile`` is what happens to the folder while no bot runs.
        """
        await self.bot.close()
        if meanwhile is not None:
            await meanwhile()
        self.bot = await self._new_bot()
        self._made.clear()  # they belong to the other bot
        await self.env.restart_bot(self.bot)

    async def stop(self):
        await self.env.shutdown()
        await self.bot.close()
        self.env._raise_errors_since(self.env._errors_acknowledged)

    async def until(self, condition, what="this"):
        """Let the bot and its worker run until ``condition()`` holds."""
        deadline = asyncio.get_running_loop().time() + MAX_WAIT
        while True:
            await self.env.settle(timeout=MAX_WAIT, idle=LOOK_EVERY)
            found = condition()
            if found:
                return found
            assert asyncio.get_running_loop().time() < deadline, (
                f"{what} did not happen:\n{self.env.transcript()}"
            )
            await asyncio.sleep(0.01)

    def messages(self, channel):
        """Return a channel's public messages, oldest first, as they are now.

        SimCord's ``channel.history()`` makes all of them each time, of which each takes
        milliseconds; here only those are made that have changed.
        """
        stored = self.env.backend.messages.get(channel.id, {}).values()
        public = [message for message in stored if not message.is_ephemeral]
        return [self._message(message) for message in sorted(public, key=lambda each: each.id)]

    def _message(self, stored):
        now = repr(message_payload(self.env.backend, stored))
        before, made = self._made.get(stored.id, (None, None))
        if before != now:
            made = to_discord_message(self.env, stored)
            self._made[stored.id] = now, made
        return made

    def pictures_without_alt_text(self):
        """The names of the pictures and videos that the bot has sent without a description."""
        return [
            file["filename"]
            for channel in self.env.backend.messages.values()
            for message in channel.values()
            if self.bot.user is not None and message.author_id == self.bot.user.id
            for file in message.attachments
            if file["filename"].endswith((".png", ".jpg", ".webp", ".mp4"))
            and not file.get("description")
        ]

    def results(self, channel):
        """The posted pictures: messages that have a Video button."""
        return [message for message in self.messages(channel) if "Video" in labels(message)]

    async def painted(self, channel, count=1):
        """Return the results in ``channel`` once there are ``count`` and no job is left."""
        await self.until(
            lambda: len(self.results(channel)) >= count and not self.bot.queue.overview(),
            f"{count} pictures",
        )
        await self.until(lambda: not self.bot.delivery.busy, "the delivery")
        return self.results(channel)

    async def filmed(self, channel, count=1):
        """Return the posted time-lapses once there are ``count`` and no job is left."""

        def films():
            return [
                message
                for message in self.messages(channel)
                if any(file.filename.endswith((".mp4", ".webp")) for file in message.attachments)
            ]

        await self.until(
            lambda: len(films()) >= count and not self.bot.queue.overview(), f"{count} time-lapses"
        )
        await self.until(lambda: not self.bot.delivery.busy, "the delivery")
        return films()


def job_id_of(message):
    """Return the id of the job that a message's buttons belong to."""
    return message.components[0].children[0].custom_id.rsplit(":", 1)[1]


def labels(message):
    """Return the labels of a message's buttons."""
    found = []

    def walk(components):
        for component in components:
            label = getattr(component, "label", None)
            if label:
                found.append(label)
            walk(getattr(component, "children", ()))

    walk(message.components)
    return found


@pytest.fixture
async def world(settings, monkeypatch, caplog):
    place = World(settings, monkeypatch)
    # SimCord waits for timers that end within MAX_WAIT, each time it settles.
    monkeypatch.setattr("bot.host.adoption.LOOK_SECONDS", 3600.0)
    monkeypatch.setattr("bot.host.wishes.LOOK_SECONDS", 3600.0)
    monkeypatch.setattr("bot.moderation.purges.LOOK_SECONDS", 3600.0)
    monkeypatch.setattr("bot.requests.deletions.WAIT_SECONDS", 3600.0)
    place.external(Delivery, "next_event", "the job's next event")
    place.external(Describer, "wait", "a description")
    place.external(ProgressMessage, "wait_for_update", "something to show")
    with no_unexpected_errors(place.expected_errors):
        await place.start()
        # A message's age is measured by the clock that its id is from.
        monkeypatch.setattr(discord.utils, "utcnow", place.env.now)
        with caplog.at_level(logging.INFO):
            yield place
        assert place.pictures_without_alt_text() == []
        await place.stop()
        know_commands({})  # each world has its own


@pytest.fixture
def here(world):
    """A server with two channels, members and a moderator."""
    guild = world.studio
    moderators = guild.create_role(
        "moderators", permissions=discord.Permissions(manage_messages=True)
    )
    add = lambda name, **more: guild.add_member(world.env.create_user(name), **more)  # noqa: E731
    return SimpleNamespace(
        guild=guild,
        channel=guild.create_text_channel("paintings"),
        other=guild.create_text_channel("other"),
        alice=add("alice"),
        bob=add("bob"),
        moderator=add("moderator", roles=[moderators]),
    )


class Held:
    """Holds a queue, so that new jobs wait without painting."""

    def __init__(self, queue):
        self._dispatcher, self._paint = queue._dispatcher, queue._dispatcher._paint
        self._go_on = asyncio.Event()

    def hold(self):
        self._dispatcher._paint = self._wait

    def release(self):
        self._dispatcher._paint = self._paint
        self._go_on.set()

    async def _wait(self, job, worker):
        await self._go_on.wait()
        await self._paint(job, worker)


@pytest.fixture
def held(world):
    """Holds the queue once told to, at most until the test is over."""
    holder = Held(world.bot.queue)
    yield holder
    holder.release()


@pytest.fixture
async def host(world, monkeypatch):
    """A media host that serves uploads, and that the bot accepts as Discord's."""
    host = MediaHost()
    application = web.Application()
    application.router.add_get("/{tail:.*}", host.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.address = f"127.0.0.1:{runner.addresses[0][1]}"
    host.backend = world.env.backend
    world.settings.test.media_host = host.address
    monkeypatch.setattr(simcord.backend.cdn, "CDN_BASE", f"http://{host.address}")
    yield host
    await runner.cleanup()


async def newest(world, channel, count):
    """Return the job of the newest result once there are ``count``."""
    return await world.bot.store.job(job_id_of((await world.painted(channel, count))[-1]))


@pytest.fixture
def german(here, monkeypatch):
    """A member whose Discord is in German; the virtual Discord has no locales of its own."""
    greta = here.guild.add_member(here.guild._env.create_user("greta"))
    plain = simcord.interactions.base_payload

    def in_german(backend, *, user_id, **more):
        record, payload = plain(backend, user_id=user_id, **more)
        if user_id == greta.id:
            payload["locale"] = "de"
        return record, payload

    monkeypatch.setattr(simcord.interactions, "base_payload", in_german)
    return greta
