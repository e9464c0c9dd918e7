"""A test of the bot fails if the bot logs an error that the test does not expect."""

from __future__ import annotations

import logging

import pytest

from tests.cogs.conftest import no_unexpected_errors

LOG = logging.getLogger("bot.errors")


def test_an_error_fails_the_test():
    with (
        pytest.raises(AssertionError, match=r"bot\.errors: /imagine failed"),
        no_unexpected_errors([]),
    ):
        LOG.error("/imagine failed")


def test_an_expected_error_passes_and_its_absence_fails():
    with no_unexpected_errors(["/imagine failed"]):
        LOG.error("/imagine failed, reference 1")
    with (
        pytest.raises(AssertionError, match="expected and not logged"),
        no_unexpected_errors(["/imagine failed"]),
    ):
        LOG.warning("/imagine failed")


async def test_the_world_fixture_has_the_guard(world, here):
    world.expect_error("the test's own error")
    LOG.error("the test's own error")
