"""A small stand-in for Discord on loopback: REST, gateway and media host, over real sockets.

It enforces what SimCord does not: the 3 s and 15 min of an interaction (by a clock that a test
sets), upload size, rate limits, nonces, permissions. It records every request. What it does not
know it refuses.
"""

from tests.e2e.standin.server import StandIn

__all__ = ["StandIn"]
