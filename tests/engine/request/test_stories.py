"""Stories: prompts that change over the run, typed, stored and told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.request.from_text import request_from_text, requests_from_text
from engine.request.prompt import MAX_PROMPTS as MOST
from engine.request.prompt import Prompt, canonical, parse_prompts
from engine.request.request import make_request, request_from_json
from engine.request.story import Story

SHA = "0" * 64
SEASONS = "a forest in spring + fog:0.5 ^ a forest in autumn"


def test_the_parts_of_a_story_are_prompts_with_weights():
    request = request_from_text(f"{SEASONS} --change-every 40 --fade 0.25")
    assert request.prompts() == (
        Prompt("a forest in spring", part=0),
        Prompt("fog", 0.5, part=0),
        Prompt("a forest in autumn", part=1),
    )
    assert request.prompts() == parse_prompts(SEASONS)
    assert request.story(100) == Story(2, 100, 40, 0.25, fresh=True)
    published = request.changed(preset="nerdyrodent")
    assert published.story(100) == Story(2, 100, 40, 0.25, fresh=False)
    fast = request.changed(preset="fast")
    assert fast.story(50) == Story(2, 50, 40, 0.25, fresh=True)
    assert make_request("a fox").story(100) is None
    assert request.changed(seed=3).prompts() == request.prompts()


def test_a_prompt_that_was_stored_with_a_caret_keeps_its_meaning():
    stored = request_from_json('{"prompt": "a ^ b"}')
    assert stored.prompts() == stored.changed(seed=3).prompts() == (Prompt("a ^ b"),)
    assert make_request("a ^ b").prompts() == parse_prompts("a ^ b")
    assert len(make_request("a ^ b").prompts()) == 2
    story = request_from_json(make_request("a ^ b").model_dump_json(exclude_none=True))
    assert len(story.prompts()) == 2
    assert story.changed(prompt="a fox").grammar is None


@pytest.mark.parametrize("words", ["a^b", "^_^", 'a "b ^ c"', "x^2 + y"])
def test_carets_without_spaces_or_in_quotes_are_words(words):
    request = request_from_text(words)
    assert not request.is_story
    assert request.grammar is None
    assert request.prompt == words


PART = st.sampled_from(["a fox", "a hen:2", "fog + rain:-0.5", "b | c", "at 12:30", "(a:1.2)"])


@given(st.lists(PART, min_size=2, max_size=5), st.none() | st.integers(1, 5000), st.floats(0, 1))
def test_a_story_survives_its_json_and_each_part_is_read_by_itself(parts, every, fade):
    request = make_request(" ^ ".join(parts), change_every=every, fade=fade)
    assert request_from_json(request.model_dump_json()) == request
    assert canonical(request.prompt) == request.prompt
    for i, part in enumerate(parts):
        told = [(p.words, p.weight) for p in request.prompts() if p.part == i]
        assert told == [(p.words, p.weight) for p in parse_prompts(part)]


def test_arrows_and_what_to_avoid_belong_to_every_part():
    edit = make_request("fog -> sun ^ sun -> night", init_image=SHA, away=0.25)
    assert [(p.words, p.weight, p.part) for p in edit.prompts()] == [
        ("sun", 1, 0),
        ("fog", -0.25, 0),
        ("night", 1, 1),
        ("sun", -0.25, 1),
    ]
    avoiding = request_from_text("a fox ^ a hen --no snow, ice")
    assert avoiding.prompt == "a fox + snow:-0.5 + ice:-0.5 ^ a hen + snow:-0.5 + ice:-0.5"
    both = requests_from_text("a {red, blue} fox ^ a hen")
    assert [each.prompt for each in both] == ["a red fox ^ a hen", "a blue fox ^ a hen"]
    phrase = make_request("a ^ b", init_image=SHA, where="windmills -> mushrooms")
    assert [(p.words, p.part) for p in phrase.prompts()] == [
        ("a", 0),
        ("b", 1),
        ("mushrooms", None),
    ]


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("a ^", "A part of the story is empty"),
        ("^ a", "A part of the story is empty"),
        ("a ^ ^ b", "A part of the story is empty"),
        ("a ^ --no fog", "A part of the story is empty"),
        ("a ^ b:0", "weight 0"),
        ("a ^ b, (c:1.4), d", "can't be read"),
        (" ^ ".join(["a + b + c"] * 6), f"18 prompts in the parts of the story; at most {MOST}"),
        ("a fox --change-every 5", "change_every only works with a story"),
        ("a fox --fade 0.5", "fade only works with a story"),
        ("a ^ b --fade 2", "between 0 and 1"),
        ("a ^ b --change-every 0", "between 1 and 5000"),
        ("a ^ b --change-every few", "whole number"),
        ("fog -> sun -> night ^ b", "more than one arrow"),
    ],
)
def test_what_is_no_story_is_refused_with_a_sentence(typed, part):
    with pytest.raises(RequestError) as refusal:
        make_request(typed, init_image=SHA) if "->" in typed else request_from_text(typed)
    assert part in str(refusal.value)


def test_other_tools_names_for_the_change_are_read():
    assert request_from_text("a ^ b --change_prompt_every 9").change_every == 9
    assert request_from_text("a ^ b -cpe 9").change_every == 9


STORIES = st.builds(
    Story,
    parts=st.integers(2, 6),
    length=st.integers(1, 500),
    every=st.none() | st.integers(1, 200),
    fade=st.floats(0, 1),
)


@given(STORIES, st.integers(0, 1000))
def test_at_every_moment_the_shares_of_the_parts_are_one(story, iteration):
    shares = [story.share(part, iteration) for part in range(story.parts)]
    assert all(0 <= share <= 1 for share in shares)
    assert sum(shares) == pytest.approx(1)
    assert sum(share > 0 for share in shares) <= 2


@given(STORIES.filter(lambda story: not story.fade), st.integers(0, 1000))
def test_parts_follow_each_other_as_in_nerdyrodents_script_or_share_the_time(story, iteration):
    [now] = [part for part in range(story.parts) if story.share(part, iteration)]
    if story.every is None:
        assert now == min(story.parts - 1, iteration * story.parts // story.length)
        return
    # ``if i % args.prompt_frequency == 0 and i > 0`` of its loop, which starts over.
    p, shown = 1, 0
    for i in range(iteration + 1):
        if i % story.every == 0 and i > 0:
            if p >= story.parts:
                p = 0
            shown = p
            p += 1
    assert now == shown


def test_a_part_fades_into_the_next_one():
    story = Story(2, 20, fade=0.5)
    assert [story.share(1, i) for i in (0, 5, 6, 7, 8, 9, 10, 15, 19, 30)] == pytest.approx(
        [0, 0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1]
    )
    around = Story(2, 40, every=10, fade=0.2)
    assert [around.share(0, i) for i in (0, 8, 9, 10, 19, 20)] == pytest.approx(
        [1, 1, 0.5, 0, 0.5, 1]
    )
    assert [Story(3, 20, every=8).told, Story(3, 16, every=8).told, Story(3, 16).told] == [3, 2, 3]
