"""count: several pictures of one request."""

from __future__ import annotations

import pytest

from engine import imagine
from engine.errors import RequestError
from engine.request.from_text import request_from_text
from engine.request.grid import each_of, with_seed
from engine.request.limits import MAX_SEED


def test_seeds_count_up_from_the_one_that_is_given():
    request = request_from_text(f"a fox --count 4 --seed {MAX_SEED - 1}")
    pictures = each_of(request)
    assert [each.seed for each in pictures] == [MAX_SEED - 1, MAX_SEED, 0, 1]
    assert {each.count for each in pictures} == {None}
    assert pictures[0].model_dump_json(exclude_none=True) == request_from_text(
        f"a fox --seed {MAX_SEED - 1}"
    ).model_dump_json(exclude_none=True)


def test_without_a_seed_each_picture_gets_its_own():
    pictures = each_of(request_from_text("a fox --repeat 3"))
    assert [each.seed for each in pictures] == [None] * 3
    assert len({with_seed(each).seed for each in pictures}) == 3


def test_without_a_count_the_request_is_the_picture_s():
    request = request_from_text("a fox")
    assert each_of(request) == (request,)
    assert with_seed(request.with_values(seed=0)).seed == 0


def test_the_engine_paints_one_picture():
    with pytest.raises(RequestError, match="leave it out"):
        imagine("a fox --count 2")
