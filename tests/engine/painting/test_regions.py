"""Prompts that pull in a region only: which cutouts they see, and what they change."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image

from engine import imagine
from engine.errors import RequestError
from engine.painting.batch import shape_of, step_together
from engine.painting.composing import Frame
from engine.painting.cutouts import Region, cut, draw_cutouts, in_regions
from engine.painting.pipeline import paint, prepare, recipe_of
from engine.painting.regions import regions_of
from engine.painting.synthesis import Synthesis
from engine.random_numbers import Draws
from engine.request.prompt import parse_prompts
from engine.request.recipe import PRESETS, Augmentation
from engine.request.request import make_request
from engine.request.story import Story
from tests.cogs.media import png
from tests.engine.tiny import PLAIN, check_resumes, tiny_generator, tiny_perceptor, tiny_recipe

GENERATOR, PERCEPTOR = tiny_generator(), tiny_perceptor()
SIZE = 32, 24
PLACES = {
    "left": Region("left", (0, 0, 16, 24)),
    "right": Region("right", (16, 0, 32, 24)),
    "middle": Region("middle", (8, 6, 24, 18)),
}


def _painting(words: str, story: Story | None = None, **changes: Any) -> Synthesis:
    recipe = tiny_recipe(**{"augmentation": Augmentation(count=4), "story": story, **changes})
    return Synthesis(GENERATOR, PERCEPTOR, parse_prompts(words), recipe, 1, regions=PLACES)


@pytest.mark.parametrize("preset", ["paper", "nerdyrodent"])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
def test_each_region_gets_its_share_of_cutouts_that_show_nothing_else(preset, count):
    augmentation = replace(
        PRESETS[preset].augmentation, count=count, noise=0, perspective=0, jitter=0
    )
    parts = (PLACES["left"], None, PLACES["right"])
    draws = Draws(3, 5)
    drawn = draw_cutouts(augmentation, *SIZE, 16, draws)
    placed = in_regions(drawn, parts, augmentation, SIZE, 16, draws, 5)
    assert placed.views is not None
    of = placed.views.of
    assert len(of) == count
    assert max(map(of.count, (0, 1, 2))) - min(map(of.count, (0, 1, 2))) <= 1
    picture = torch.zeros(1, 3, 24, 32)
    picture[..., :16] = 1.0
    picture.requires_grad_()
    for i, part in enumerate(of):
        left, _, width, _ = (placed.box[i] * torch.tensor([32, 24, 32, 24])).tolist()
        seen = cut(picture, placed.only(torch.tensor([i])), 16)
        if parts[part] is not None and part == 0:
            assert (left, left + width) <= (16, 16)
            assert seen.amax() > 0.9
        if part == 2:
            assert left >= 16
            assert seen.amax() == 0


def test_parts_without_room_take_turns_and_for_the_whole_picture_no_bit_changes():
    augmentation = replace(PLAIN, count=2)
    parts = (PLACES["left"], PLACES["right"], None)
    seen = set()
    for iteration in range(3):
        draws = Draws(1, iteration)
        drawn = draw_cutouts(augmentation, *SIZE, 16, draws)
        assert in_regions(drawn, (None,), augmentation, SIZE, 16, draws, iteration) is drawn
        placed = in_regions(drawn, parts, augmentation, SIZE, 16, draws, iteration)
        assert placed.views is not None
        seen |= set(placed.views.of)
    assert seen == {0, 1, 2}
    whole = Region("whole", (0, 0, *SIZE))
    placed = in_regions(drawn, (whole,), augmentation, SIZE, 16, draws, 0)
    torch.testing.assert_close(placed.box, drawn.box)


def test_a_prompt_changes_its_region_alone():
    for words, place in (("a fox @left", slice(0, 8)), ("a fox @right", slice(8, 16))):
        painting = _painting(words)
        painting.step()
        moved = painting.latent.z.grad.abs().sum(dim=(0, 1, 2))  # type: ignore[union-attr]  # of columns
        # Tokens are 2 px, and the decoder's attention spreads a gradient; everywhere it is half.
        assert moved[place].sum() > 0.6 * moved.sum()


def test_a_mask_of_any_shape_keeps_gradients_inside():
    mask = torch.zeros(1, 1, 24, 32)
    mask[..., 4:20, 4:9] = 1
    mask[..., 15:20, 4:28] = 1
    region = Region("hook", (4, 4, 28, 20), mask)
    picture = torch.rand(1, 3, 24, 32, requires_grad=True)
    augmentation, draws = Augmentation(count=5), Draws(1, 2)
    drawn = draw_cutouts(augmentation, *SIZE, 16, draws)
    placed = in_regions(drawn, (region,), augmentation, SIZE, 16, draws, 2)
    seen = cut(picture, placed, 16)
    seen.sum().backward()
    assert picture.grad is not None
    assert picture.grad[mask.expand_as(picture) > 0].abs().sum() > 0
    assert picture.grad[mask.expand_as(picture) == 0].abs().max() == 0
    torch.testing.assert_close(seen, cut(picture, replace(placed, views=None), 16))


def test_the_losses_are_means_over_the_region_s_own_cutouts():
    painting = _painting("a fox @left + a hen:0.5 @right + fog", iterations=2)
    painting.step()
    assert set(painting.losses) == {"a fox @left", "a hen @right:0.5", "fog", "total"}
    apart = {"a fox @left": 1.0, "a hen @right:0.5": 0.5, "fog": 1.0}
    for name, weight in apart.items():
        assert 0.5 * weight < painting.losses[name] < 2.5 * weight
    assert painting.losses["total"] == pytest.approx(sum(painting.losses[name] for name in apart))


def test_it_resumes_bit_for_bit_and_paints_in_batches_passes_and_stories():
    words = "a fox @left + a hen @right"
    check_resumes(_painting(words), _painting(words))
    alone = _painting(words)
    together = [_painting(words), _painting("a wolf"), _painting("a hat @middle + fog")]
    assert len({shape_of(each) for each in together}) == 1
    step_together(together)
    alone.step()
    for passes in (2, 3, 4):
        in_passes = _painting(words)
        in_passes.recovery.plan(passes)
        in_passes.step()
        assert in_passes.losses == pytest.approx(alone.losses, rel=1e-4)
        _assert_same_slope(in_passes, alone)
    _assert_same_slope(together[0], alone)
    story = _painting("a @left + b @right ^ c", Story(2, 6))
    names = [set(each.losses) - {"total"} for each in paint(story)]
    assert names[0] == {"a @left", "b @right"}
    assert names[-1] == {"c"}


def _assert_same_slope(one: Synthesis, other: Synthesis) -> None:
    first, second = one.latent.z.grad, other.latent.z.grad
    assert first is not None
    assert second is not None
    torch.testing.assert_close(first, second, rtol=0, atol=1e-4 * float(second.abs().max()))


def test_regions_are_of_the_whole_picture_also_in_an_edit_of_a_part():
    picture = Image.new("RGB", (100, 80))
    frame = Frame(picture, (40, 20, 80, 60), (32, 32))
    request = make_request("a @left + b @right + c @60-100%,0-50%")
    found = {name: each.bounds for name, each in regions_of(request, {}, (32, 32), frame).items()}
    assert list(found.values()) == [(0, 0, 8, 32), (8, 0, 32, 32), (16, 0, 32, 16)]
    padded = replace(frame, pad=(0, 4))
    assert regions_of(make_request("a @top"), {}, (32, 32), padded)["top"].bounds == (0, 4, 32, 16)
    with pytest.raises(RequestError, match="no pixel in the part that is painted"):
        regions_of(make_request("a @0-30%,0-100%"), {}, (32, 32), frame)


def test_a_mask_file_is_a_region_with_its_shape():
    image = Image.new("L", (64, 48))
    image.paste(255, (8, 0, 32, 12))
    data = _data(image)
    digest = hashlib.sha256(data).hexdigest()
    request = make_request("a @hill", regions=[{"name": "hill", "mask": digest}])
    [hill] = regions_of(request, {digest: data}, SIZE).values()
    assert hill.bounds == (4, 0, 16, 6)
    assert hill.mask is not None
    assert hill.mask.sum() == 12 * 6
    frame = Frame(Image.new("RGB", (64, 48)), (0, 0, 32, 24), (16, 12))
    assert regions_of(request, {digest: data}, (16, 12), frame)["hill"].bounds == (4, 0, 16, 6)
    with pytest.raises(RequestError, match="mask of a region no longer exists"):
        regions_of(request, {}, SIZE)
    black = _data(Image.new("L", (8, 8)))
    digest = hashlib.sha256(black).hexdigest()
    request = make_request("a @hill", regions=[{"name": "hill", "mask": digest}])
    with pytest.raises(RequestError, match="no pixel"):
        regions_of(request, {digest: black}, SIZE)


def _data(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_each_region_gets_four_cutouts_unless_their_number_is_set(tiny):
    def count(words: str, **values: Any) -> int:
        request = make_request(words, model="tiny", **values)
        return recipe_of(request, tiny).augmentation.count

    plain = count("a fox")
    assert count("a @left") == max(4, plain)
    assert count("a @left + b @right + c") == 12
    assert count("a @left ^ b @right") == max(4, plain)
    assert count("a @left + b @right", like=[{"picture": "0" * 64}]) == 12
    assert count("a @left + b @right", cutouts=2) == 2


def test_the_public_function_takes_masks_of_regions(tiny):
    values: dict[str, Any] = {"models": tiny, "model": "tiny", "iterations": 1, "seed": 1}
    *_, last = imagine("a castle @hill + sky", regions={"hill": png("white", mode="L")}, **values)
    assert set(last.losses) == {"a castle @hill", "sky", "total"}
    photo = png(size=(64, 64))
    edited = imagine("fog -> sun @left", init_image=photo, strength=0.5, **values)
    assert "sun @left" in list(edited)[-1].losses
    request = make_request("a @left", model="tiny", init_image=hashlib.sha256(photo).hexdigest())
    painting = prepare(request, tiny, {hashlib.sha256(photo).hexdigest(): photo})
    assert painting.pulls()[0].target.region is not None
