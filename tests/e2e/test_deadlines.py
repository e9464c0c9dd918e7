"""An interaction's token expires after 15 minutes; delivery does not depend on it."""

from __future__ import annotations

import pytest

from tests.e2e.jobs import previews

pytestmark = pytest.mark.timeout(240)


async def test_a_job_of_twenty_minutes_still_posts_its_result(channel, alice, standin, bot):
    asked = await standin.command(alice, channel, "imagine", prompt="a fox", iterations=80)
    await bot.until(lambda: previews(standin), "a preview")
    standin.clock.advance(20 * 60)
    [result] = await bot.until(lambda: standin.results(channel), "the result")
    assert result["attachments"]
    # The token had expired, and was not used.
    late = [
        request
        for request in standin.requests("PATCH", "/webhooks/")
        + standin.requests("POST", "/webhooks/")
        if request.at - asked.created > 15 * 60
    ]
    assert late == []
