"""docs/permissions.md is true about the rules: every way in, every rule, every kind of person.

People do each thing in SimCord, in a channel, a thread, a forum's post and in direct messages.
What then reaches the gate is held against each rule, and each answer against the page.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, get_args

import discord
import pytest

from bot.delivery.picture_check import judge
from bot.errors import BotError
from bot.guild.definitions import SECTIONS
from bot.requests.origin import Way
from data.people import HOST as EVERYWHERE
from data.people import Restriction
from engine.errors import EngineError
from engine.jobs.job import Place
from tests.cogs.conftest import job_id_of
from tests.cogs.test_permission_matrix import ROLES, said
from tests.cogs.ways_in import CHOICES, PICTURE, PROMPT, WAYS, WORD, Spot, tables

_, WAYS_TABLE, RULES_TABLE, _ = tables()
DIRECT = "direct messages"
NOTHING, EDITING, CONCEPTS = "none", "`roles_edit`", "`concepts`, to withhold"
BANNED, BAN = "banned", "`/mod ban`"


class CapturedError(BotError):
    """Ends a request at the gate, which has noted it."""


class Scene:
    """A server with one person of each kind, and what all of them act on."""

    def __init__(self, world: Any, here: Any, held: Any):
        self.world, self.here, self.held = world, here, held
        self.bot = world.bot
        self.guild = str(here.guild.id)

    async def prepare(self) -> None:
        world, guild = self.world, self.here.guild
        right = lambda name, **rights: guild.create_role(  # noqa: E731
            name, permissions=discord.Permissions(**rights)
        )
        member = lambda name, *roles: guild.add_member(  # noqa: E731
            world.env.create_user(name), roles=list(roles)
        )
        self.painters = str(guild.create_role("painters").id)
        self.people = {
            "stranger": self.here.bob,
            "requester": self.here.alice,
            "role without right": member("gus", right("guests")),
            "moderator": self.here.moderator,
            "manager": member("mona", right("managers", manage_guild=True)),
            "owner of the bot": member("olga"),
            BANNED: member("ben"),
            DIRECT: world.env.create_user("dora"),
        }
        assert tuple(self.people) == ROLES
        self.bot.owner_id = self.people["owner of the bot"].id
        self.forum = guild.create_forum_channel("ideas")
        jobs, direct = await self._jobs(self.here.alice), await self._jobs(self.people[DIRECT])
        message = await self.bot.get_channel(self.here.channel.id).send("talk")
        await message.create_thread(name="talk")
        await self.bot.get_channel(self.forum.id).create_thread(name="a post", content="look")
        dora = self.people[DIRECT]
        self.spots = {
            "channel": Spot(world, self.here.channel, jobs),
            "thread": Spot(world, self.here.channel.threads[0], jobs),
            "post": Spot(world, self.forum.threads[0], jobs),
            DIRECT: Spot(world, dora.dm_channel, direct, dora),
        }

    async def _jobs(self, person: Any) -> dict[str, str]:
        """A picture, an edit and a cancelled time-lapse of the person's."""
        alone = not hasattr(person, "guild")
        channel = person.dm_channel if alone else self.here.channel
        place = () if alone else (channel,)
        await person.slash(*place, "imagine", prompt=PROMPT)
        await person.slash(*place, "edit", prompt=PROMPT, image=PICTURE)
        painted, edited = [job_id_of(each) for each in await self.world.painted(channel, 2)]
        job = await self.bot.store.job(painted)
        made = await self.bot.queue.submit(
            job.request, person=job.person, place=job.place, time_lapse_of=painted
        )
        await self.bot.queue.cancel(made.id)
        file = await self.bot.store.messages.keep(job.request.model_dump_json())
        return {"painted": painted, "edited": edited, "time-lapse": made.id, "file": file}

    def spots_of(self, person: str) -> list[str]:
        return [DIRECT] if person == DIRECT else ["channel", "thread", "post"]

    async def change(self, **values: Any) -> None:
        await self.bot.store.guilds.change_settings(self.guild, "1", values)

    async def use(self) -> None:
        """Let each person have one picture today, and one in the queue."""
        self.held.hold()
        for kind, person in self.people.items():
            place = Place(None if kind == DIRECT else self.guild, "1")
            job = await self.bot.store.job(self.spots["channel"].jobs["painted"])
            await self.bot.queue.submit(job.request, person=str(person.id), place=place)

    async def restrict(self, person: Any, **terms: Any) -> None:
        await self.bot.people.restrict(
            Restriction(self.guild, str(person.id), moderator="1", **terms)
        )


SERVER: dict[str, dict[str, Any]] = {
    NOTHING: {},
    "a denied channel": {"channels_denied": ["channel"]},
    "a thread of a denied channel": {"channels_denied": ["channel"]},
    "a post in a denied forum": {"channels_denied": ["forum"]},
    "a channel that is not allowed": {"channels_allowed": ["other"]},
    "a thread of an allowed channel": {"channels_allowed": ["channel"]},
    "a post in an allowed forum": {"channels_allowed": ["forum"]},
    "`roles_use`": {"roles_use": ["painters"]},
    EDITING: {"roles_edit": ["painters"]},
    "`max_size`": {"max_size": "16x16"},
    "`max_size`, with a role in `roles_big`": {"max_size": "16x16", "roles_big": ["everyone"]},
    "`max_iterations`": {"max_iterations": 1},
    "`max_cutouts`": {"max_cutouts": 1},
    "`max_learning_rate`": {"max_learning_rate": 0.1},
    "`blocked_words`": {"blocked_words": [WORD]},
    CONCEPTS: {"concepts": {"blood": {"threshold": 0.0, "action": "withhold"}}},
    "`concepts_adults_only`": {
        "concepts": {WORD: {"threshold": 1.0, "action": "warn"}},
        "concepts_adults_only": True,
    },
    "`cooldown`": {"cooldown": 3600},
    "`jobs_a_day`": {"jobs_a_day": 1},
    "`jobs_a_day`, with a role that has more": {
        "jobs_a_day": 1,
        "jobs_a_day_by_role": {"everyone": 9},
    },
    "`jobs_waiting`": {"jobs_waiting": 1},
    "a private picture": {"private": False},
    "a private picture, with `private`": {"private": True},
}
PRIVATE = {rule for rule in SERVER if "private" in rule}  # held against private requests
LIMITS: dict[str, dict[str, Any]] = {
    "`/mod limit`, a day": {"kind": "limit", "a_day": 1},
    "`/mod limit`, waiting": {"kind": "limit", "waiting": 1},
    BAN: {"kind": "ban"},
}
DRAIN, HOST = "`/admin drain`", "`IMAGINE_MAX_JOBS_PER_PERSON`"
HOST_BAN, HOST_LIST = "`/admin people ban`", "`IMAGINE_ALLOWED_PEOPLE`"
# The rules of each check of the gate; the empty ones are no matter of who asks, and where.
CHECKS: dict[str, set[str]] = {
    "_check_draining": {DRAIN},
    "_check_allowed": {HOST_LIST},
    "_check_restrictions": {*LIMITS, HOST_BAN},
    "check": {*SERVER},
    "_check_host": {HOST},
    "_check_busy": set(),  # while their own data is exported or deleted
    "_check_repeated": set(),  # a time-lapse that is being made already
    "_fill_in_preferences": set(),
    "_check_words_known": set(),  # of the prompt alone
}
# Settings about requests that refuse nothing.
HARMLESS = {"roles_spoiler", "replies", "progress", "spoiler", "language"}
# Of several pictures at once: tests/cogs/imagine/test_grid.py and test_choices.py.
HARMLESS |= {"max_count", "max_choices"}
HARMLESS |= {"share_by_role"}  # only the order of jobs
HARMLESS |= {"strip", "sparkline"}  # only what a result shows
SPOT_OF = {
    "a thread of a denied channel": "thread",
    "a thread of an allowed channel": "thread",
    "a post in a denied forum": "post",
    "a post in an allowed forum": "post",
}


def expected(way: str, rule: str, person: str) -> str:
    """The answer by the page: yes, no or withheld."""
    if WAYS_TABLE[way]["held by the rules of"] == "the host":
        return RULES_TABLE[rule][DIRECT]
    if rule == EDITING and WAYS_TABLE[way]["needs the right to edit"] == "no":
        return RULES_TABLE[NOTHING][person]
    return RULES_TABLE[rule][person]


def test_every_way_and_every_rule_has_a_row():
    assert set(WAYS_TABLE) == set(WAYS)
    assert set(RULES_TABLE) == set().union(*CHECKS.values())
    for row in RULES_TABLE.values():
        assert set(row) == set(ROLES)


async def test_every_check_and_every_setting_about_requests_has_a_rule(world):
    assert {check.__name__ for check in world.bot.gate.checks} == set(CHECKS)
    tried = {setting for values in SERVER.values() for setting in values}
    for section in ("maximums", "who and where", "limits per member", "content"):
        assert {definition.name for definition in SECTIONS[section]} - HARMLESS <= tried


@pytest.fixture
async def scene(world, here, host, held):
    made = Scene(world, here, held)
    await made.prepare()
    return made


async def captured(scene: Scene, monkeypatch: Any) -> dict[tuple[str, str, str], Any]:
    """Let every person come by every way in every spot; what reaches the gate, by the three."""
    found: dict[tuple[str, str, str], Any] = {}
    reached: list[Any] = []

    async def note(asking, rules):
        reached.append(asking)
        raise CapturedError("noted")

    with monkeypatch.context() as patched:
        patched.setattr(scene.bot.gate, "check", note)
        for kind, person in scene.people.items():
            for spot in scene.spots_of(kind):
                for name, act in WAYS.items():
                    reached.clear()
                    await act(person, scene.spots[spot])
                    await scene.world.until(lambda: reached, f"{name} as {kind} in {spot}")
                    [found[name, kind, spot]] = reached
    return found


async def decided(scene: Scene, asking: Any, rule: str, rules: Any) -> str:
    asking = replace(asking, origin=replace(asking.origin, private=rule in PRIVATE))
    try:
        await scene.bot.gate.check(asking, rules)
    except (BotError, EngineError):
        return "no"
    job: Any = SimpleNamespace(id="1", person="1", guild_id=asking.origin.place.guild_id)
    return "withheld" if judge(rules, job, {}).action == "withhold" else "yes"


def values_of(scene: Scene, rule: str) -> dict[str, Any]:
    """The rule's settings with the ids of this server."""
    ids = {
        "channel": str(scene.here.channel.id),
        "forum": str(scene.forum.id),
        "other": str(scene.here.other.id),
        "painters": scene.painters,
        "everyone": scene.guild,
    }

    def with_ids(value: Any) -> Any:
        if isinstance(value, list):
            return [ids.get(each, each) for each in value]
        if isinstance(value, dict):
            return {ids.get(each, each): inner for each, inner in value.items()}
        return value

    return {name: with_ids(value) for name, value in SERVER.get(rule, {}).items()}


@contextlib.asynccontextmanager
async def under(scene: Scene, rule: str, kind: str) -> AsyncIterator[None]:
    """Let the rule hold for a person of this kind."""
    bot, person, limits = scene.bot, scene.people[kind], scene.world.settings.limits
    values = values_of(scene, rule)
    if kind == "role without right":
        values |= {"roles_use": [scene.painters], "roles_edit": [scene.painters]}
    await scene.change(**values)
    limited = rule in LIMITS and kind != DIRECT
    if limited:
        await scene.restrict(person, **LIMITS[rule])
    if rule == HOST_BAN:
        await bot.people.restrict(Restriction(EVERYWHERE, str(person.id), "ban", moderator="1"))
    bot.queue.draining = rule == DRAIN
    most = 1 if rule == HOST else limits.max_jobs_per_person
    bot.gate._limits = limits.model_copy(
        update={
            "max_jobs_per_person": most,
            "allowed_people": "1" * 18 if rule == HOST_LIST else "",
        }
    )
    yield
    if rule == HOST_BAN:
        await bot.people.lift(EVERYWHERE, str(person.id), "ban", "1")
    bot.queue.draining, bot.gate._limits = False, limits
    if limited and kind != BANNED:
        await bot.people.lift(scene.guild, str(person.id), LIMITS[rule]["kind"], "1")
    await scene.change(**dict.fromkeys(values))


THIRDS = [0, *(pytest.param(part, marks=pytest.mark.slow) for part in (1, 2))]


@pytest.mark.parametrize("third", THIRDS)
async def test_every_way_in_obeys_every_rule_for_everyone(scene, monkeypatch, third):
    """A third has each way, each rule with several kinds of people, and each kind."""
    asked = await captured(scene, monkeypatch)
    assert {asking.origin.way for asking in asked.values()} == set(get_args(Way))
    await scene.use()
    await scene.restrict(scene.people[BANNED], kind="ban")
    assert scene.people.keys() == set(ROLES)
    kinds = [(rule, kind) for i, rule in enumerate(RULES_TABLE) for kind in _turned(ROLES, i)]
    here = kinds[third::3]
    assert {rule for rule, _ in here} == RULES_TABLE.keys()
    assert {kind for _, kind in here} == set(ROLES)
    wrong = []
    for rule, kind in here:
        spot = DIRECT if kind == DIRECT else SPOT_OF.get(rule, "channel")
        async with under(scene, rule, kind):
            guilds = {asked[way, kind, spot].origin.place.guild_id for way in WAYS}
            rules = {guild: await scene.bot.guild_settings.rules(guild) for guild in guilds}
            for way in WAYS:
                asking = asked[way, kind, spot]
                its_rules = rules[asking.origin.place.guild_id]
                answer = await decided(scene, asking, rule, its_rules)
                if answer != expected(way, rule, kind):
                    wrong.append(f"{way}, {rule}, {kind}: {answer}")
    assert not wrong, "\n".join(wrong)


def _turned(names, by):
    by %= len(names)
    return [*names[by:], *names[:by]]


async def test_a_refusal_by_any_rule_is_told_and_changes_nothing(scene):
    """The same through the whole bot, as a stranger: told to them alone, and nothing is queued."""
    await scene.use()
    bob = scene.here.bob
    waiting = [job.id for job in scene.bot.queue.overview()]
    for rule in RULES_TABLE.keys() - PRIVATE:  # those: tests/cogs/imagine/test_private.py
        spot = scene.spots[SPOT_OF.get(rule, "channel")]
        async with under(scene, rule, "stranger"):
            for name, act in WAYS.items():
                if expected(name, rule, "stranger") != "no":
                    continue
                before = len(replies(scene, bob, spot))
                result = await act(bob, spot)
                if result is None:  # a message
                    assert len(replies(scene, bob, spot)) == before + 1, (name, rule)
                else:
                    await scene.world.until(lambda result=result: said(result), name)
                    assert result.ephemeral, (name, rule)
                    assert not said(result).startswith("Queued"), (name, rule)
                assert [job.id for job in scene.bot.queue.overview()] == waiting, (name, rule)


def replies(scene: Scene, person: Any, spot: Spot) -> list[Any]:
    """The bot's messages in the spot and in the person's direct messages."""
    return [
        message
        for channel in (spot.channel, person.user.dm_channel)
        for message in scene.world.messages(channel)
        if message.author.id == scene.bot.user.id
    ]


async def test_every_way_is_accepted_without_a_rule_and_checked_for_concepts(scene):
    # With a small maximum, so that what is asked to be large stays small.
    await scene.change(**values_of(scene, CONCEPTS), max_size="64x64")
    spot = scene.spots["channel"]
    for name, act in WAYS.items():
        before = {job.id for job in await everything(scene)}
        await act(scene.here.bob, spot)
        await scene.world.until(
            lambda: not scene.bot.queue.overview() and not scene.bot.delivery.busy, name
        )
        made = [each for each in await everything(scene) if each.id not in before]
        assert len(made) == (2 if name == CHOICES else 1), name
        stored = await scene.bot.store.job((job := made[0]).id)
        if WAYS_TABLE[name]["held by the rules of"] == "the host":
            assert stored.state == "delivered", name
        else:
            assert stored.state == "failed", name
            assert "withheld" in stored.error, name
            assert not any(
                message.attachments
                for message in scene.world.messages(spot.channel)
                if job.id in str(message.components)
            ), name


async def everything(scene: Scene) -> list[Any]:
    return [job async for job in scene.bot.store.jobs_of(str(scene.here.bob.id))]
