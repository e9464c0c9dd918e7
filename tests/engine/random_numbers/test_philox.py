"""Philox4x32-10 gives the published words, by each of the ways in which it is computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.random_numbers.on_cpu import philox_into
from engine.random_numbers.philox import philox

# Random123's known answers, https://github.com/DEShawResearch/random123, tests/kat_vectors, the
# lines "philox4x32 10": four words of the counter, two of the key, four of the answer.
KNOWN = (
    "00000000 00000000 00000000 00000000 00000000 00000000 6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    "ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 408f276d 41c83b0e a20bc7c6 6d5451fd",
    "243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 d16cfe09 94fdcceb 5001e420 24126ea1",
)


def _ints(words: list[int]) -> list[int]:
    a, b, c, d, low, high = words
    return list(philox((a, b, c, d), (low, high)))


def _tensors(words: list[int]) -> list[int]:
    a, b, c, d = (torch.tensor([word, 0]) for word in words[:4])
    low, high = (torch.tensor([[1], [word]]) for word in words[4:])
    answer = philox((a, b, c, d), (low, high))
    return [int(word[1, 0]) for word in answer]


def _arrays(words: list[int]) -> list[int]:
    a, b, c, d = (np.array([0, word], np.uint64) for word in words[:4])
    spare = np.empty(2, np.uint64), np.empty(2, np.uint64)
    philox_into((a, b, c, d), words[5] << 32 | words[4], spare)
    return [int(word[1]) for word in (a, b, c, d)]


WAYS = {"ints": _ints, "tensors": _tensors, "arrays": _arrays}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("known", KNOWN)
def test_the_words_are_the_published_ones(known: str, way: str) -> None:
    words = [int(word, 16) for word in known.split()]
    assert WAYS[way](words[:6]) == words[6:]


@given(st.lists(st.integers(0, 2**32 - 1), min_size=6, max_size=6))
def test_all_ways_give_the_same_words(words: list[int]) -> None:
    answers = [way(words) for way in WAYS.values()]
    assert answers[0] == answers[1] == answers[2]
