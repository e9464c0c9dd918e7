"""Every statement that the store runs uses an index, except those of work in the background."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest

from data.jobs.history import Search
from data.jobs.words import add_older_words
from data.people import LoggedAct, Preferences, Restriction
from data.picture_checks import Finding
from data.privacy.alias import Aliases
from data.sqlite.database import SqliteDatabase, SqliteTransaction
from engine.jobs.effort import Effort, Learnt
from tests.data.stored_jobs import added, done, painted, record
from tests.store_database import database_of

DATA = Path(__file__).resolve().parents[2] / "data"
ENDS = ("sqlite", "postgres")
CALLS = ("fetch", "scan", "change", "change_many")
PICTURE = b"a picture"
SHA = hashlib.sha256(PICTURE).hexdigest()
# It has only the jobs that are unfinished or not announced.
SHORT_INDEX = "USING INDEX jobs_untold"


def call_sites():
    """(file, first line, last line) of every call in ``data`` that runs a statement."""
    found = set()
    for path in DATA.rglob("*.py"):
        if path.parent.name in ENDS:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in CALLS
            ):
                found.add((str(path.relative_to(DATA)), node.lineno, node.end_lineno))
    return found


class Recorder:
    """What was run: by call site, (method, statement, values)."""

    def __init__(self, monkeypatch):
        self.run = {}
        for cls, names in (
            (SqliteDatabase, ("fetch", "scan")),
            (SqliteTransaction, ("fetch", "change", "change_many")),
        ):
            for name in names:
                self._record(monkeypatch, cls, name)

    def _record(self, monkeypatch, cls, name):
        method = getattr(cls, name)

        async def recorded(part, sql, *values):
            self.run.setdefault(self._site(), []).append((name, sql, values))
            return await method(part, sql, *values)

        monkeypatch.setattr(cls, name, recorded)

    def _site(self):
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(DATA) and path.parent.name not in ENDS:
                return str(path.relative_to(DATA)), frame.f_lineno
            frame = frame.f_back
        return "", 0


async def use_everything(store):
    """Call every method of the store in a way that reaches each of its statements."""
    await store.check()
    await store.set_meta("a", "b")
    await store.messages.results_since(0, 200)
    await use_learnt(store)
    await use_jobs(store)
    await use_shared_queue(store)
    await use_states(store)
    await use_servers_and_people(store)
    await use_upkeep(store)


async def use_learnt(store):
    effort = Effort("m", 64, 64, 8)
    await store.learn(Learnt(((effort, 1.0),), (("[]", effort, 9),), ("n",)))
    await store.learnt()


async def use_jobs(store):
    first = await painted(store, "a red fox", "ann", pictures={SHA: PICTURE}, init_image=SHA)
    waiting = await added(store, "a red fox", "bob")
    await store.started(waiting)
    await store.steer(waiting, "key", "{}")
    await store.steered(waiting, "key", (await store.job(waiting)).request)
    await store.wishes.steering()
    await store.interrupted(waiting, "stop")
    await store.requeued(waiting)
    await store.wishes.ask(waiting, "cancel")
    await store.wishes.mine()
    await store.waiting()
    await store.adopted()
    await store.undelivered()
    ended = await added(store)
    await store.failed(ended, "why")
    cancelled = await added(store)
    await store.cancelled(cancelled, b"half")
    await store.set_told(cancelled)
    await store.set_progress_message(first, "1")
    await store.set_result_message(first, "2")
    await store.set_result_message(ended, "3")
    await store.rendered("f" * 32, done())
    await store.picture(first)
    await store.rendition(first)
    await store.attachments(first)
    assert [job.id async for job in store.jobs_of("ann")]
    await store.count_of("ann")
    await store.unfinished_of("ann")
    await store.server_jobs.unfinished("100")
    await store.add(replace(record(), after=await store.newest_of("ann")), {})
    await store.recent_prompts("ann", 5)
    await use_history(store, first)
    await use_stars(store, first)
    await store.messages.job_shown_in("200", "2")
    await store.messages.job_starting_with("12345678")
    await store.messages.about(first)
    await store.messages.forget_others(first)
    await store.grid(first)
    await store.losses(first)
    await store.messages.results_of([first, ended])
    await store.messages.deleted("200", ["2", "none"])
    await store.messages.kept(await store.messages.keep("https://example.org"))
    for words in ("", "fox", "abc123", "nothing like it"):
        for person in (None, "ann"):
            for channels in (None, ["200", "201"]):
                await store.server_jobs.recent("100", person=person, words=words, channels=channels)
    for text in (first[:8], "123456789012345678"):
        await store.server_jobs.find("100", text)
    await store.server_jobs.asked_since("100", "ann", 0)
    await store.quota.keep(first)
    await store.quota.is_kept(first)
    await store.quota.keep(first, kept=False)
    await store.quota.make_room(0)
    await store.quota.limit_frames(0)


async def use_shared_queue(store):
    shared = store.share("1")
    await shared.publish(1, 1, "{}")
    await shared.statuses()
    ids = [record().id for _ in range(3)]
    await store.add_all([replace(record(id=id), grid=ids[0], seconds=1.0) for id in ids[:2]], {})
    await store.add(record(person="zoe", id=ids[2]), {})
    await shared.is_elsewhere(ids[0])
    await shared.still_mine(ids)
    # As if another process had them.
    database = database_of(store)
    mine = store._owner.name
    await database.change("UPDATE processes SET owner = 'other' WHERE owner = ?", mine)
    await database.change("UPDATE jobs SET owner = 'other' WHERE id IN (?, ?, ?)", *ids)
    await shared.look()
    assert len(await shared.take(ids[0])) == 2
    assert await store.started(ids[0])
    await store.failed(ids[0], "why")
    await shared.turns.forget_old()
    await shared.ask_to_retry("100")
    await shared.withdraw()
    store.shared = None


async def use_states(store):
    store.pictures.shared = True  # as if it were a bucket
    id = await added(store)
    await store.started(id)
    await store.bring_state(id)
    store.state_path(id).write_bytes(b"1")
    await store.rendered(id, done())
    await store.states.close()
    await store.add(replace(record(), continues=id), {})
    await store.states.thin_out([])
    store.pictures.shared = False


async def use_stars(store, first):
    stars = store.stars
    await stars.count(first, "100", 3)
    await stars.hide([first], "100")
    await stars.hide([first], "100", hidden=False)
    await stars.claim(first)
    await stars.release(first)
    await stars.posted([first], "100", "300", "77")
    await stars.message(first)
    assert await stars.newest(["200", "201"], 5, before=9)
    await stars.newest(["200", "201"], 5, after=0)
    await stars.most_starred("100", ["200"], 0, 5)
    await stars.of(first)


async def use_history(store, first):
    await store.history.toggle_favourite("ann", first)
    for search in (
        Search(),
        Search("fox"),
        Search(kind="favourites"),
        Search("fox", "edited", "tiny", since=1),
        Search("fox", "favourites", "tiny", since=1),
    ):
        await store.history.page("ann", search)
    await store.history.favourites_among("ann", [first])
    await store.history.toggle_favourite("ann", first)
    child = await painted(store, "a hen", "ann")
    await database_of(store).change("UPDATE jobs SET parent = ? WHERE id = ?", first, child)
    assert len(await store.lineage.tree(await store.job(child), 5)) == 2


async def use_servers_and_people(store):
    guilds, people, checks = store.guilds, store.people, store.picture_checks
    first = "0" * 32
    await guilds.change_settings("100", "ann", {"a": 1})
    await guilds.change_settings("100", "ann", {"a": None})
    await guilds.settings("100")
    await guilds.settings_log("100")
    await guilds.usage("100", "ann", 10)
    await guilds.forget_departed({"100"}, 0)
    await people.restrict(Restriction("100", "ann", "ban", moderator="bob"))
    await people.restrictions_of("100", "ann")
    await people.restrictions_in("100")
    await people.lift("100", "ann", "ban", "bob")
    await people.restrict(Restriction("100", "ann", "ban", moderator="bob"))
    await people.note(LoggedAct("100", "bob", "stop", "ann"))
    await people.acts("100", 5)
    await people.has_reported("ann", first)
    await people.prefer("ann", Preferences(64, 64))
    await people.preferences("ann")
    await checks.add([Finding("100", first, "ann", "x", 0.5, "warn")])
    await checks.needs_spoiler(first)
    await checks.findings("100", 5)
    for name in ("ink", "wash"):
        await store.styles.add("bob", name, "words", 5)
        await store.styles.share("100", "bob", name, "words", 5)
    await store.styles.use("bob", "ink")
    await store.styles.used_by("bob")
    await store.styles.use("bob", None)
    await store.styles.find("bob", "100", "oil")
    await store.styles.of_person("bob")
    await store.styles.of_server("100")
    await store.styles.remove("bob", "ink")
    await store.styles.unshare("100", "ink")
    purge = await store.purges.ask("100", "bob", "ann", None, "why")
    await store.purges.asked(purge.id)
    await store.purges.begin(purge.id)
    await store.purges.running()
    await store.purges.shown_in(purge.id, "200", "9")
    await store.purges.count(purge)
    await store.purges.jobs(purge, 0, 5)
    await store.purges.removed(purge.id, failed=True)
    await store.purges.end(purge.id)
    shown = await painted(store)
    await checks.withhold(shown, [Finding("100", shown, "ann", "x", 0.5, "withhold")], "why")


async def use_upkeep(store):
    await store.denied_servers.add("1")
    await store.denied_servers.all()
    await store.denied_servers.remove("1")
    await store.running_bots.claim("1")
    await store.running_bots.renew("1")
    await store.running_bots.release("1")
    await store.shards.claim("1", 2, (0,))
    await database_of(store).change(
        "INSERT INTO shards (application_id, shard, shards, owner, lease_until, home) "
        "VALUES ('1', 1, 2, 'other', 9000000000000000, 0)"
    )
    await store.shards.look("1", 2, (0, 1))
    await database_of(store).change("UPDATE shards SET lease_until = 0 WHERE application_id = '1'")
    await store.shards.claim("1", 3, (0,))
    await store.shards.give_back("1", 0)
    await store.shards.release("1")
    await store.shards.wait_for_start("1", 0)
    store.claims.seconds = 0.03
    async with store.claims.hold("work"):
        await asyncio.sleep(0.1)
    guilds, people = store.guilds, store.people
    await store.overview.jobs_by_state()
    await store.overview.last_channels(0)
    await store.set_meta("words to add", "9")
    await add_older_words(database_of(store))
    await guilds.forget_departed(set(), 0)
    await guilds.forget_departed(set(), 1 << 50)
    await guilds.change_settings("300", "ann", {"a": 1})
    await guilds.forget_departed(set(), 0)
    await guilds.forget_departed({"300"}, 1)
    await store.privacy.export("ann")
    await store.privacy.person_columns()
    await Aliases(store.folder).of("ann")
    await people.note(LoggedAct("100", "bob", "stop", "ann"))
    await store.privacy.forget("ann")

    async def one_day(guild_id):
        return 1

    await painted(store, "old", "bob", created_at=1)
    await store.retention.expire(one_day, 1)
    for folder, id in (("pictures", "a" * 32), ("attachments", "b" * 64)):
        orphan = store.folder / folder / id
        orphan.write_bytes(b"")
        os.utime(orphan, (1, 1))
    assert await store.retention.sweep() == 2
    await store._leases.renew()
    await store._identity()
    await store._leases.release()


def reads_too_much(detail, sql):
    """Whether a step of a plan reads a whole table, or all jobs of a server."""
    if detail.endswith(" jobs_by_guild (guild_id=?)"):
        return not sql.endswith("WHERE guild_id = ? ORDER BY sequence DESC LIMIT ?")
    # A subquery's own steps are judged by themselves.
    inner = detail.startswith(("SCAN CONSTANT", "SCAN (", "SCAN asked", "SCAN newest"))
    return detail.startswith("SCAN ") and not inner and SHORT_INDEX not in detail


@pytest.fixture
def database_url():
    """Plans are SQLite's; on PostgreSQL the same statements run in tests/data/postgres."""


@pytest.fixture
async def run(store, monkeypatch):
    recorder = Recorder(monkeypatch)
    monkeypatch.setattr("data.jobs.words._BATCH", 1)
    monkeypatch.setattr("data.learnt.MOST", 1)
    await use_everything(store)
    monkeypatch.undo()
    return recorder.run


async def test_no_statement_that_somebody_waits_for_reads_a_whole_table(store, run):
    scanned = []
    for statements in run.values():
        for name, sql, values in statements:
            if name == "scan" or sql.startswith("PRAGMA") or "sqlite_master" in sql:
                continue
            given = values[0][0] if name == "change_many" and values[0] else values
            if name == "change_many" and not values[0]:
                continue
            plan = await database_of(store).fetch(f"EXPLAIN QUERY PLAN {sql}", *given)
            scanned += [
                f"{step['detail']}: {sql}" for step in plan if reads_too_much(step["detail"], sql)
            ]
    assert not scanned, "\n".join(dict.fromkeys(scanned))


async def test_these_are_all_statements(run):
    missing = {
        site
        for site in call_sites()
        if not any(site[0] == file and site[1] <= line <= site[2] for file, line in run)
    }
    assert not missing, "use_everything() reaches none of these"
