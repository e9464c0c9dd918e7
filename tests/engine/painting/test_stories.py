"""Stories in the loop: which prompts pull when, resumed, in batches and in continued paintings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from engine import imagine
from engine.errors import RequestError
from engine.models.packages import clip_tokenizer
from engine.models.reading import Vocabulary
from engine.models.vocabulary import check_reading
from engine.painting.batch import shape_of, step_together
from engine.painting.pipeline import paint, prepare, recipe_of
from engine.painting.synthesis import Synthesis
from engine.request.prompt import Prompt, parse_prompts
from engine.request.recipe import Augmentation, Early
from engine.request.request import make_request
from engine.request.story import Story
from tests.engine.tiny import check_resumes, tiny_generator, tiny_perceptor, tiny_recipe

GENERATOR, PERCEPTOR = tiny_generator(), tiny_perceptor()


def _painting(words: str, fade: float = 0.0, every: int | None = None, **changes: Any) -> Synthesis:
    prompts = parse_prompts(words)
    parts = len({prompt.part for prompt in prompts})
    story = Story(parts, 6, every, fade) if parts > 1 else None
    recipe = tiny_recipe(story=story, augmentation=Augmentation(count=4), **changes)
    return Synthesis(GENERATOR, PERCEPTOR, prompts, recipe, 1)


def _names(painting: Synthesis) -> list[set[str]]:
    return [{*each.losses} - {"total"} for each in paint(painting)][:-1]


def test_each_part_pulls_in_its_time_alone():
    assert _names(_painting("a fox + fog:0.5 ^ a hen")) == [
        *[{"a fox", "fog:0.5"}] * 3,
        *[{"a hen"}] * 3,
    ]
    assert _names(_painting("a fox ^ a hen", every=2)) == [
        *[{"a fox"}] * 2,
        *[{"a hen"}] * 2,
        *[{"a fox"}] * 2,
    ]


def test_its_first_part_is_painted_as_by_itself_and_then_the_next():
    story, fox = _painting("a fox ^ a hen"), _painting("a fox")
    iterates, alone = list(paint(story)), list(paint(fox))
    for i in range(4):  # the fourth shows three updates by the fox
        assert torch.equal(iterates[i].image, alone[i].image)
    assert not torch.equal(story.latent.z, fox.latent.z)


def test_two_parts_fade_by_their_weights():
    story = _painting("a fox ^ a hen", fade=1.0)
    before = [each.losses for each in paint(story)][1]
    fox, hen = _painting("a fox:0.67 + a hen:0.33"), _painting("a fox ^ a hen", fade=1.0)
    hen.step()
    fox.load_state_dict(hen.state_dict())
    after = fox.step().losses
    assert before["a fox"] == pytest.approx(after["a fox:0.67"] / 0.67 * 2 / 3, rel=1e-3)
    assert before["a hen"] == pytest.approx(after["a hen:0.33"] / 0.33 / 3, rel=1e-3)


def test_the_mean_of_the_prompts_is_that_of_those_that_pull():
    first = _painting("a fox + fog ^ a hen", addition="mean").step().losses
    plain = _painting("a fox + fog").step().losses
    assert first["a fox"] == pytest.approx(plain["a fox"] / 2)


def test_it_resumes_bit_for_bit_and_is_stepped_with_others():
    one, other = (_painting("a fox ^ a hen", fade=0.5) for _ in range(2))
    for _ in range(3):
        check_resumes(one, other)
    together = [_painting("a fox ^ a hen"), _painting("a wolf"), _painting("a ^ b ^ c", every=1)]
    assert len({shape_of(each) for each in together}) == 1
    for _ in range(4):
        step_together(together)
    assert [sorted(each.losses) for each in together] == [
        ["a hen", "total"],
        ["a wolf", "total"],
        ["a", "total"],
    ]


def test_a_fresh_part_is_painted_like_a_picture_of_its_own():
    early = Early(share=0.5, count=3)
    for story in (Story(2, 8, fresh=True), Story(2, 50, 4, fresh=True)):
        recipe = tiny_recipe(iterations=8, cooling=0.5, early=early, story=story)
        alone = tiny_recipe(iterations=4, cooling=0.5, early=early)
        for i in range(8):
            assert recipe.rate(i) == pytest.approx(alone.rate(i % 4))
            assert recipe.augmentation_at(i) == alone.augmentation_at(i % 4)
            assert recipe.restarts_before(i) == (i == 4)
        plain = replace(recipe, story=replace(story, fresh=False))
        without = replace(recipe, story=None)
        for i in range(8):
            assert plain.rate(i) == without.rate(i)
            assert plain.augmentation_at(i) == without.augmentation_at(i)
            assert not plain.restarts_before(i)


def test_a_continued_story_stays_in_its_last_part(tiny):
    request = make_request("a fox ^ a hen", model="tiny", iterations=4, seed=1)
    recipe = recipe_of(request, tiny)
    more = recipe_of(request.with_values(more=4), tiny)
    assert recipe.story == more.story == Story(2, 4, fresh=True)
    assert [more.story.share(1, i) for i in (1, 2, 5, 7)] == [0, 1, 1, 1]
    *_, last = imagine(request.changed(more=2), models=tiny)
    assert set(last.losses) == {"a hen", "total"}


def test_parts_that_are_never_painted_and_words_that_are_unknown_are_told(tiny):
    request = make_request("a ^ b ^ c", model="tiny", iterations=4, change_every=2)
    assert prepare(request, tiny).notices() == [
        "With 2 iterations for each, only 2 of the 3 parts of the story are painted."
    ]


def test_every_part_needs_a_word_that_the_model_knows():
    known = Vocabulary(frozenset(clip_tokenizer().encode("a red fox hen")))
    [notice] = check_reading(make_request("a red fox ^ a blue hen"), known, "small")
    assert '"blue"' in notice
    with pytest.raises(RequestError, match="a hippogriff"):
        check_reading(make_request("a red fox ^ a hippogriff"), known, "small")
    assert Prompt("a", part=1) in make_request("b ^ a").prompts()
