"""Everything that can pull a painting, at once.

An ensemble, weights, negatives, stops, regions, a story that fades, pictures, and noise. Each has a
file of tests of its own; here they go together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from engine import imagine
from engine.models.perceptors.base import Member
from engine.models.perceptors.ensemble import Ensemble
from engine.painting.batch import step_together
from engine.painting.picture_prompts import Likeness
from engine.painting.synthesis import Synthesis
from engine.request.noise import NoisePrompt
from engine.request.prompt.second import in_story, parse_second, split_at_carets
from engine.request.pulls import PicturePrompt
from engine.request.recipe import Augmentation
from engine.request.request import make_request, request_from_json
from engine.request.story import Story
from tests.cogs.media import png, sha256
from tests.engine.painting import published
from tests.engine.painting.test_ensembles import REGIONS, clips
from tests.engine.painting.test_picture_prompts import PHOTO, SHA
from tests.engine.tiny import check_resumes, published_tower, tiny_generator, tiny_recipe

WEIGHTS = (1.0, 0.5, 2.0)
STORY = "a fox @left:2 + fog:-0.5 + a hen @hook:1:1.9 ^ a wolf @left:0.5"
# Of the first part 2/3 at iteration 1 of 6, of the second 1/3; the hen is nearer than its stop.
PULLS = {
    "a fox @left:2": ("left", 2 * 2 / 3, -float("inf")),
    "fog:-0.5": (None, -0.5 * 2 / 3, -float("inf")),
    "a hen @hook:1:1.9": ("hook", 2 / 3, 1.9),
    "a wolf @left:0.5": ("left", 0.5 / 3, -float("inf")),
    "like 55555555": (None, 0.5, -float("inf")),
    "noise 7": (None, -0.25, -float("inf")),
}
PLACES = ("left", None, "hook")  # in the order of the words, with two cutouts each
PERCEPTORS = clips(torch.float64)
ENSEMBLE = Ensemble([Member(*each) for each in zip(PERCEPTORS, WEIGHTS, strict=True)])


def _painting(**changes: Any) -> Synthesis:
    parts = in_story([parse_second(part, ["hook"]) for part in split_at_carets(STORY)])
    recipe = tiny_recipe(story=Story(2, 6, fade=1.0), augmentation=Augmentation(count=6), **changes)
    likeness = Likeness(PicturePrompt(picture=SHA, weight=0.5), PHOTO)
    return Synthesis(
        tiny_generator(torch.float64),
        ENSEMBLE,
        parts,
        recipe,
        1,
        regions=REGIONS,
        likenesses=[likeness],
        noise=[NoisePrompt(7, -0.25)],
    )


@pytest.mark.parametrize("addition", ["sum", "mean"])
def test_the_losses_and_gradients_are_the_sums_of_the_published_ones(
    addition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    painting = _painting(addition=addition)
    painting.iteration = 1
    shown: list[Tensor] = []
    slopes: dict[int, Tensor] = {}
    for place, perceptor in enumerate(PERCEPTORS):

        def spy(cutouts, place=place, encode=perceptor.encode_image):
            shown.append(cutouts.detach().clone().requires_grad_())
            cutouts.register_hook(lambda slope: slopes.__setitem__(place, slope))
            return encode(cutouts)

        monkeypatch.setattr(perceptor, "encode_image", spy)
    painting.step()
    share = 1.0
    if addition == "mean":
        share /= sum(abs(weight) for _, weight, _ in PULLS.values())
    targets = {target.name: target.vectors for target in painting.targets.targets}
    expected = dict.fromkeys(PULLS, 0.0)
    for place, (perceptor, cutouts) in enumerate(zip(PERCEPTORS, shown, strict=True)):
        seen = published_tower(perceptor)((cutouts - perceptor.mean) / perceptor.std)
        total = torch.zeros((), dtype=torch.float64)
        for name, (region, weight, stop) in PULLS.items():
            start = 2 * PLACES.index(region)
            vectors = targets[name][place]
            loss = published.Prompt(vectors.view(-1, vectors.shape[-1]), weight * share, stop)
            of_prompt = WEIGHTS[place] * loss(normalize(seen[start : start + 2], dim=1))
            total = total + of_prompt
            expected[name] += of_prompt.item()
        (slope,) = torch.autograd.grad(total, cutouts)
        torch.testing.assert_close(slopes[place], slope, rtol=1e-6, atol=1e-9)
    assert painting.losses.pop("total") == pytest.approx(sum(expected.values()))
    assert painting.losses == pytest.approx(expected)


def test_it_resumes_bit_for_bit_and_paints_in_passes_and_among_others() -> None:
    check_resumes(_painting(), _painting())
    alone, in_passes, among = _painting(), _painting(), _painting()
    in_passes.recovery.plan(2)
    other = replace(among.recipe, story=None)
    plain = Synthesis(among.generator, ENSEMBLE, parse_second("a hat"), other, 2)
    step_together([plain, among])
    for each in (alone, in_passes):
        each.step()
    for each in (in_passes, among):
        assert each.losses == pytest.approx(alone.losses, rel=1e-6)
        torch.testing.assert_close(each.latent.z.grad, alone.latent.z.grad, rtol=1e-5, atol=1e-9)


def test_a_request_with_all_of_it_paints_the_same_after_it_was_stored(tiny) -> None:
    lemon, hill = png("yellow"), png("white", mode="L")
    request = make_request(
        "a castle @hill:2 + fog:-0.5:-1.2 ^ a wolf @left:0.5",
        model="tiny",
        iterations=4,
        seed=1,
        fade=0.5,
        addition="mean",
        like=[{"picture": sha256(lemon), "weight": 0.5, "stop": 0.1}],
        noise="7:-0.25",
        regions=[{"name": "hill", "mask": sha256(hill)}],
        palette="navy,gold",
        ema=0.5,
    )
    pictures = {sha256(each): each for each in (lemon, hill)}
    stored = request_from_json(request.model_dump_json())
    assert stored == request
    first, second = (list(imagine(r, pictures=pictures, models=tiny)) for r in (request, stored))
    like = f"like {sha256(lemon)[:8]}"
    always = {like, "noise 7", "palette", "total"}
    assert set(first[0].losses) == always | {"a castle @hill:2", "fog:-0.5:-1.2"}
    assert set(first[-1].losses) == always | {"a wolf @left:0.5"}
    assert torch.equal(first[-1].image, second[-1].image)
