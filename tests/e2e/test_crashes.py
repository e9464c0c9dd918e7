"""Processes are killed at the worst moments: no job is lost, none is posted twice."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from bot.standin.components import buttons
from tests.e2e.conftest import running_bot
from tests.e2e.jobs import job_id_of, previews, row_of, rows
from tests.processes import is_running

pytestmark = pytest.mark.timeout(300)


async def test_the_picture_still_arrives_after_kill_9_of_the_worker(channel, alice, standin, bot):
    await standin.command(alice, channel, "imagine", prompt="a fox", iterations=120)
    await bot.until(lambda: previews(standin), "a preview")
    [worker] = bot.worker_ids()
    os.kill(worker, signal.SIGKILL)
    [result] = await bot.until(lambda: standin.results(channel), "the result")
    assert bot.worker_ids() != [worker]
    assert "120 iterations" in result["embeds"][0]["footer"]["text"]


@pytest.mark.slow
async def test_both_pictures_arrive_once_if_one_of_two_workers_is_killed(
    channel, alice, bob, standin, environment, tmp_path
):
    async with running_bot(
        standin, tmp_path, {**environment, "IMAGINE_DEVICE": "cpu,cpu", "IMAGINE_THREADS": "2"}
    ) as bot:
        await standin.command(alice, channel, "imagine", prompt="a fox", iterations=100)
        await standin.command(bob, channel, "imagine", prompt="a hen", iterations=100)
        await bot.until(
            lambda: len({request.path for request in previews(standin)}) == 2,
            "previews of both",
        )
        assert len(standin.results(channel)) == 0
        workers = bot.worker_ids()
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        await bot.until(lambda: len(standin.results(channel)) == 2, "both results")
        await bot.until(
            lambda: (
                [row["state"] for row in rows(bot, "SELECT state FROM jobs")] == ["delivered"] * 2
            ),
            "the rows",
        )
        assert len(set(map(job_id_of, standin.results(channel)))) == 2
        assert len(standin.results(channel)) == 2


@pytest.mark.slow
async def test_the_restarted_bot_delivers_jobs_after_kill_9(channel, alice, standin, bot):
    await standin.command(alice, channel, "imagine", prompt="a fox", iterations=120)
    await standin.command(alice, channel, "imagine", prompt="a hen", iterations=5)
    await bot.until(lambda: previews(standin), "a preview")
    workers = bot.worker_ids()
    await bot.end(signal.SIGKILL)
    # The workers exit and free the device.
    for _ in range(200):
        if not any(is_running(worker) for worker in workers):
            break
        await asyncio.sleep(0.05)
    assert not any(is_running(worker) for worker in workers)
    await bot.start()
    await bot.until(lambda: len(standin.results(channel)) == 2, "both results")
    await bot.until(
        lambda: [row["state"] for row in rows(bot, "SELECT state FROM jobs")] == ["delivered"] * 2,
        "the rows",
    )
    await bot.until(
        lambda: (
            sum(message["content"].startswith("Painted") for message in channel.messages.values())
            == 2
        ),
        "the end",
    )
    assert len(channel.messages) == 4


@pytest.mark.slow
async def test_a_result_whose_answer_was_lost_is_not_posted_again_after_a_crash(
    channel, alice, standin, bot
):
    """Discord has the message, the bot does not know, and the nonce has expired."""
    lost = standin.fail("POST", rf"/channels/{channel.id}/messages$", 503, times=99, done=True)
    await standin.command(alice, channel, "imagine", prompt="a fox", iterations=3)
    await bot.until(lambda: standin.results(channel), "the result whose answer was lost")
    await bot.end(signal.SIGKILL)
    lost.times = 0
    standin.clock.advance(10 * 60)
    await bot.start()
    [result] = standin.results(channel)
    await bot.until(
        lambda: row_of(bot, job_id_of(result))["result_message_id"] == result["id"], "the row"
    )
    assert len(standin.results(channel)) == 1


@pytest.fixture
def catalogue(catalogue, tmp_path):
    """As well as the tiny model, one called "broken", with a truncated file."""
    whole = catalogue.read_text("utf-8")
    for file in catalogue.parent.iterdir():
        if file.is_file() and file != catalogue:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "cut.pt").write_bytes((tmp_path / "clip.pt").read_bytes()[:1000])
    broken = whole.replace("tiny", "broken").replace("clip.pt", "cut.pt")
    both = tmp_path / "catalogue.toml"
    both.write_text(whole + broken, "utf-8")
    return both


@pytest.mark.slow
async def test_the_restarted_bot_posts_a_failure_once_if_the_first_was_killed_before(
    channel, alice, bob, standin, bot, tmp_path
):
    await standin.command(alice, channel, "imagine", prompt="a fox", size="128", iterations=1000)
    await bot.until(lambda: previews(standin), "a preview")
    await standin.command(bob, channel, "imagine", prompt="a hen", model="broken")
    progress = await bot.until(
        lambda: [message for message in channel.messages.values() if "2nd" in message["content"]],
        "bob's position",
    )
    job_id = job_id_of(progress[0])
    lost = standin.fail("POST", rf"/channels/{channel.id}/messages$", 503, times=999)
    [fox] = [message for message in channel.messages.values() if message is not progress[0]]
    await standin.press(alice, channel, fox, "Stop")
    await bot.until(lambda: row_of(bot, job_id)["state"] == "failed", "the failure")
    await bot.end(signal.SIGKILL)
    assert row_of(bot, job_id)["delivered_at"] is None
    lost.times = 0

    def failures():
        return [message for message in channel.messages.values() if "cut.pt" in message["content"]]

    for _ in range(2):
        await bot.start()
        await bot.until(lambda: row_of(bot, job_id)["result_message_id"], "the row")
        await bot.until(lambda: standin.results(channel), "the result before it")
        await bot.until(lambda: progress[0]["content"] == "This one failed.", "the end")
        [message] = failures()
        assert message["content"].startswith(f"<@{bob.id}> ")
        assert str(tmp_path) not in message["content"]
        assert str(tmp_path) in row_of(bot, job_id)["error"]  # the host can read the path
        assert row_of(bot, job_id)["result_message_id"] == message["id"]
        assert row_of(bot, job_id)["state"] == "failed"
        assert len(standin.results(channel)) == 1
        await bot.end(signal.SIGTERM)


async def test_sigterm_informs_the_channel_keeps_the_queue_and_exits_in_time(
    channel, alice, standin, bot
):
    await standin.command(alice, channel, "imagine", prompt="a fox", size="128", iterations=1000)
    await bot.until(lambda: previews(standin), "a preview")
    [progress] = channel.messages.values()
    job_id = job_id_of(progress)
    started = asyncio.get_running_loop().time()
    assert await bot.end(signal.SIGTERM, seconds=20) == 0
    assert asyncio.get_running_loop().time() - started < 10
    assert "restarting" in progress["content"]
    assert row_of(bot, job_id)["state"] == "queued"
    assert "Traceback" not in bot.log_text()

    # The buttons of the old message work with the restarted bot.
    await bot.start()
    stopped = await standin.press(alice, channel, progress, "Stop")
    await bot.until(lambda: stopped.content, "the answer")
    if "hasn't started" in stopped.content:  # pressed before the worker had started
        await bot.until(lambda: len(previews(standin)) > 1, "a preview from the restarted bot")
        stopped = await standin.press(alice, channel, progress, "Stop")
        await bot.until(lambda: stopped.content, "the answer")
    assert stopped.content.startswith("Stopping")
    [result] = await bot.until(lambda: standin.results(channel), "the result")
    assert "stopped early" in result["embeds"][0]["footer"]["text"]
    assert [button["label"] for button in buttons(result)] == [
        "Again",
        "Remix",
        "Continue",
        "Edit",
        "More",
        "Video",
        "Favourite",
        "Delete",
    ]
