"""Pictures to paint like, as parts of a request."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.pictures.given import GivenPrompt, split_weight, take_prompts
from engine.request.from_text import request_from_text
from engine.request.pulls import MOST_PICTURES, PicturePrompt
from engine.request.request import make_request, request_from_json

SHA, OTHER = "a" * 64, "b" * 64
WEIGHTS = st.floats(-100, 100).filter(bool)
LIKE = st.lists(
    st.builds(
        PicturePrompt,
        picture=st.from_regex(r"\A[0-9a-f]{64}\Z"),
        weight=WEIGHTS,
        stop=st.none() | st.floats(-5, 5),
    ),
    max_size=MOST_PICTURES,
)


@given(LIKE, st.sampled_from(["a fox", "a fox + a hen:-0.5"]))
def test_pictures_to_paint_like_survive_json_and_changes(like, prompt):
    request = make_request(prompt, like=like)
    assert request.like == (tuple(like) or None)
    assert request_from_json(request.model_dump_json(exclude_none=True)) == request
    changed = request.changed(seed=3)
    assert (changed.like, changed.seed) == (request.like, 3)
    assert make_request(prompt, **request.model_dump(exclude={"prompt"})) == request
    assert set(request.pictures_needed()) == {each.picture for each in like}


def test_a_request_without_pictures_is_stored_as_before():
    assert make_request("a fox").model_dump_json(exclude_none=True) == (
        '{"prompt":"a fox","preset":"default","model":"natural"}'
    )


def test_with_a_picture_words_can_be_missing():
    like = [{"picture": SHA}]
    assert make_request("", like=like).prompts() == ()
    for typed in ("", "-", " ... ", "- --seed 3"):
        request = request_from_text(typed, like=like)
        assert (request.prompt, request.prompts()) == ("", ())
    assert request_from_text("16", like=like).prompt == "16"
    with pytest.raises(RequestError, match="empty"):
        make_request("", like=[])
    assert request_from_text("-").prompt == "-"  # words as before


def test_each_picture_is_needed_once_with_the_others():
    like = [{"picture": OTHER}, {"picture": OTHER, "weight": -1}, {"picture": SHA}]
    assert make_request("a", init_image=SHA, like=like).pictures_needed() == (SHA, OTHER)


@pytest.mark.parametrize(
    ("like", "part"),
    [
        ([{"picture": "lemon.png"}], "like can't be 'lemon.png'"),
        ([{"picture": SHA, "weight": 0}], "weight 0"),
        ([{"picture": SHA, "weight": 101}], "between -100 and 100"),
        ([{"picture": SHA, "weight": float("nan")}], "between -100 and 100"),
        ([{"picture": SHA, "weight": "heavy"}], "like must be a number"),
        ([{"picture": SHA, "stop": 6}], "between -5 and 5"),
        ([{"picture": SHA, "colour": "red"}], 'no option "colour"'),
        ([{"picture": SHA}] * 9, "9 pictures to paint like; at most 8"),
    ],
)
def test_what_cannot_be_painted_like_is_refused_with_a_sentence(like, part):
    with pytest.raises(RequestError) as refusal:
        make_request("a fox", like=like)
    assert part in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_the_flag_of_the_command_line_is_not_one_of_prompts():
    with pytest.raises(RequestError, match="outside the prompt"):
        request_from_text("a fox --like lemon.png")


def test_files_are_given_with_a_weight_and_a_stop(tmp_path):
    lemon, odd = tmp_path / "lemon.png", tmp_path / "lemon.png:2"
    lemon.write_bytes(b"lemon")
    assert split_weight(f"{lemon}:0.5") == (lemon, {"weight": 0.5})
    assert split_weight(f"{lemon}:-1:0.25") == (lemon, {"weight": -1, "stop": 0.25})
    assert split_weight(str(lemon)) == (lemon, {})
    assert split_weight(r"C:\lemon.png")[1] == {}
    assert split_weight(f"{odd}")[1] == {"weight": 2}
    odd.write_bytes(b"odd")
    assert split_weight(f"{odd}") == (odd, {})
    pictures: dict[str, bytes] = {}
    digest = hashlib.sha256(b"lemon").hexdigest()
    given: list[GivenPrompt] = [f"{lemon}:0.5", (lemon, 2.0), b"odd"]
    assert take_prompts(given, pictures) == [
        {"picture": digest, "weight": 0.5},
        {"picture": digest, "weight": 2.0},
        {"picture": hashlib.sha256(b"odd").hexdigest()},
    ]
    assert set(pictures.values()) == {b"lemon", b"odd"}
