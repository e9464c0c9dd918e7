"""An interaction's token dies after 15 minutes; what is posted does not depend on it."""

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
    # The interaction's token had died: nothing was tried through it.
    born = asked.created
    late = [request for request in standin.requests("PATCH", "/webhooks/")
            + standin.requests("POST", "/webhooks/") if request.at - born > 15 * 60]
    assert late == []
