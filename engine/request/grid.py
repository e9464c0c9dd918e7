"""Several pictures of one request: the same words, each with a seed of its own."""

from __future__ import annotations

import secrets

from engine.request.limits import MAX_SEED
from engine.request.request import ImageRequest


def with_seed(request: ImageRequest) -> ImageRequest:
    """The request with a random seed if it has none."""
    if request.seed is not None:
        return request
    return request.with_values(seed=secrets.randbelow(MAX_SEED + 1))


def each_of(request: ImageRequest) -> tuple[ImageRequest, ...]:
    """The requests of the pictures that ``request`` asks for, one for each.

    Their seeds count up from the request's, from 0 again after the largest; without one they have
    none, so that each gets a random one.
    """
    if request.count is None:
        return (request,)
    alone, first = request.with_values(count=None), request.seed
    if first is None:
        return (alone,) * request.count
    return tuple(alone.with_values(seed=(first + i) % (MAX_SEED + 1)) for i in range(request.count))
