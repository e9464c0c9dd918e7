import time
from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.request.prompt import MAX_PROMPTS, Prompt, canonical, parse_prompts, split_flags

# Any text, with symbols of the grammar more often than by chance.
TYPED = st.text(max_size=5000) | st.lists(
    st.sampled_from(
        [
            "a",
            "fox",
            " ",
            "  ",
            "+",
            " + ",
            ":",
            "::",
            "1",
            "12",
            "-",
            ".5",
            "0",
            '"',
            "“",
            "--",
            "—",
            "--seed",
            "=",
            "\n",
            "\t",
            "\u3000",
            "²",
            "٣",
            "é",
            "|",
            "(",
            ")",
            "((",
            "[",
            "]",
            "{",
            "}",
            ",",
            "%",
            "->",
            "--no",
            " : ",
            " ^ ",
            "^",
            " @left",
            "@0-50,0-9",
        ]
    )
    | st.text(max_size=3),
    max_size=300,
).map("".join)
WORDS = (
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
    .map(str.strip)
    .filter(
        lambda words: (
            words and "+" not in words and '"' not in words and not {"“", "”"} & set(words)
        )
    )
)
NUMBERS = st.floats(-100, 100).filter(lambda number: number != 0)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("Baba Yaga's house + fantasy art", ["Baba Yaga's house", "fantasy art"]),
        ("C++ code", ["C++ code"]),
        ("16:9", ["16:9"]),
        ("at 12:30", ["at 12:30"]),
        ("a+b", ["a+b"]),
        ("Title: words", ["Title: words"]),
        ('a sign saying "1 + 1" + neon', ['a sign saying "1 + 1"', "neon"]),
        ('5" + 6', ['5"', "6"]),
        ("a + + b", ["a", "b"]),
        ("+ a +", ["a"]),
        ("a\n+\nb", ["a", "b"]),
        ("狐 + 月", ["狐", "月"]),
    ],
)
def test_words_are_parsed_as_a_person_means_them(typed, words):
    assert parse_prompts(typed) == tuple(Prompt(each) for each in words)


@pytest.mark.parametrize(
    ("typed", "prompt"),
    [
        ("a castle:0.5", Prompt("a castle", 0.5)),
        ("a castle :0.5", Prompt("a castle", 0.5)),
        ("fog:-.5", Prompt("fog", -0.5)),
        ("fog:-1:-0.3", Prompt("fog", -1, -0.3)),
        ("Apollo 11 :2", Prompt("Apollo 11", 2)),
        ("at 12:30 :2", Prompt("at 12:30", 2)),
        ("Title: words:+3", Prompt("Title: words", 3)),
    ],
)
def test_a_weight_and_a_stop_are_parsed(typed, prompt):
    assert parse_prompts(typed) == (prompt,)


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        (" + ", "empty"),
        ("a:0", "weight 0"),
        ("a:101", "between -100 and 100"),
        ("a:" + "9" * 400, "between -100 and 100"),
        ("a:1:" + "9" * 400, "between -5 and 5"),
        ("a:1:-6", "between -5 and 5"),
        (" + ".join("abcdefghijklmnopq"), "at most 16"),
    ],
)
def test_invalid_prompts_are_refused_with_a_reason(typed, part):
    with pytest.raises(RequestError) as refusal:
        parse_prompts(typed)
    assert part in str(refusal.value)
    assert len(str(refusal.value)) < 200


@given(TYPED)
@example("a:1:" + "9" * 400)
@example("a" + " " * 4998 + "b")
@example('"' * 5000)
@example(" :" * 2500)
def test_any_text_is_parsed_or_refused_quickly(typed):
    began = time.process_time()
    try:
        prompts = parse_prompts(typed)
    except RequestError as refusal:
        said = str(refusal)
        assert said.endswith(".")
    else:
        assert 1 <= len(prompts) <= MAX_PROMPTS
        for prompt in prompts:
            assert prompt.words == prompt.words.strip() != ""
            assert prompt.weight != 0
            assert parse_prompts(str(prompt)) == (replace(prompt, part=None),)
        assert canonical(canonical(typed)) == canonical(typed)
        parts = groupby(prompts, lambda prompt: prompt.part)
        story = " ^ ".join(" + ".join(map(str, part)) for _, part in parts)
        assert (
            parse_prompts(story) == prompts or '"' in typed or ({"“", "”"} & set(typed))
        )  # a quote of one prompt may close that of another
    assert time.process_time() - began < 2


def are_plain(words):
    """Whether they are words for every way of reading, without a weight among them."""
    try:
        return canonical(words) == words and parse_prompts(words) == (Prompt(words),)
    except RequestError:
        return False


@given(
    st.lists(
        st.builds(Prompt, WORDS, NUMBERS, st.floats(-5, 5) | st.just(float("-inf"))),
        min_size=1,
        max_size=MAX_PROMPTS,
    )
)
@example([Prompt(";:0")])
def test_prompts_survive_being_written_and_parsed(prompts):
    # Not words that are another tool's way of writing something else, such as "a | b".
    assume(all(are_plain(prompt.words) for prompt in prompts))
    assert parse_prompts(" + ".join(map(str, prompts))) == tuple(prompts)


@given(TYPED)
def test_flags_are_removed_from_any_text(typed):
    try:
        rest, flags = split_flags(typed)
    except RequestError as refusal:
        said = str(refusal)
        assert "twice" in said or "can't be read as an option" in said
        return
    assert all(name == name.lower() and name for name in flags)
    if not flags:
        assert rest == typed.strip()


@pytest.mark.parametrize(
    ("typed", "rest", "flags"),
    [
        ("a fox --seed 7", "a fox", {"seed": "7"}),
        ("--seed=7 a fox", "a fox", {"seed": "7"}),
        ("a fox —seed 7 –ar 16:9", "a fox", {"seed": "7", "ar": "16:9"}),
        ("a fox --SEED -5", "a fox", {"seed": "-5"}),
        ("a fox --seed", "a fox", {"seed": ""}),
        ("a fox --seed --ar 1:1", "a fox", {"seed": "", "ar": "1:1"}),
        (
            "well-known--words, semi - detached -- so",
            "well-known--words, semi - detached -- so",
            {},
        ),
        ("a  fox", "a  fox", {}),
    ],
)
def test_flags_can_be_anywhere_between_spaces(typed, rest, flags):
    assert split_flags(typed) == (rest, flags)
