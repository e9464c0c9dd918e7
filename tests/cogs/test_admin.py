"""/admin can be used by the bot's host alone."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import discord
import pytest
from discord import app_commands
from pydantic import SecretStr
from simcord.backend.errors import SetupError

from bot.host.health import problems
from bot.host.processes import ProcessStatus, read_status
from bot.host.settings import DiscordSettings
from cogs.admin import Admin
from cogs.admin._workers import processes_text, worker_line, workers_text
from engine.worker.status import WorkerStatus
from tests.cogs.cards import text_of
from tests.made_settings import HOST_SERVER


@pytest.fixture
def host(world, here, monkeypatch):
    """The application's owner, an administrator; ``here.administrator`` is another one."""

    async def external(self, wait=Admin.until_empty):
        return await world.env.external_wait(wait(self), reason="the queue to be empty")

    monkeypatch.setattr(Admin, "until_empty", external)
    role = here.guild.create_role(
        "administrators", permissions=discord.Permissions(administrator=True)
    )
    add = lambda name: here.guild.add_member(world.env.create_user(name), roles=[role])  # noqa: E731
    here.administrator, host = add("administrator"), add("host")
    world.bot.owner_id = host.id
    return host


def group(world):
    return world.bot.tree.get_command("admin", guild=discord.Object(HOST_SERVER))


def admin(person, here, command, **options):
    return person.slash(here.channel, f"admin {command}", **options)


async def test_admin_is_hidden_from_members_and_in_direct_messages(world, here):
    with pytest.raises(SetupError, match="not visible"):
        await admin(here.moderator, here, "stats")
    assert world.bot.tree.get_command("admin") is None  # in all servers
    payload = group(world).to_dict(world.bot.tree)
    assert payload["default_member_permissions"] == 8


async def test_admin_is_shown_in_the_host_s_own_server_only(world, here, host):
    other = world.env.create_guild("Other")
    channel = other.create_text_channel("general")
    role = other.create_role("boss", permissions=discord.Permissions(administrator=True))
    host_there = other.add_member(host.user, roles=[role])
    with pytest.raises(SetupError):
        await host_there.slash(channel, "admin stats")
    assert (await admin(host, here, "workers")).ephemeral


async def test_without_its_server_the_host_s_commands_are_removed(world, here, host):
    registered = f"/guilds/{HOST_SERVER}/commands"
    bodies = lambda: [  # noqa: E731
        request.json
        for request in world.env.http_requests
        if request.method == "PUT" and request.path.endswith(registered)
    ]
    assert [command["name"] for command in bodies()[-1]] == ["admin"]
    world.settings = replace(
        world.settings, discord=DiscordSettings(token=SecretStr("made.up.token"))
    )
    await world.restart()
    assert bodies()[-1] == []
    assert world.bot.get_cog("Admin") is None
    with pytest.raises(SetupError):
        await admin(host, here, "stats")


async def test_a_host_s_server_without_the_bot_is_named_and_stops_nothing(world, here, caplog):
    elsewhere = str(HOST_SERVER + 1)
    world.settings = replace(
        world.settings,
        discord=DiscordSettings(token=SecretStr("made.up.token"), host_server=elsewhere),
    )
    path = f"/applications/{world.bot.application_id}/guilds/{elsewhere}/commands"
    world.env.inject_error("PUT", path, status=403, code=50001)
    await world.restart()
    assert f"Could not register /admin in the server {elsewhere}" in caplog.text
    result = await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    assert result.response.content.startswith("Queued")
    await world.painted(here.channel)


async def test_every_subcommand_is_refused_to_everyone_but_the_host(world, here, host):
    for command in group(world).walk_commands():
        if isinstance(command, app_commands.Group):
            continue
        before = len(world.env.http_requests)
        options = {
            option.name: {
                discord.AppCommandOptionType.user: here.alice,
                discord.AppCommandOptionType.string: "on" if option.choices else "123456789012345",
            }[option.type]
            for option in command.parameters
            if option.required
        }
        said = await here.administrator.slash(here.channel, command.qualified_name, **options)
        assert said.ephemeral
        assert said.response.content == "Only the bot's host can do that."
        assert "PUT" not in [request.method for request in world.env.http_requests[before:]]
    assert not world.bot.queue.draining
    assert world.messages(here.channel) == []


def test_a_worker_that_rests_says_so():
    dead = WorkerStatus(False, 12, "cuda:1", "tiny", None, starts=3)
    assert worker_line(dead) == (
        "🔴 not running, process 12, on cuda:1, model tiny, started 3 times"
    )
    assert worker_line(replace(dead, resting=True)).endswith(
        "started 3 times, rests before the next start, because it keeps ending"
    )


def test_the_workers_of_a_cluster_fit_into_a_message_however_many_they_are():
    assert workers_text([]) == "No worker runs at the moment."
    worker = WorkerStatus(
        True, 12, "cuda:0", "m" * 60, 3 * 10**9, starts=3, node="2001:db8::" + "f" * 20
    )
    assert "process 12 on 2001:db8::" in workers_text([worker])
    text = workers_text([worker] * 10_000)
    assert text.endswith("\nand 9988 more")
    assert len(text) <= 2000


def test_all_processes_are_shown_with_their_workers_and_fit_into_a_message():
    worker = WorkerStatus(
        True, 12, "cuda:0", "m" * 60, 3 * 10**9, starts=3, node="2001:db8::" + "f" * 20
    )
    here = ProcessStatus("one:1", [0, 1, 2, 7], 1, 4, False, [replace(worker, pid=7)])
    there = ProcessStatus("two:2", [3], 2, 0, True, [worker])
    text = processes_text([here, read_status(json.dumps(asdict(there)))])
    assert "**one:1**, shards 0-2, 7 (this process): 1 running, 4 waiting\n🟢 process 7" in text
    assert "**two:2**, shards 3: 2 running, 0 waiting; not taking new jobs\n🟢 process 12" in text
    many = replace(there, name="h" * 60 + ":12345", shards=range(0, 1000, 2), workers=[worker] * 99)
    text = processes_text([many] * 50)
    assert text.endswith("and 44 more")
    assert len(text) <= 2000


def test_the_status_of_another_version_of_the_bot_is_read():
    newer = {**asdict(ProcessStatus("two:2", [3], 2, 0, True, [])), "mood": "good"}
    assert read_status(json.dumps(newer)).shards == [3]


async def test_the_host_sees_stats_and_workers(world, here, host):
    await here.alice.slash(here.channel, "imagine", prompt="a red circle --iterations 2")
    await world.painted(here.channel)
    stats = await admin(host, here, "stats")
    assert stats.ephemeral
    assert "Stored jobs: delivered 1\n" in text_of(stats)
    assert "0 running, 0 waiting\n" in text_of(stats)
    assert "In 1 server on 1 shard," in text_of(stats)
    workers = await admin(host, here, "workers")
    assert "on cpu, model tiny" in text_of(workers)
    assert "started 1 time" in text_of(workers)
    page = world.bot.metrics.page(world.bot).decode()
    for line in (
        'imagine_jobs_total{state="queued"} 1.0',
        'imagine_jobs_total{state="running"} 1.0',
        'imagine_jobs_total{state="delivered"} 1.0',
        "imagine_iterations_total 2.0",
        "imagine_job_wait_seconds_count 1.0",
        "imagine_job_run_seconds_count 1.0",
        "imagine_queue_length 0.0",
        "imagine_workers 1.0",
        "imagine_worker_up 1.0",
        "imagine_servers 1.0",
    ):
        assert f"\n{line}\n" in page
    assert world.settings.discord.token.get_secret_value() not in page
    assert str(here.alice.id) not in page
    assert await problems(world.bot) == []


async def test_draining_paints_queued_jobs_refuses_new_ones_and_reports_the_end(world, here, host):
    await here.alice.slash(here.channel, "imagine", prompt="a red circle --iterations 3")
    said = await admin(host, here, "drain", state="on")
    assert "1 job is left" in said.response.content
    refused = await here.alice.slash(here.channel, "imagine", prompt="another")
    assert refused.response.content.startswith("I'm going down for maintenance")
    await world.painted(here.channel)
    (direct,) = await world.until(lambda: world.messages(host.user.dm_channel), "a direct message")
    assert direct.content.endswith("You can stop me now.")
    assert "not taking new jobs" in text_of(await admin(host, here, "stats"))
    ended = await admin(host, here, "drain", state="off")
    assert ended.response.content == "I'm taking new jobs again."
    await here.alice.slash(here.channel, "imagine", prompt="another --iterations 1")
    assert len(await world.painted(here.channel, 2)) == 2


async def test_an_announcement_is_previewed_and_sent_where_pictures_were_requested(
    world, here, host
):
    none = await admin(host, here, "announce", text="hello")
    assert "nobody to send this to" in none.response.content
    await here.alice.slash(here.other, "imagine", prompt="a red circle --iterations 1")
    await world.painted(here.other)
    before = len(world.messages(here.other))
    shown = await admin(host, here, "announce", text="@everyone I rest at noon")
    assert "This goes to 1 server," in shown.response.content
    assert len(world.messages(here.other)) == before
    buttons = shown.response.components[0]["components"]
    send = next(button["custom_id"] for button in buttons if ":send:" in button["custom_id"])
    world.bot.owner_id = here.administrator.id  # the application has a new owner now
    refused = await host.click(shown.response, custom_id=send)
    world.bot.owner_id = host.id
    assert refused.response.content == "Only the bot's host can do that."
    assert len(world.messages(here.other)) == before
    await host.click(shown.response, custom_id=send)
    posted = world.messages(here.other)[before:]
    assert [message.content for message in posted] == ["@everyone I rest at noon"]
    assert not posted[0].mention_everyone
    shown = await admin(host, here, "announce", text="I am back")
    buttons = shown.response.components[0]["components"]
    await world.restart()
    world.bot.owner_id = host.id
    late = await host.click(shown.response, custom_id=buttons[0]["custom_id"])
    assert late.response.content.startswith("That announcement was already sent or discarded, or")
    assert len(world.messages(here.other)) == before + 1


async def test_sync_sends_the_commands_again(world, here, host):
    before = len(world.env.http_requests)
    said = await admin(host, here, "sync")
    assert said.response.content == f"Synced {len(world.bot.tree.get_commands()) + 1} commands."
    assert "PUT" in [request.method for request in world.env.http_requests[before:]]


async def test_states_without_jobs_are_left_out(world):
    assert await world.bot.store.overview.jobs_by_state() == {}
