"""Faults that a test can set: lost answers, rate limits, and failing routes."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from aiohttp import web

from bot.standin.errors import answer

VIA = "1.1 google"  # discord.py treats a 429 without it as a ban


@dataclass
class Fault:
    """Makes ``times`` requests of ``method`` whose path matches ``pattern`` get ``status``.

    With ``done`` they take effect and only the answer is lost. Status 0 cuts the connection. With
    ``everywhere``, a 429 is for the bot's global limit.
    """

    method: str
    pattern: str
    status: int
    times: int = 1
    code: int = 0
    done: bool = False
    retry_after: float = 0.2
    everywhere: bool = False

    def takes(self, request: web.Request) -> bool:
        if self.times <= 0 or request.method != self.method:
            return False
        if not re.search(self.pattern, request.path):
            return False
        self.times -= 1
        return True

    def response(self, request: web.Request) -> web.StreamResponse:
        if self.status == 0:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        if self.status == 429:
            return limited(self.retry_after, self.everywhere)
        return answer({"code": self.code, "message": "a fault of the test"}, self.status)


def limited(retry_after: float, everywhere: bool = False) -> web.Response:
    """The answer to a request over the rate limit; ``retry_after`` in seconds."""
    headers = {
        "Retry-After": str(max(1, round(retry_after))),
        "Via": VIA,
        "X-RateLimit-Scope": "global" if everywhere else "user",
    }
    if everywhere:
        headers["X-RateLimit-Global"] = "true"
    return answer(
        {
            "message": "You are being rate limited.",
            "retry_after": retry_after,
            "global": everywhere,
        },
        429,
        headers,
    )


class Buckets:
    """Rate limits like Discord's: ``limit`` requests per window, by route and channel.

    The window is in real time, not in the time of the test's clock.
    """

    def __init__(self, limit: int = 5, seconds: float = 5.0):
        self.limit, self.seconds = limit, seconds
        self._windows: dict[tuple, tuple[float, int]] = {}

    def take(self, key: tuple) -> tuple[dict[str, str], web.Response | None]:
        """Headers for the answer, and the 429 response if the bucket is empty."""
        now = time.monotonic()
        started, used = self._windows.get(key, (now, 0))
        if now - started >= self.seconds:
            started, used = now, 0
        left = self.seconds - (now - started)
        if used >= self.limit:
            return {}, limited(left)
        self._windows[key] = (started, used + 1)
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Bucket": "/".join(key[:2]),
            "X-RateLimit-Remaining": str(self.limit - used - 1),
            "X-RateLimit-Reset": f"{time.time() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
        }, None
