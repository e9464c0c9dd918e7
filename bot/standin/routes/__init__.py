"""The routes of the HTTP API that the stand-in has: messages, interactions, and the rest.

A route is a method, a pattern for the path behind ``/api/v10``, and a handler. The handler gets the
recorded request and the pattern's groups, and returns the answer's JSON, or None for a 204.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Route = tuple[str, str, Callable[..., Any]]
