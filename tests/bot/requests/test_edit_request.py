"""What the edit of a finished picture inherits from its request."""

from __future__ import annotations

from bot.requests.edit_request import edit_requests
from bot.requests.picture import picture_from_bytes
from engine.request.request import make_request


def test_an_edit_inherits_how_to_optimise_but_not_how_to_start() -> None:
    former = make_request("a fox", starts="8:2", optimiser="radam", palette="navy,gold", seed=7)
    picture = picture_from_bytes(b"a picture")
    (request,) = edit_requests("a hen", picture, former=former)
    assert (request.optimiser, request.palette) == ("radam", "navy,gold")
    assert (request.starts, request.seed) == (None, None)
    assert request.init_image == picture.sha256
