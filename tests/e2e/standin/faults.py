"""What a test makes go wrong: answers that are lost, limits, and failing routes."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from aiohttp import web

from tests.e2e.standin.errors import answer

VIA = "1.1 google"  # discord.py takes a 429 without it for a ban


@dataclass
class Fault:
    """``times`` requests of ``method`` to a path that ``pattern`` matches get ``status``.

    ``done`` says that they are carried out all the same: the answer is lost. A status of 0
    cuts the connection. ``everywhere`` makes a 429 the bot's global limit.
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
        return answer({"code": self.code, "message": "as the test wanted"}, self.status)


def limited(retry_after: float, everywhere: bool = False) -> web.Response:
    headers = {"Retry-After": str(max(1, round(retry_after))), "Via": VIA,
               "X-RateLimit-Scope": "global" if everywhere else "user"}
    if everywhere:
        headers["X-RateLimit-Global"] = "true"
    return answer({"message": "You are being rate limited.", "retry_after": retry_after,
                   "global": everywhere}, 429, headers)


class Buckets:
    """Rate limits as Discord has them: so many requests a window, by route and channel.

    Real time, whatever the clock says: it is the bot's own pace that counts.
    """

    def __init__(self, limit: int = 5, seconds: float = 5.0):
        self.limit, self.seconds = limit, seconds
        self._windows: dict[tuple, tuple[float, int]] = {}

    def take(self, key: tuple) -> tuple[dict[str, str], web.Response | None]:
        """Headers for the answer, and the refusal where the bucket is empty."""
        now = time.monotonic()
        began, used = self._windows.get(key, (now, 0))
        if now - began >= self.seconds:
            began, used = now, 0
        left = self.seconds - (now - began)
        if used >= self.limit:
            return {}, limited(left)
        self._windows[key] = (began, used + 1)
        return {"X-RateLimit-Limit": str(self.limit), "X-RateLimit-Bucket": "/".join(key[:2]),
                "X-RateLimit-Remaining": str(self.limit - used - 1),
                "X-RateLimit-Reset": f"{time.time() + left:.3f}",
                "X-RateLimit-Reset-After": f"{left:.3f}"}, None
