"""A person is told which part of the picture can change, before the edit is painted."""

from __future__ import annotations

import pytest

from bot.language import using_language
from bot.requests.asking import Asking
from bot.requests.mask_note import mask_note
from bot.requests.picture import picture_from_bytes
from engine.request.request import make_request
from tests.bot.requests.origins import origin
from tests.cogs.media import png, white_disc


def note(mask, *, known=True):
    pictures = [picture_from_bytes(png()), picture_from_bytes(mask)]
    request = make_request("a fox", init_image=pictures[0].sha256, mask=pictures[1].sha256)
    return mask_note(Asking(origin(), request, pictures if known else pictures[:1]), request)


def test_the_part_that_can_change_is_told_in_the_reader_s_language():
    assert str(note(white_disc())).startswith("The mask is a drawing on a transparent background")
    with using_language("de"):
        assert str(note(white_disc())).startswith("Die Maske ist eine Zeichnung")


@pytest.mark.parametrize("mask", [png("white", mode="L"), png("black", mode="L"), b"damaged"])
def test_nothing_is_said_of_a_plain_mask_and_none_that_cannot_be_read(mask):
    assert note(mask) is None


def test_nothing_is_said_without_a_mask_or_without_its_file():
    picture = picture_from_bytes(png())
    request = make_request("a fox", init_image=picture.sha256)
    assert mask_note(Asking(origin(), request, [picture]), request) is None
    assert note(white_disc(), known=False) is None
