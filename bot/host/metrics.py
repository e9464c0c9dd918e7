"""Figures for the host's monitoring, in Prometheus' format. No label says who or what was asked.

Labels are states, HTTP statuses and methods alone: addresses of Discord's hold tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Protocol

import aiohttp
import discord
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from engine.events import Done, Progress
from engine.jobs.job import Job
from engine.jobs.queue import PaintQueue
from engine.tasks import spawn
from engine.version import version
from engine.worker.status import resident

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("queued", "running", "rendered", "delivered", "failed", "cancelled")
LAG_SECONDS = 0.5
_LONG = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600)
_SHORT = (.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10)


class RunningBot(Protocol):
    """What is measured when the page is read; ``queue`` is there once the bot is ``opened``."""

    queue: PaintQueue

    @property
    def opened(self) -> bool:
        """Whether the store and the queue can be used."""

    @property
    def guilds(self) -> Sequence[discord.Guild]:
        """The servers that the bot is in."""

    @property
    def latency(self) -> float:
        """Seconds between a heartbeat and Discord's answer; NaN before the first."""


class Metrics:
    """The figures of one bot, in a registry of its own. Times are in seconds, memory in bytes."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.jobs = Counter("imagine_jobs", "Jobs that came into a state", ["state"],
                            registry=registry)
        self.wait = Histogram("imagine_job_wait_seconds", "From being asked to being begun",
                              buckets=_LONG, registry=registry)
        self.run = Histogram("imagine_job_run_seconds", "Spent painting a finished picture",
                             buckets=_LONG, registry=registry)
        self.iterations = Counter("imagine_iterations", "Iterations of finished pictures",
                                  registry=registry)
        self.lag = Histogram("imagine_event_loop_lag_seconds",
                             "How much later than due the event loop came to a timer",
                             buckets=_SHORT, registry=registry)
        self.rest = Counter("imagine_discord_requests", "Requests to Discord's REST interface",
                            ["method"], registry=registry)
        self.rest_errors = Counter(
            "imagine_discord_rest_errors",
            "Requests to Discord that failed, by HTTP status, or \"network\"",
            ["method", "status"], registry=registry)
        self._now = {name: Gauge(f"imagine_{name}", text, registry=registry) for name, text in (
            ("queue_length", "Jobs that wait"),
            ("jobs_running", "Jobs being painted"),
            ("iterations_per_second", "Of the job being painted, else of the last picture"),
            ("draining", "1 while nothing new is taken"),
            ("worker_up", "1 while the worker's process is there"),
            ("worker_memory_bytes", "Memory that the worker's process holds"),
            ("worker_starts", "Worker processes started so far"),
            ("memory_bytes", "Memory that the bot's process holds"),
            ("servers", "Discord servers that the bot is in"),
            ("gateway_latency_seconds", "Between a heartbeat and Discord's answer"),
            ("start_time_seconds", "When the bot started, seconds since 1970"),
            ("last_backup_time_seconds", "When the newest backup was made, seconds since 1970"),
            ("pictures_bytes", "Disk that the pictures take, as last measured"))}
        info = Gauge("imagine_info", "The version", ["version"], registry=registry)
        info.labels(version()).set(1)
        for state in STATES:  # from the start on, so that the first of each is a rise
            self.jobs.labels(state)
        self.started = time.time()
        self.set("start_time_seconds", self.started)
        self._speed = 0.0
        self._running: dict[str, float] = {}
        self._measuring: asyncio.Task[None] | None = None

    def set(self, name: str, value: float) -> None:
        """Set a figure that goes up and down; ``name`` is without the ``imagine_`` before it."""
        self._now[name].set(value)

    def watch(self, job: Job) -> None:
        """Count the job in its new state; a watcher of the queue."""
        self.jobs.labels(job.state).inc()
        if job.state == "running":
            # One that goes on after a restart has waited already.
            if not job.resumed:
                self.wait.observe(max(0.0, time.time() - job.created_at / 1000))
        elif isinstance(job.latest, Done):
            self.run.observe(job.latest.seconds)
            self.iterations.inc(job.latest.iterations)
            if job.latest.seconds > 0:
                self._speed = job.latest.iterations / job.latest.seconds

    def delivered(self, job_id: str) -> None:
        """Count a delivered job; a watcher of the store."""
        self.jobs.labels("delivered").inc()

    def trace(self) -> aiohttp.TraceConfig:
        """What counts discord.py's requests; its ``http_trace``."""
        trace = aiohttp.TraceConfig()

        async def ended(session: aiohttp.ClientSession, context: SimpleNamespace,
                        params: aiohttp.TraceRequestEndParams) -> None:
            self.rest.labels(_method(params.method)).inc()
            if params.response.status >= 400:
                self.rest_errors.labels(_method(params.method), str(params.response.status)).inc()

        async def failed(session: aiohttp.ClientSession, context: SimpleNamespace,
                         params: aiohttp.TraceRequestExceptionParams) -> None:
            self.rest.labels(_method(params.method)).inc()
            self.rest_errors.labels(_method(params.method), "network").inc()

        trace.on_request_end.append(ended)
        trace.on_request_exception.append(failed)
        return trace

    def measure(self) -> None:
        """Begin to measure the event loop's lag, until :meth:`close`."""
        if self._measuring is None:
            self._measuring = spawn(self._measure(), "event loop lag")

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            self.lag.observe(max(0.0, loop.time() - due))

    async def close(self) -> None:
        """Measure no longer."""
        if self._measuring is not None:
            self._measuring.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._measuring

    def page(self, bot: RunningBot) -> bytes:
        """All figures, as Prometheus reads them. Takes about a millisecond."""
        self._look(bot)
        return generate_latest(self.registry)

    def _look(self, bot: RunningBot) -> None:
        self.set("memory_bytes", resident() or 0)
        self.set("servers", len(bot.guilds))
        latency = bot.latency  # not a number before the first heartbeat
        self.set("gateway_latency_seconds", latency if 0 <= latency < float("inf") else 0)
        if not bot.opened:
            return
        jobs = bot.queue.overview()
        running = [job for job in jobs if job.state == "running"]
        self.set("queue_length", len(jobs) - len(running))
        self.set("jobs_running", len(running))
        self.set("iterations_per_second", sum(map(_speed, running)) or self._speed)
        self.set("draining", bot.queue.draining)
        workers = bot.queue.workers()
        self.set("worker_up", sum(worker.alive for worker in workers))
        self.set("worker_memory_bytes", sum(worker.memory or 0 for worker in workers))
        self.set("worker_starts", sum(worker.starts for worker in workers))


def _speed(job: Job) -> float:
    """Iterations a second so far; 0 while that cannot be told."""
    event = job.latest
    if not isinstance(event, Progress) or not event.eta:
        return 0.0
    return (event.iterations - event.iteration) / event.eta


def _method(method: str) -> str:
    """As a label: those there are, so that nothing from outside becomes one."""
    method = method.upper()
    return method if method in ("GET", "POST", "PUT", "PATCH", "DELETE") else "other"
