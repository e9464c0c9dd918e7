"""Words in any script, and emoji with their names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.request.words import emoji_name, listed, words_in


def texts(text):
    return [word.text for word in words_in(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a fox, a hen!", ["a", "fox", "a", "hen"]),
        ("Baba Yaga's well-known house", ["Baba", "Yaga's", "well-known", "house"]),
        ("16:9 at 12", ["16", "9", "at", "12"]),
        ("東京 हिन्दी", ["東京", "हिन्दी"]),
        ("cafe\u0301", ["cafe\u0301"]),
        ("???  ... -- '", []),
        ("a 90° turn → left", ["a", "90", "turn", "left"]),
    ],
)
def test_words_of_any_script_are_found(text, words):
    assert texts(text) == words


@pytest.mark.parametrize(
    ("emoji", "name"),
    [
        ("🦊", "fox face"),
        ("❤️", "heavy black heart"),
        ("👩‍🚀", "woman, rocket"),
        ("👨‍👩‍👧‍👦", "man, woman, girl, boy"),
        ("👍🏽", "thumbs up sign, medium skin tone"),
        ("🧑🏿‍🎨", "adult, dark skin tone, artist palette"),
        ("🇩🇪", "flag DE"),
        ("5️⃣", "keycap 5"),
        ("#️⃣", "keycap #"),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "waving black flag, gbeng"),
        ("☀", "black sun with rays"),
        ("©️", "copyright sign"),
    ],
)
def test_an_emoji_is_one_word_with_a_name(emoji, name):
    [word] = words_in(emoji)
    assert (word.text, word.emoji) == (emoji, True)
    assert emoji_name(emoji) == name
    assert texts(f"a{emoji}{emoji} b") == ["a", emoji, emoji, "b"]


def test_flags_are_pairs():
    assert texts("🇩🇪🇫🇷") == ["🇩🇪", "🇫🇷"]


def test_words_are_listed_for_a_sentence():
    assert listed(("hippogriff", "🦊")) == '"hippogriff", 🦊 (fox face)'
    assert listed(tuple("abc"), most=2) == '"a", "b", ...'


@given(st.text(max_size=60))
def test_words_are_parts_of_any_text_in_order(text):
    end = 0
    for word in words_in(text):
        assert end <= word.start
        assert text[word.start : word.end] == word.text != ""
        assert not word.emoji or emoji_name(word.text)
        end = word.end
    assert end <= len(text)


@given(st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_letters_and_digits_are_never_lost(text):
    assert "".join(texts(text)) == text
