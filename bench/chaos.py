"""Is a picture ever lost or posted twice, whatever goes wrong? The real bot under faults.

``python -m bench.chaos --rounds 100 --seed 1 --json`` prints ``{"rounds", "accepted",
"delivered", "refused", "lost", "twice", "recovery_s_median"}``. The bot is ``python -m bot`` with
its worker, restarted as by a service manager; Discord is the stand-in of tests/e2e on loopback,
with its rate limits and permissions. Jobs arrive all the time; in each round one fault of
tests/e2e/faults.py happens at a random moment, all kinds equally often. With ``--processes 2`` two
processes share the shards and a PostgreSQL server, which is killed, too (bench/bot/fleet.py).

- *accepted*: the person was told that the job is queued, or it is in the database;
- *delivered*: its picture is in its channel or, if the bot cannot post there, in a direct message;
- *refused*: the bot could not post in the channel during the job and the person accepts no direct
  messages (then the job must be kept for /history), or the mask of an edit lets nothing change, or
  the result is too large however small it is made, and the person was told so;
- *lost*: everything else, a message about a failure too;
- *twice*: pictures and failures that were posted more than once, or one after the other.

At the end the bot is killed once more, and must not post anything again. With several processes,
*broken_across* then counts which of fair shares, buttons, limits, settings and history do not hold
across them (bench/bot/across.py); ``--rounds 0`` checks only that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from signal import SIGKILL

from bench.bot.across import problems_across
from bench.bot.asked import Asked, square
from bench.bot.fleet import FLEET_FAULTS, Fleet
from bench.bot.outcome import Outcome
from bench.bot.supervised import SupervisedBot, environment, eventually
from bench.common.cli import print_figures
from bot.standin import StandIn
from bot.standin.channels import FORUM, Channel
from bot.standin.components import buttons
from bot.standin.guilds import User
from tests.e2e.faults import FAULTS, Fault, Target, shuffled_faults

_CHANNELS, _PEOPLE = 5, 6
_BACKLOG = 5  # at most so many unfinished jobs when a round begins
_SETTLING, _RECOVERY = 180.0, 90.0  # seconds


@dataclass
class Chaos:
    """One run: the stand-in, the bot, and what people asked for."""

    standin: StandIn
    bot: SupervisedBot | Fleet
    rng: random.Random
    verbose: bool = False
    asked: dict[str, Asked] = field(default_factory=dict)
    recoveries: list[float] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    people: list[User] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)  # channels in which the bot cannot post now
    given_up: set[str] = field(default_factory=set)  # jobs whose progress message was deleted

    def say(self, text: str) -> None:
        """Print a line of progress."""
        if self.verbose:
            print(text, file=sys.stderr, flush=True)

    def create_world(self) -> None:
        """Create channels and people; every other person accepts no direct messages.

        One of the channels is a post in a forum.
        """
        world = self.standin.world
        guilds = [world.guild]
        if isinstance(self.bot, Fleet):  # a server for each process
            shards = len(self.bot.bots)
            guilds = [world.add_guild(f"shard {n}", n, shards) for n in range(shards)]
        self.channels = [
            world.add_channel(f"paintings-{n}", guild=guilds[n % len(guilds)])
            for n in range(_CHANNELS - 1)
        ]
        posts = world.add_channel("posts", FORUM, guild=guilds[-1])
        self.channels.append(world.add_thread(posts, "paintings"))
        self.people = [world.add_user(f"person-{n}") for n in range(_PEOPLE)]
        for user in self.people[::2]:
            user.takes_dms = False

    # What people do.

    async def ask(self, channel: Channel, iterations: int) -> Asked | None:
        """Somebody runs /imagine or /edit, if the bot has registered its commands."""
        if not self.standin.rest.commands:
            return None
        user, number = self.rng.choice(self.people), len(self.asked)
        prompt, upload = f"number {number} of these", self.standin.world.upload
        command = "imagine"
        options: dict = {"prompt": prompt, "iterations": iterations}
        if number % 7 == 3:
            options["init_image"] = upload(channel, "start.png", square(number))
        if must_fail := number % 14 == 3:
            command = "edit"
            options = {
                "prompt": prompt,
                "image": options["init_image"],
                "mask": upload(channel, "mask.png", square(number, "black")),
            }
        interaction = await self.standin.command(user, channel, command, **options)
        asked = Asked(prompt, user, channel, interaction, channel.id in self.blocked, must_fail)
        self.asked[asked.prompt] = asked
        return asked

    async def arrivals(self, seconds: float) -> None:
        """One to three uses of /imagine at random moments."""
        moments = sorted(self.rng.uniform(0, seconds) for _ in range(self.rng.randint(1, 3)))
        before = 0.0
        for moment in moments:
            await asyncio.sleep(moment - before)
            before = moment
            await self.ask(self.rng.choice(self.channels), self.rng.randint(2, 40))

    # What happened to the jobs.

    def rows(self) -> dict[str, dict]:
        """The jobs in the database, by prompt."""
        return {
            row["prompt"]: row
            for row in self.bot.rows("SELECT id, prompt, state, error, delivered_at FROM jobs")
        }

    def unsettled(self) -> list[dict]:
        """The jobs that are unfinished or undelivered, except those that cannot be delivered."""
        return [
            row
            for prompt, row in self.rows().items()
            if row["delivered_at"] is None
            and not (row["state"] in ("rendered", "failed") and self._undeliverable(prompt))
        ]

    def _undeliverable(self, prompt: str) -> bool:
        asked = self.asked[prompt]
        return asked.blocked and not asked.user.takes_dms

    def posted(self, label: str, *, without_file: bool = False) -> Counter[str]:
        """How often each job's result ("video") or failure ("again", by nonce) was posted.

        With ``without_file``, only results that came without their file count.
        """
        found: Counter[str] = Counter()
        for channel in self.standin.world.channels.values():
            for message in channel.messages.values():
                if without_file and message["attachments"]:
                    continue
                of_job = dict(button["custom_id"].split(":")[1:3] for button in buttons(message))
                # "f": a failure, "d": a result or failure in a direct message.
                failure = str(message.get("nonce", ""))[:1] in ("f", "d") and "video" not in of_job
                if label in of_job and (label == "video" or failure):
                    found[of_job[label]] += 1
        return found

    def _toggle_blocked(self, channels: list[Channel]) -> None:
        for channel in channels:
            self.blocked ^= {channel.id}
        delivered = {
            prompt for prompt, row in self.rows().items() if row["delivered_at"] is not None
        }
        for asked in self.asked.values():
            if asked.channel in channels and asked.prompt not in delivered:
                asked.blocked = True

    # A round.

    async def round(self, name: str) -> None:
        """One fault while people use the bot."""
        arrivals = asyncio.create_task(self.arrivals(1.5))
        channel = self.rng.choice(self.channels)
        kill = name in ("bot_killed", "worker_killed")
        if kill or name == "worker_hung":
            long = await self.ask(channel, 150)
            await eventually(
                lambda: long is None or self.rows().get(long.prompt, {}).get("state") == "running",
                10,
            )
        await asyncio.sleep(self.rng.uniform(0, 1.2))
        started = asyncio.get_running_loop().time()
        active = {row["id"] for row in self.unsettled() if row["state"] in ("queued", "running")}
        seen = len(self.standin.rest.requests)
        target = Target(
            self.standin, self.bot, channel, self.rng, self._toggle_blocked, self.given_up
        )
        async with self.faults[name](target):
            await asyncio.sleep(self.rng.uniform(0.5, 2.5))
        if name == "channel_gone":
            new = self.standin.world.add_channel("new", guild=channel.guild)
            self.channels[self.channels.index(channel)] = new
        await arrivals
        if kill and active and await eventually(lambda: self._new_picture(seen, active), _RECOVERY):
            self.recoveries.append(asyncio.get_running_loop().time() - started)
        if not await eventually(lambda: len(self.unsettled()) <= _BACKLOG, _SETTLING):
            self.say(f"{len(self.unsettled())} jobs make no progress")

    def _new_picture(self, since: int, jobs: set[str]) -> bool:
        """Whether one of these jobs has posted a picture, a preview or the result."""
        return any(
            request.files
            and jobs & set(re.findall(r"imagine:\w+:([0-9a-f]{32})", json.dumps(request.payload)))
            for request in self.standin.rest.requests[since:]
        )

    async def run(self, rounds: int, minutes: float) -> Outcome:
        """All rounds, or those that begin within ``minutes``; returns the figures."""
        self.create_world()
        await self.bot.start()
        if not await eventually(self._is_connected, 60):
            raise RuntimeError(f"The bot did not start:\n{self.bot.log_tail()}")
        deadline, done = asyncio.get_running_loop().time() + minutes * 60, 0
        for number, name in enumerate(shuffled_faults(self.rng, rounds, self.faults), 1):
            started = asyncio.get_running_loop().time()
            if started > deadline:
                break
            done = number
            await self.round(name)
            seconds = asyncio.get_running_loop().time() - started
            self.say(
                f"{number:3} {name:20} {seconds:5.1f} s, {len(self.asked)} requests, "
                f"{len(self.unsettled())} unfinished"
            )
        await eventually(lambda: not self.unsettled(), _SETTLING)
        await asyncio.sleep(1)
        if isinstance(self.bot, Fleet):  # once more: nothing may be posted again
            self.bot.signal_all(SIGKILL)
        else:
            self.bot.signal_bot(SIGKILL)
        await eventually(lambda: not self.standin.gateway.sockets, 10)
        await eventually(self._is_connected, 60)
        await asyncio.sleep(3)
        outcome = self.outcome(done)
        if not isinstance(self.bot, Fleet):
            return outcome
        self.say(str(outcome))
        broken = 0
        async for problem in problems_across(self.standin, self.bot):
            self.say(problem)
            broken += 1
        return replace(outcome, broken_across=broken)

    @property
    def faults(self) -> dict[str, Fault]:
        """What can happen to this bot."""
        return FLEET_FAULTS if isinstance(self.bot, Fleet) else FAULTS

    def _is_connected(self) -> bool:
        if not isinstance(self.bot, Fleet):
            return self.standin.gateway.ready.is_set()
        shards = len(self.bot.bots)
        return all(self.standin.gateway.connected(shard, shards) for shard in range(shards))

    def outcome(self, rounds: int) -> Outcome:
        """Count how the jobs ended."""
        rows, pictures, failures = self.rows(), self.posted("video"), self.posted("again")
        without_file = self.posted("video", without_file=True)
        accepted = {prompt for prompt, asked in self.asked.items() if asked.was_told} | set(rows)
        answers = Counter(
            asked.interaction.content or "no answer in time"
            for asked in self.asked.values()
            if asked.prompt not in accepted
        )
        for answer, count in answers.most_common():
            self.say(f"not accepted: {count} times {answer[:120]}")
        delivered = refused = 0
        for prompt in sorted(accepted):
            row = rows.get(prompt)
            if row is not None and pictures[row["id"]] and row["state"] == "delivered":
                if without_file[row["id"]]:
                    refused += 1
                else:
                    delivered += 1
            elif row is not None and (
                (row["state"] == "rendered" and self._undeliverable(prompt))
                or (row["state"] == "cancelled" and row["id"] in self.given_up)
                or (
                    row["state"] == "failed"
                    and self.asked[prompt].must_fail
                    and (failures[row["id"]] or self._undeliverable(prompt))
                )
            ):
                refused += 1
            else:
                self.say(
                    f"lost: {prompt} {row}, pictures {row and pictures[row['id']]}, "
                    f"in {self.asked[prompt].channel.name}"
                )
        twice = sum(count - 1 for count in (pictures + failures).values())
        recovery = statistics.median(self.recoveries) if self.recoveries else float("nan")
        return Outcome(
            rounds,
            len(accepted),
            delivered,
            refused,
            len(accepted) - delivered - refused,
            twice,
            round(recovery, 2),
            max(self.bot.taken_over, default=None) if isinstance(self.bot, Fleet) else None,
        )


async def measure(
    rounds: int,
    seed: int,
    folder: Path,
    *,
    minutes: float = 1e6,
    verbose: bool = False,
    devices: str = "cpu",
    batch: int = 1,
    processes: int = 1,
) -> Outcome:
    """Run ``rounds`` rounds with a new bot whose files are in ``folder``.

    With several ``processes``, they share the shards and a PostgreSQL server started for this.
    """
    standin = StandIn()
    await standin.start()
    host = environment(
        standin,
        folder,
        IMAGINE_PREVIEW_SECONDS="0.3",
        IMAGINE_LOG_FORMAT="json",
        IMAGINE_DEVICE=devices,
        IMAGINE_BATCH=str(batch),
    )
    rng = random.Random(seed)
    bot = SupervisedBot(folder, host) if processes == 1 else Fleet(folder, host, processes, rng)
    standin.gateway.concurrency = processes
    chaos = Chaos(standin, bot, rng, verbose)
    try:
        return await chaos.run(rounds, minutes)
    finally:
        await bot.end()
        await standin.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds and print; returns 0 if nothing was lost or posted twice."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.chaos", description="Run the bot under faults."
    )
    parser.add_argument("--rounds", type=int, default=100, help="number of faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e6, help="time limit for starting rounds")
    parser.add_argument("--devices", default="cpu", help="such as cpu,cpu (default: cpu)")
    parser.add_argument("--batch", type=int, default=1, help="jobs that a worker paints at once")
    parser.add_argument(
        "--processes", type=int, default=1, help="of the bot, on one PostgreSQL server"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--log", type=Path, help="keep the bot's log in this file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        try:
            outcome = asyncio.run(
                measure(
                    options.rounds,
                    options.seed,
                    Path(name),
                    minutes=options.minutes,
                    verbose=True,
                    devices=options.devices,
                    batch=options.batch,
                    processes=options.processes,
                )
            )
        finally:
            if options.log is not None:
                logs = sorted(Path(name).glob("bot*.log"))
                options.log.write_bytes(b"".join(log.read_bytes() for log in logs))
    print_figures(asdict(outcome), options.json)
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
