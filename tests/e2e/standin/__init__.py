"""A small stand-in for Discord on loopback: REST, gateway and media host, over real sockets.

It enforces what SimCord does not: the 3 s and 15 min of an interaction (by a clock that tests
set), upload size, rate limits, nonces and permissions. It records every request, and refuses the
routes that it does not have.
"""

from tests.e2e.standin.server import StandIn

__all__ = ["StandIn"]
