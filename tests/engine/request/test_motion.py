"""Camera moves as people ask for them."""

import pytest

from engine.errors import RequestError
from engine.request.from_text import request_from_text
from engine.request.motion import Motion, parse_pan
from engine.request.request import make_request, request_from_json


def test_flags_move_the_camera():
    request = request_from_text("a fox --zoom 1.02 --rotate -1 --pan 2,-1 --tilt 0.5,1 --every 4")
    assert request.motion(100) == Motion(1.02, -1, (2, -1), 4, rest=30, tilt=(0.5, 1))
    assert request.motion(100, is_new=False) == Motion(1.02, -1, (2, -1), 4, tilt=(0.5, 1))
    assert request_from_json(request.model_dump_json()) == request
    assert make_request("a fox").motion(100) is None
    assert make_request("a fox", zoom=1, rotate=0, pan="0,0", tilt="0,0").motion(100) is None
    theirs = request_from_text("a fox --zoom_scale 0.99 --zoom_save_every 10")
    assert (theirs.zoom, theirs.every) == (0.99, 10)


@pytest.mark.parametrize("text", ["2,0", "2 0", "2x0", " 2 , 0 ", "2;0"])
def test_a_pan_is_two_numbers(text):
    assert parse_pan(text) == (2, 0)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a --zoom 3", "between 0.5 and 2"),
        ("a --zoom much", "a number"),
        ("a --rotate 181", "between -180 and 180"),
        ("a --pan 2", "write it like 2,0"),
        ("a --pan 2,0,1", "write it like 2,0"),
        ("a --pan 2,left", "between -512 and 512"),
        ("a --pan 2,nan", "between -512 and 512"),
        ("a --tilt 1", "write it like 1,0"),
        ("a --tilt 21,0", "between -20 and 20"),
        ("a --every 0 --zoom 1.1", "between 1 and 5000"),
        ("a --every 5", "leave every out"),
        ("a --zoom 1 --every 5", "leave every out"),
        ("a --zoom-shift-x 2", "--pan"),
    ],
)
def test_what_is_wrong_gets_a_sentence(text, part):
    with pytest.raises(RequestError, match=part) as raised:
        request_from_text(text)
    assert str(raised.value).endswith(".")


@pytest.mark.parametrize("part", [{"mask": "0" * 64}, {"where": "sky"}])
def test_a_part_of_a_picture_cannot_move(part):
    edit = make_request("a fox", init_image="0" * 64, **part)
    with pytest.raises(RequestError, match="move the whole picture"):
        edit.changed(rotate=2)
