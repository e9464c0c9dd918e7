"""Rows of tokens: how a text is laid out for a text tower."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models.packages import clip_tokenizer
from engine.models.perceptors.tokenizing import Tokenizer, clip_tokens
from engine.models.reading import Vocabulary


class Letters(Vocabulary):
    """Each letter is a token, "a" being 10."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) - ord("a") + 10 for letter in text]


@settings(max_examples=30)
@given(st.text("abcxyz", max_size=9), st.integers(0, 2), st.integers(0, 2), st.integers(0, 9))
def test_a_row_has_start_text_end_and_padding(text, starts, ends, pad):
    start, end = (1,) * starts, (2,) * ends
    tokens = Tokenizer(Letters(), 7, start, end, pad).tokenize(text)
    room = 7 - starts - ends
    row = [*start, *Letters().encode(text)[:room], *end]
    assert tokens.ids.tolist() == row + [pad] * (7 - len(row))
    assert (tokens.count, tokens.cut) == (min(len(text), room), max(0, len(text) - room))
    assert tokens.ids.dtype is torch.long


def test_clip_s_rows_are_those_of_its_package():
    encoder = clip_tokenizer().encoder
    words = clip_tokenizer().encode("a fox!")
    tokens = clip_tokens(8).tokenize("a fox!")
    row = [encoder["<|startoftext|>"], *words, encoder["<|endoftext|>"]]
    assert tokens.ids.tolist() == row + [0] * (8 - len(row))
    assert tokens.count == len(words) == 3
    assert clip_tokens(4).tokenize("a fox!").ids.tolist() == [*row[:3], row[-1]]
