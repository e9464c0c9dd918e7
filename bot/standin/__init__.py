"""A small stand-in for Discord on loopback: HTTP API, gateway and media host, over real sockets.

It enforces what SimCord does not: the 3 s and 15 min of an interaction (by a clock that tests
set), upload size, rate limits, nonces, permissions with overwrites, and archived threads. Every
connected session gets its servers' events. It records every request, refuses the routes that it
does not have, and people can only do what their clients would let them do.

Tests and benches run the bot against it.

``world`` has the servers, channels and people; ``people`` what they do; ``routes`` the HTTP API.
"""

from bot.standin.server import StandIn

__all__ = ["StandIn"]
