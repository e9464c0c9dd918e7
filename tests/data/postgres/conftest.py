"""Only PostgreSQL."""

from __future__ import annotations

import pytest

from tests.postgres import running_server


@pytest.fixture
def server():
    return running_server()


@pytest.fixture
def database_url(server):
    return server.clean_database("store")
