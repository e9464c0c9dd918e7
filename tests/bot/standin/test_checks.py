"""The stand-in refuses what Discord refuses: text next to layout components, in edits, too."""

from __future__ import annotations

from typing import Any

import pytest

from bot.standin.checks import COMPONENTS_V2, check_message
from bot.standin.errors import ApiError

LAID_OUT = [{"type": 17, "components": [{"type": 10, "content": "a fox"}]}]
CARD: dict[str, Any] = {"flags": COMPONENTS_V2, "components": LAID_OUT}
OLD: dict[str, Any] = {"content": "a fox", "embeds": [], "components": [], "flags": 0}


def test_a_card_is_taken_also_in_place_of_a_text_that_is_dropped():
    check_message(CARD, {})
    check_message(CARD | {"content": None, "embeds": []}, {}, OLD)
    check_message({"components": LAID_OUT}, {}, CARD)


@pytest.mark.parametrize(
    ("payload", "edited"),
    [
        (CARD | {"content": "and words"}, None),
        ({"components": LAID_OUT}, None),  # without the flag
        ({"flags": COMPONENTS_V2}, None),
        (CARD, OLD),  # its text stays
        ({"content": "a hen"}, CARD),
        ({"embeds": [{"title": "a hen"}], "flags": 0}, CARD),  # the flag stays
        ({"content": "a hen", "components": []}, CARD),
        (CARD | {"components": [{"type": 10, "content": ""}]}, None),
        (CARD | {"components": [{"type": 12, "items": []}]}, None),
        (
            CARD | {"components": [{"type": 12, "items": [{"media": {"url": "attachment://a"}}]}]},
            None,
        ),
        (CARD | {"components": [{"type": 10, "content": "x" * 2001}] * 2}, None),
    ],
)
def test_what_discord_refuses_is_refused(payload, edited):
    with pytest.raises(ApiError):
        check_message(payload, {}, edited)
