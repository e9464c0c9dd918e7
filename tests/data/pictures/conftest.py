"""A new, empty bucket on a local server, and the variables that lead there."""

from __future__ import annotations

import pytest

from tests.s3 import environment, needs_server, running_s3


@pytest.fixture
def s3(monkeypatch):
    """The server, to which the usual variables lead."""
    needs_server()
    server = running_s3()
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def address(s3):
    """The address of an empty bucket, with a prefix."""
    return f"s3://{s3.new_bucket()}/some/bot"
