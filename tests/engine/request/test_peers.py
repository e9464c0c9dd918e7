"""Other tools' ways of writing prompts: read where they are clear, else refused with a sentence."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.request.from_text import request_from_text, requests_from_text
from engine.request.prompt import Prompt, canonical, parse_prompts
from engine.request.request import make_request, request_from_json


@pytest.mark.parametrize(
    ("typed", "prompts"),
    [
        ("a:0.25 | b:0.5", [("a", 0.25), ("b", 0.5)]),
        ("a:0.25|b:0.5", [("a", 0.25), ("b", 0.5)]),
        ("a fox | forest + fog:-1", [("a fox", 1), ("forest", 1), ("fog", -1)]),
        ("||a secret||", [("a secret", 1)]),
        ("(a:1.4)", [("a", 1.4)]),
        ("(a fox : 1.4) + b", [("a fox", 1.4), ("b", 1)]),
        ("((word))", [("word", 1.21)]),
        ("(((word)))", [("word", 1.33)]),
        ("[word]", [("word", 0.91)]),
        ("(a fox)", [("(a fox)", 1)]),
        ("a : 0.5", [("a", 0.5)]),
        ("a : 2", [("a", 2)]),
        ("a: 0.5", [("a", 0.5)]),
        ("a: -1", [("a", -1)]),
        ("a:0,5", [("a", 0.5)]),
        ("a:50%", [("a", 0.5)]),
        ("a:\u22120.5", [("a", -0.5)]),
        ("狐\uff1a0.5\uff5c月", [("狐", 0.5), ("月", 1)]),
        ("a castle:0.5.", [("a castle", 0.5)]),
        ("a::2", [("a", 2)]),
        ("a::2 b::1", [("a", 2), ("b", 1)]),
        ("a::2, b::1", [("a", 2), ("b", 1)]),
        ("hot:: dog", [("hot", 1), ("dog", 1)]),
        ("hot::2 dog", [("hot", 2), ("dog", 1)]),
        ("hot dog::1.5 food::-1", [("hot dog", 1.5), ("food", -1)]),
        ("at 12:30::2", [("at 12:30", 2)]),
        ("16:9 | Title: words", [("16:9", 1), ("Title: words", 1)]),
        ('"a | b" | c', [('"a | b"', 1), ("c", 1)]),
        ('"(a:1.4) and [b]"', [('"(a:1.4) and [b]"', 1)]),
    ],
)
def test_other_tools_weights_are_read(typed, prompts):
    assert parse_prompts(typed) == tuple(Prompt(words, weight) for words, weight in prompts)


@pytest.mark.parametrize(
    "typed",
    [
        "16:9",
        "at 12:30",
        "Title: words",
        "Blade Runner: 2049",
        "score 3 : 2",
        "C++ code",
        "a+b",
        "a   fox",
        "[x](https://example.com)",
        "a smile :)",
        "a castle:0.5 + fog:-1:-0.3",
        '"a:1e3" at night',
    ],
)
def test_our_own_texts_are_stored_as_they_are(typed):
    assert canonical(typed) == typed


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("a castle, (fog:1.4), night", "(fog:1.4"),
        ("a castle:0.5, fog:0.3", "a castle:0.5"),
        ("a:1e3", "a:1e3"),
        ("a:2x", "a:2x"),
        ("a:0.5::2", "a:0.5"),
        ("a::2:0.5", "a::2:0.5"),
        ("space::ship", "space::ship"),
        ("::2", ":2"),
        (":0.5", ":0.5"),
        ("a :::2", ":::2"),
        ("a ((big)) castle", "((big))"),
        ("a [small] castle", "[small]"),
        ("a {word}", "{word}"),
        ("{a|b}", "{a|b}"),
        ("[a:b:0.5]", "[a:b:0.5]"),
        ("<lora:ghibli:0.8> a house", "<lora:ghibli:0.8>"),
        ("Blade Runner : 2049", "2049"),
        ("a:101%0", "a:101%0"),
    ],
)
def test_what_has_no_clear_meaning_is_refused_with_what_was_typed(typed, part):
    with pytest.raises(RequestError) as refusal:
        request_from_text(typed)
    said = str(refusal.value)
    assert part in said
    assert said.endswith(".")
    assert re.search(r"write|remove|put|give", said)


@pytest.mark.parametrize(
    ("typed", "instead"),
    [
        ("a castle, (fog:1.4), night", "a castle, night + fog:1.4"),
        ("a castle:0.5, fog:0.3", "a castle:0.5 + fog:0.3"),
        ("a ((big)) castle", "a castle + big:1.21"),
        (
            "masterpiece, (best quality:1.2), a girl, [blurry]",
            "masterpiece, a girl + best quality:1.2 + blurry:0.91",
        ),
        ("(a:1.4) (b:2) | c", "a:1.4 + b:2"),
        ("(a:1.4, b)", "a castle + fog:1.4"),
    ],
)
def test_the_refusal_shows_how_to_write_it(typed, instead):
    with pytest.raises(RequestError) as refusal:
        parse_prompts(typed)
    assert f'"{instead}"' in str(refusal.value)
    assert canonical(instead) == instead


LETTERS = st.text("abcxyz ", min_size=1, max_size=12).filter(str.strip).map(str.strip)
HUNDREDTHS = st.integers(1, 1000).map(lambda n: n / 100)
WAYS = (
    lambda words, weight: f"{words}:{weight}",
    lambda words, weight: f"{words} : {weight}",
    lambda words, weight: f"{words}:-{weight}",
    lambda words, weight: f"({words}:{weight})",
    lambda words, weight: f"{words}:{weight}".replace(".", ","),
    lambda words, weight: f"{words}:{weight * 100:g}%",
    lambda words, weight: f"{words}::{weight}",
)


@given(
    st.lists(st.tuples(LETTERS, HUNDREDTHS, st.sampled_from(WAYS)), min_size=1, max_size=16),
    st.sampled_from([" + ", " | ", "|", "\n+\n"]),
)
def test_every_way_of_writing_a_weight_gives_that_weight(parts, separator):
    typed = separator.join(way(words, weight) for words, weight, way in parts)
    prompts = parse_prompts(typed)
    assert [prompt.words for prompt in prompts] == [words for words, _, _ in parts]
    assert [abs(prompt.weight) for prompt in prompts] == pytest.approx(
        [weight for _, weight, _ in parts]
    )


PIECES = st.lists(
    st.sampled_from(
        [
            *("a", "fox ", " ", ":", "::", " : ", "+", " + ", " | ", "(", ")", "[", "]", ",", "."),
            *("-", "%", "1", "0.5", "2", "12", "0,25", "--no ", "--seed ", "->", '"', "x"),
        ]
    ),
    max_size=25,
).map("".join)
NUMBER = re.compile(r"\d+(?:[.,]\d+)?|\.\d+")


@given(PIECES)
def test_no_number_is_lost(typed):
    """Each number is a weight, a stop, an option or among the words, or the text is refused."""
    try:
        requests = requests_from_text(typed)
    except RequestError:
        return
    for request in requests:
        prompts = request.prompts()
        read = {request.seed, *(abs(p.weight) for p in prompts), *(p.stop for p in prompts)}
        words = " ".join(prompt.words for prompt in prompts)
        kept = {NUMBER.sub(lambda n: n[0].replace(",", "."), part) for part in words.split()}
        for number in NUMBER.findall(typed):
            value = float(number.replace(",", "."))
            assert (
                any(math.isclose(value * scale, abs(n)) for n in read if n for scale in (1, 0.01))
                or any(digits in "".join(kept) for digits in (number, number.replace(",", ".")))
                or value == 0
                or len(requests) > 1
                or is_split(number, words)
            ), (typed, request)


def is_split(number, words):
    """Whether both halves of a number were read apart, as in "1 + 2,3"."""
    return all(half in words for half in re.split("[.,]", number))


def test_stored_prompts_keep_the_meaning_they_had():
    stored = '{"prompt": "a ((big)) castle | fog::2"}'
    request = request_from_json(stored)
    assert request.prompts() == (Prompt("a ((big)) castle | fog::2"),)
    assert request.changed(seed=3).prompts() == request.prompts()
    assert make_request("a | b").prompts() == (Prompt("a"), Prompt("b"))


@pytest.mark.parametrize("typed", ["a|->|b", "a|-> @left|b"])
def test_an_arrow_next_to_a_bar_is_refused(typed):
    with pytest.raises(RequestError, match="both sides"):
        request_from_text(typed)


@pytest.mark.parametrize("typed", ["a +:2", "a ^:2", "a|^|b", "a +|b", "+:1"])
def test_a_separator_without_words_next_to_it_is_refused(typed):
    with pytest.raises(RequestError, match="needs words on both sides"):
        request_from_text(typed)


def test_both_sides_of_an_arrow_are_read():
    request = request_from_text("foggy | sky -> clear sky::2", init_image="0" * 64)
    assert request.prompt == "foggy + sky -> clear sky:2"


@pytest.mark.parametrize(
    ("typed", "prompt"),
    [
        ("a fox --no snow", "a fox + snow:-0.5"),
        ("a fox --no snow, red berries --seed 7", "a fox + snow:-0.5 + red berries:-0.5"),
        ("a fox --no x --no y:0.8", "a fox + x:-0.5 + y:-0.8"),
        ("a fox -no snow", "a fox + snow:-0.5"),
        ("a fox —no snow", "a fox + snow:-0.5"),
        ("a fox --negative_prompt snow", "a fox + snow:-0.5"),
        ("a fox --no snow:0,3, ice", "a fox + snow:-0.3 + ice:-0.5"),
    ],
)
def test_no_pushes_away(typed, prompt):
    assert request_from_text(typed).prompt == prompt


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        ("a fox -ar 16:9", {"aspect": 16 / 9}),
        ("a fox--ar 16:9", {"aspect": 16 / 9}),
        ("a fox --aspect 3:2", {"aspect": 1.5}),
        ("a fox --steps 9", {"iterations": 9}),
        ("a fox --learning_rate 0,5", {"learning_rate": 0.5}),
        ("a fox --width 64 --height 32", {"width": 64, "height": 32}),
        ("a fox — red and quick", {}),
        ("a fox —red and quick", {}),
        ("well-known--words", {}),
        ('a sign saying "--seed 7"', {}),
    ],
)
def test_other_tools_options_are_read(typed, fields):
    request = request_from_text(typed)
    assert request.model_dump(exclude_defaults=True, exclude={"prompt"}) == fields
    if not fields:
        assert request.prompt == typed


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("a fox --v 5", "--model"),
        ("a fox --v5", "--v5"),
        ("a fox --q 2", "--iterations"),
        ("a fox --stylize 250", "oil painting"),
        ("a fox -s 250", "oil painting"),
        ("a fox --iw 2", "--strength"),
        ("a fox --cfg 7", "a castle:2"),
        ("a fox --sampler ddim", "remove it"),
        ("a fox --seed:7", '"--seed:7"'),
        ("a fox -- seed 7", '"-- seed 7"'),
        ("a fox --no", "--no needs a value"),
        ("--no snow", "empty"),
        ("a fox --ar 1:100", 'between 1:8 and 8:1, not "1:100"'),
        ("a fox --iterations 9000", "not 9000"),
        ("a fox --red", "--no"),
        ("https://example.com/a.png a fox", "https://example.com/a.png"),
        ("a fox <https://example.com/a.png>", '"https://example.com/a.png"'),
    ],
)
def test_no_option_is_swallowed(typed, part):
    with pytest.raises(RequestError) as refusal:
        request_from_text(typed)
    assert part in str(refusal.value)


@pytest.mark.parametrize(
    ("typed", "prompts"),
    [
        ("{red, blue} fox", ["red fox", "blue fox"]),
        ("[red, blue] fox", ["red fox", "blue fox"]),
        ("a {red, big {old, new}} fox", ["a red fox", "a big old fox", "a big new fox"]),
        ("{a, b}{c, d}", ["ac", "ad", "bc", "bd"]),
        (r"{red\, white, blue} flag", ["red, white flag", "blue flag"]),
        ("a fox, a hen", ["a fox, a hen"]),
        ('a sign saying "{a, b}"', ['a sign saying "{a, b}"']),
        ("fox::{1, 2} hen", ["fox + hen", "fox:2 + hen"]),
    ],
)
def test_choices_make_several_requests(typed, prompts):
    assert [request.prompt for request in requests_from_text(typed)] == prompts


def test_flags_can_be_choices():
    requests = requests_from_text("a fox --ar {1:1, 3:2} --seed {1, 2}")
    assert [(r.aspect, r.seed) for r in requests] == [(1, 1), (1, 2), (1.5, 1), (1.5, 2)]


@pytest.mark.parametrize(
    "typed", ["{a,b}{c,d}{e,f}{g,h}", "{a,b,c,d,e,f,g,h,i}", "{a," * 600 + "b" + "}" * 600]
)
def test_more_than_eight_choices_are_refused(typed):
    with pytest.raises(RequestError, match="more than 8"):
        requests_from_text(typed)


def test_choices_are_refused_where_only_one_picture_can_be_made():
    with pytest.raises(RequestError, match="2 pictures"):
        request_from_text("{red, blue} fox")
