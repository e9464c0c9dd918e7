"""Noise prompts: random directions of the published code, by their seeds."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine import imagine
from engine.errors import RequestError
from engine.models import Member
from engine.painting.noise_prompts import noise_targets
from engine.request.from_text import request_from_text
from engine.request.limits import MAX_SEED
from engine.request.noise import NoisePrompt, parse_noise
from engine.request.request import make_request, request_from_json
from tests.engine.painting import published
from tests.engine.tiny import tiny_perceptor

PERCEPTOR = tiny_perceptor()


@given(st.integers(0, MAX_SEED), st.sampled_from([-2.0, 0.5, 1.0]))
def test_a_seed_gives_the_published_vector_and_loss(seed, weight):
    [target] = noise_targets([Member(PERCEPTOR, 1.0)], [NoisePrompt(seed, weight)])
    # As in the notebooks and in nerdyrodent's script:
    gen = torch.Generator().manual_seed(seed)
    embed = torch.empty([1, 24]).normal_(generator=gen)
    torch.testing.assert_close(target.vectors[0], torch.nn.functional.normalize(embed)[0])
    seen = torch.nn.functional.normalize(torch.randn(3, 24, generator=gen))
    ours = target.loss(seen, target.vectors[0], weight, -math.inf)
    torch.testing.assert_close(ours, published.Prompt(embed, weight)(seen))


NOISE = st.lists(
    st.tuples(st.integers(0, MAX_SEED), st.none() | st.integers(-100, 100).filter(bool)),
    min_size=1,
    max_size=8,
)


@given(NOISE)
def test_seeds_and_weights_are_read_stored_and_kept(noise):
    typed = ",".join(str(seed) if weight is None else f"{seed}:{weight}" for seed, weight in noise)
    request = request_from_text(f"a fox --noise {typed}")
    assert request.noises() == tuple(NoisePrompt(seed, weight or 1) for seed, weight in noise)
    assert request_from_json(request.model_dump_json()) == request.changed() == request
    assert request_from_text(f"--noise {typed}").prompts() == ()


@pytest.mark.parametrize(
    "noise", ["", "x", "7:0", "7:", "-1", "4294967296", "7:101", "7,,8", "7 8"]
)
def test_what_is_not_a_seed_is_refused(noise):
    with pytest.raises(RequestError, match="can't be read; write a seed"):
        make_request("a fox", noise=noise)
    with pytest.raises(RequestError, match="9 noise prompts; at most 8"):
        parse_noise(",".join("123456789"))
    assert json.loads(make_request("a fox").model_dump_json())["noise"] is None


def test_noise_pulls_a_painting_with_and_without_words(tiny):
    values = {"models": tiny, "model": "tiny", "iterations": 1, "seed": 1}
    *_, both = imagine("a fox --noise 7:0.5,8", **values)
    assert set(both.losses) == {"a fox", "noise 7", "noise 8", "total"}
    *_, alone = imagine("", noise="7", **values)
    assert set(alone.losses) == {"noise 7", "total"}
