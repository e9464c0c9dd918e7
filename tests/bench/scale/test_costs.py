"""Which requests to Discord bench.costs counts as what."""

from __future__ import annotations

import pytest

from bench.costs import kind_of
from bot.standin.recorded import Recorded


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/interactions/1/token/callback", "answer"),
        ("PATCH", "/webhooks/1/token/messages/@original", "answer's edit"),
        ("POST", "/channels/2/messages", "message"),
        ("PATCH", "/channels/2/messages/3", "message's edit"),
        ("GET", "/channels/2/messages", "other"),
    ],
)
def test_requests_are_told_apart(method, path, kind):
    assert kind_of(Recorded(0.0, method, path, {}, {})) == kind
