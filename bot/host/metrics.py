"""Metrics for the host, in Prometheus' format.

No label tells who asked or for what: labels are only states, HTTP statuses and methods, because the
paths of Discord's API contain tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Protocol, get_args

import aiohttp
import discord
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from engine.events import Done, Progress
from engine.jobs.job import Job, State
from engine.jobs.queue import PaintQueue
from engine.tasks import spawn
from engine.version import version
from engine.worker.resident import resident

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES: tuple[State, ...] = get_args(State)
LAG_SECONDS = 0.5
_LONG = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600)
_SHORT = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class RunningBot(Protocol):
    """What is read from the bot for each page; ``queue`` exists once the bot is ``opened``."""

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
    """The metrics of one bot, in their own registry; times in seconds, memory in bytes."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.jobs = Counter(
            "imagine_jobs", "Jobs that entered a state", ["state"], registry=registry
        )
        self.wait = Histogram(
            "imagine_job_wait_seconds",
            "Seconds from request to start",
            buckets=_LONG,
            registry=registry,
        )
        self.run = Histogram(
            "imagine_job_run_seconds",
            "Seconds spent painting a finished picture",
            buckets=_LONG,
            registry=registry,
        )
        self.iterations = Counter(
            "imagine_iterations", "Iterations of finished pictures", registry=registry
        )
        self.lag = Histogram(
            "imagine_event_loop_lag_seconds",
            "Seconds by which timers are late",
            buckets=_SHORT,
            registry=registry,
        )
        self.rest = Counter(
            "imagine_discord_requests",
            "Requests to Discord's REST API",
            ["method"],
            registry=registry,
        )
        self.rest_errors = Counter(
            "imagine_discord_rest_errors",
            'Requests to Discord that failed, by HTTP status, or "network"',
            ["method", "status"],
            registry=registry,
        )
        self._now = {
            name: Gauge(f"imagine_{name}", text, registry=registry)
            for name, text in (
                # Several processes of one bot have a page each: add them up.
                ("queue_length", "Jobs that are waiting, of this process"),
                ("jobs_running", "Jobs being painted by this process"),
                ("iterations_per_second", "Speed of the running job, or else of the last picture"),
                ("draining", "1 while no new jobs are taken"),
                ("workers", "Workers of this process, one for each device"),
                ("worker_up", "Worker processes of this process that are alive"),
                ("worker_memory_bytes", "Memory used by the worker processes"),
                ("worker_starts", "Worker processes started so far"),
                ("memory_bytes", "Memory used by the bot's process"),
                ("servers", "Discord servers that the bot is in"),
                ("gateway_latency_seconds", "Seconds between a heartbeat and Discord's answer"),
                ("start_time_seconds", "When the bot started, seconds since 1970"),
                ("last_backup_time_seconds", "When the newest backup was made, seconds since 1970"),
                ("pictures_bytes", "Disk space used by pictures, when last measured"),
            )
        }
        info = Gauge("imagine_info", "The version", ["version"], registry=registry)
        info.labels(version()).set(1)
        for state in STATES:  # so that each counter exists from the start, at 0
            self.jobs.labels(state)
        self.started = time.time()
        self.set("start_time_seconds", self.started)
        self._speed = 0.0
        self._running: dict[str, float] = {}
        self._measuring: asyncio.Task[None] | None = None

    def set(self, name: str, value: float) -> None:
        """Set a gauge; ``name`` is without the prefix ``imagine_``."""
        self._now[name].set(value)

    def watch(self, job: Job) -> None:
        """Count a job that entered a new state; a watcher of the queue."""
        self.jobs.labels(job.state).inc()
        if job.state == "running":
            # A job resumed after a restart was counted before it.
            if not job.resumed:
                self.wait.observe(max(0.0, time.time() - job.created_at / 1000))
        elif isinstance(job.latest, Done):
            self.run.observe(job.latest.seconds)
            self.iterations.inc(job.latest.iterations)
            if job.latest.seconds > 0 and job.latest.iterations > 0:  # not of recorded videos
                self._speed = job.latest.iterations / job.latest.seconds

    def delivered(self, job_id: str) -> None:
        """Count a delivered job; a watcher of the store."""
        self.jobs.labels("delivered").inc()

    def trace(self) -> aiohttp.TraceConfig:
        """Return the trace configuration that counts discord.py's requests (``http_trace``)."""
        trace = aiohttp.TraceConfig()

        async def ended(
            session: aiohttp.ClientSession,
            context: SimpleNamespace,
            params: aiohttp.TraceRequestEndParams,
        ) -> None:
            self.rest.labels(_method(params.method)).inc()
            if params.response.status >= 400:
                self.rest_errors.labels(_method(params.method), str(params.response.status)).inc()

        async def failed(
            session: aiohttp.ClientSession,
            context: SimpleNamespace,
            params: aiohttp.TraceRequestExceptionParams,
        ) -> None:
            self.rest.labels(_method(params.method)).inc()
            self.rest_errors.labels(_method(params.method), "network").inc()

        trace.on_request_end.append(ended)
        trace.on_request_exception.append(failed)
        return trace

    def measure(self) -> None:
        """Start measuring the event loop's lag, until :meth:`close`."""
        if self._measuring is None:
            self._measuring = spawn(self._measure(), "event loop lag")

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            self.lag.observe(max(0.0, loop.time() - due))

    async def close(self) -> None:
        """Stop measuring."""
        if self._measuring is not None:
            self._measuring.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._measuring

    def page(self, bot: RunningBot) -> bytes:
        """Return all metrics in Prometheus' format; takes about a millisecond."""
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
        self.set("workers", len(workers))
        self.set("worker_up", sum(worker.alive for worker in workers))
        self.set("worker_memory_bytes", sum(worker.memory or 0 for worker in workers))
        self.set("worker_starts", sum(worker.starts for worker in workers))


def _speed(job: Job) -> float:
    """Return iterations per second so far; 0 while unknown."""
    event = job.latest
    if not isinstance(event, Progress) or not event.eta:
        return 0.0
    return (event.iterations - event.iteration) / event.eta


def _method(method: str) -> str:
    """Return the method as a label; an unknown one becomes "other"."""
    method = method.upper()
    return method if method in ("GET", "POST", "PUT", "PATCH", "DELETE") else "other"
