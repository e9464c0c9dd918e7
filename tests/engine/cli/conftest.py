"""What tests of the commands share."""

from __future__ import annotations

import pytest

from tests.engine.cli.command_line import write_home


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """The catalogue of a user: beside tiny, it has the models odd, torn and gone."""
    return write_home(tmp_path_factory.mktemp("home"))
