"""Discord's error answers."""

from __future__ import annotations

import json

from aiohttp import web


def answer(data: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON response. discord.py reads any other Content-Type as text."""
    return web.Response(
        body=json.dumps(data).encode(),
        status=status,
        headers={**(headers or {}), "Content-Type": "application/json"},
    )


class ApiError(Exception):
    """An error response: HTTP status, Discord's own code, and a message."""

    def __init__(self, status: int, code: int, message: str):
        super().__init__(f"{status} {code} {message}")
        self.status, self.code, self.message = status, code, message

    def response(self) -> web.Response:
        return answer({"code": self.code, "message": self.message}, self.status)


UNAUTHORIZED = (401, 0, "401: Unauthorized")
UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
UNKNOWN_GUILD = (404, 10004, "Unknown Guild")
UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
UNKNOWN_USER = (404, 10013, "Unknown User")
UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
INVALID_WEBHOOK_TOKEN = (401, 50027, "Invalid Webhook Token")
ALREADY_ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
TOO_LARGE = (413, 40005, "Request entity too large")
MISSING_ACCESS = (403, 50001, "Missing Access")
MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")
CANNOT_DM = (403, 50007, "Cannot send messages to this user")
NOT_A_TEXT_CHANNEL = (400, 50008, "Cannot send messages in a non-text channel")
THREAD_ARCHIVED = (400, 50083, "Thread is archived")
NOT_THE_AUTHOR = (403, 50005, "Cannot edit a message authored by another user")


def invalid(what: str) -> ApiError:
    """The error about a request that breaks one of Discord's limits."""
    return ApiError(400, 50035, f"Invalid Form Body: {what}")
