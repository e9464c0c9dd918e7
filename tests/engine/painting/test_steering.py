"""Steering a painting: the same picture again, and what stays where it is frozen."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from engine import imagine
from engine.errors import RequestError
from engine.models import Models
from engine.models.generators.pixels import PixelGenerator
from engine.models.vocabulary import check_reading
from engine.painting import late
from engine.painting.batch import step_together
from engine.painting.iterate import Iterate
from engine.painting.pipeline import paint, prepare
from engine.painting.steering_plan import steer
from engine.painting.synthesis import Synthesis
from engine.painting.vector_picture import check_strokes
from engine.request.request import ImageRequest, make_request, request_from_json
from tests.cogs.media import png
from tests.engine.tiny import Broken, check_resumes, tiny_generator

LIVE = {
    2: "rate: 1.5",
    3: "a blue circle + fog:-0.5 @top-left",
    4: "freeze: @left",
    5: "longer: 3",
    6: "freeze: a red circle",
    7: "unfreeze: @bottom-left",
    8: "a hen",
}
WAYS: dict[str, dict[str, Any]] = {
    "codes": {},
    "codebook": {"method": "codebook"},
    "weight decay, average": {"optimiser": "adamw", "ema": 0.8},
}
TOGETHER = ("a fox", "a hen", "a house")


@pytest.fixture
def tiny(tiny: Models) -> Models:
    """A model that paints pixels, moves fast, and looks for words in few places."""
    off = dict.fromkeys(("flip", "affine", "perspective", "jitter", "noise"), 0.0)
    fast = {"learning_rate": 3.0, "masking": {"sizes": (0.5,), "across": 3}, "cutouts": 2}
    defaults = {**tiny.defaults, **fast, "augmentation": off}
    return replace(tiny, generator=PixelGenerator(2), defaults=defaults)


@pytest.fixture
def quantised(tiny: Models) -> Models:
    """The same, but it paints codes of a VQGAN."""
    return replace(tiny, generator=tiny_generator())


def request_of(words: str = "a red circle", **values: Any) -> ImageRequest:
    return make_request(words, **{"model": "tiny", "seed": 3, "iterations": 10, **values})


def steered(
    painting: Synthesis, request: ImageRequest, live: dict[int, str] | None = None
) -> ImageRequest:
    """The request with what is asked for at the painting's iteration, which it then has."""
    change = (LIVE if live is None else live).get(painting.iteration)
    if change is None or any(each.at == painting.iteration for each in request.steering or ()):
        return request
    steps = [*(request.steering or ()), f"{painting.iteration}: {change}"]
    request = request.changed(steering=steps)
    steer(painting, request, {})
    return request


def finish(
    painting: Synthesis, request: ImageRequest, live: dict[int, str] | None = None
) -> tuple[Tensor, ImageRequest]:
    """The finished picture of a painting that is steered on its way, and its request then."""
    while painting.iteration < painting.recipe.iterations:
        request = steered(painting, request, live)
        painting.step()
    return painting.look().image, request


def again(request: ImageRequest, models: Models) -> Tensor:
    """The picture of a request that was stored."""
    stored = request_from_json(request.model_dump_json(exclude_none=True))
    *_, last = imagine(stored, models=models)
    return last.image


@pytest.mark.parametrize(
    "way", ["codes", *(pytest.param(way, marks=pytest.mark.slow) for way in list(WAYS)[1:])]
)
def test_a_steered_picture_is_painted_again_from_its_request_bit_for_bit(tiny, quantised, way):
    models = quantised if way.startswith("code") else tiny
    request = request_of(**WAYS[way])
    picture, request = finish(prepare(request, models), request)
    assert len(request.steering or ()) == len(LIVE)
    assert torch.equal(again(request, models), picture)
    assert not torch.equal(again(request.changed(steering=None), models), picture)


def test_resumed_at_any_iteration_it_is_the_same(tiny):
    request = request_of()
    picture, request = finish(prepare(request, tiny), request)
    painting = prepare(request, tiny)
    while painting.iteration < painting.recipe.iterations:
        other = prepare(request, tiny)
        check_resumes(painting, other)
        if painting.iteration in (4, 7):
            *_, last = paint(other)
            assert torch.equal(last.image, picture)


def test_among_others_it_is_the_same_as_among_them_again(tiny):
    def together(request: ImageRequest, live: dict[int, str]) -> tuple[list[Tensor], ImageRequest]:
        ours = prepare(request, tiny)
        others = [prepare(request_of(each), tiny) for each in TOGETHER]
        while ours.iteration < ours.recipe.iterations:
            request = steered(ours, request, live)
            due = [each for each in others if each.iteration < each.recipe.iterations]
            outcomes = step_together([ours, *due])
            assert all(isinstance(each, Iterate) for each in outcomes)
        return [each.look().image for each in (ours, *others)], request

    live = {at: change for at, change in LIVE.items() if "@top" not in change}
    pictures, request = together(request_of(), live)
    again = together(request, {})[0]
    unsteered = together(request_of(), {})[0]
    for one, other in zip(pictures, again, strict=True):
        assert torch.equal(one, other)
    for one, other in zip(pictures[1:], unsteered[1:], strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(pictures[0], unsteered[0])


def test_losses_that_are_read_late_change_nothing(tiny, monkeypatch):
    request = request_of()
    picture, after = finish(prepare(request, tiny), request)
    monkeypatch.setitem(late.LAG, "cpu", 3)
    assert torch.equal(finish(prepare(request, tiny), request)[0], picture)
    assert torch.equal(again(after, tiny), picture)


@pytest.mark.parametrize("broken", [3, 7])
def test_steering_stays_when_a_painting_goes_back(tiny, monkeypatch, broken):
    request = request_of()
    live = {2: "a blue circle", 4: "freeze: @left", 5: "longer: 2", 6: "rate: 2"}
    tower = tiny.perceptor.clip.visual

    def painted(request: ImageRequest) -> tuple[Tensor, ImageRequest]:
        monkeypatch.setitem(tiny.perceptor.clip._modules, "visual", Broken(tower, (broken,)))
        painting = prepare(request, tiny)
        picture, request = finish(painting, request, live)
        assert painting.recovery.rollbacks == 1
        return picture, request

    picture, request = painted(request)
    assert len(request.steering or ()) == len(live)
    assert torch.equal(painted(request)[0], picture)


def test_what_is_frozen_stays_and_can_change_again(tiny):
    request = request_of(steering=["3: freeze: @left", "6: unfreeze: @top", "8: unfreeze: all"])
    images = [each.image for each in paint(prepare(request, tiny))]
    left, right = (..., slice(0, 16)), (..., slice(16, 32))
    top, bottom = (..., slice(0, 16), slice(0, 16)), (..., slice(16, 32), slice(0, 16))
    for now in (4, 5):
        assert torch.equal(images[now][left], images[3][left])
        assert not torch.equal(images[now][right], images[now - 1][right])
    for now in (6, 7):
        assert torch.equal(images[now][bottom], images[3][bottom])
    assert not torch.equal(images[8][top], images[5][top])
    assert not torch.equal(images[10][bottom], images[3][bottom])
    free = [each.image for each in paint(prepare(request.changed(steering=None), tiny))]
    for now in (0, 1, 2, 3):
        assert torch.equal(images[now], free[now])


def test_an_edit_keeps_its_mask_when_parts_of_it_are_frozen(tiny):
    photo, mask = png(size=(32, 32)), png("white", size=(32, 32), mode="L")
    half = _half_mask()
    names = {hashlib.sha256(each).hexdigest(): each for each in (photo, mask, half)}
    picture, _, white = names
    request = request_of(init_image=picture, mask=white, steering=["3: freeze: @top"])
    images = [each.image for each in paint(prepare(request, tiny, names))]
    outside, both = (..., slice(16, 32)), (..., slice(0, 16), slice(0, 16))
    assert torch.equal(images[-1][outside], images[0][outside])
    assert torch.equal(images[-1][both], images[3][both])
    assert not torch.equal(images[-1][..., 16:, :16], images[3][..., 16:, :16])
    frozen = prepare(request.changed(steering=["3: freeze: @left"]), tiny, names)
    *_, last = paint(frozen)
    assert "nothing to paint" in " ".join(frozen.notices())
    *_, free = paint(prepare(request.changed(steering=None), tiny, names))
    assert torch.equal(last.image, free.image)


def _half_mask() -> bytes:
    image = Image.new("L", (32, 32))
    image.paste(255, (0, 0, 16, 32))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_a_phrase_that_is_not_found_freezes_nothing(tiny, monkeypatch):
    def nothing(*_: Any) -> None:
        raise RequestError('"a hat" wasn\'t found.')

    monkeypatch.setattr("engine.painting.steering.self_mask", nothing)
    request = request_of(steering=["3: freeze: a hat"])
    painting = prepare(request, tiny)
    *_, last = paint(painting)
    assert any("wasn't found" in each for each in painting.notices())
    assert torch.equal(last.image, again(request.changed(steering=None), tiny))


def test_other_words_get_cutouts_for_their_regions_and_notices(tiny):
    request = request_of(steering=["4: a @left + b @right + c"])
    painting = prepare(request, tiny)
    assert painting.recipe.augmentation_at(3).count < painting.recipe.augmentation_at(4).count
    names = [set(each.losses) - {"total"} for each in paint(painting)]
    assert names[3] == {"a red circle"}
    assert names[4] == {"a @left", "b @right", "c"}
    long = request_of(steering=["4: " + "word " * 90])
    assert any("tokens longer" in each for each in prepare(long, tiny).notices())


def test_steering_that_is_never_reached_is_said(tiny):
    painting = prepare(request_of(steering=["10: a fox", "4: longer: 2", "90: a hen"]), tiny)
    assert painting.recipe.iterations == 12
    [remark] = [each for each in painting.notices() if "does nothing" in each]
    assert "90" in remark


def test_a_region_that_is_not_painted_is_refused_and_nothing_is_changed(tiny):
    photo = png(size=(400, 32))
    name = hashlib.sha256(photo).hexdigest()
    half = _half_mask()
    mask = hashlib.sha256(half).hexdigest()
    pictures = {name: photo, mask: half}
    request = request_of(init_image=name, mask=mask)
    painting = prepare(request, tiny, pictures)
    before = painting.changes
    with pytest.raises(RequestError, match="no pixel"):
        steer(painting, request.changed(steering=["0: freeze: @90-100%,0-100%"]), pictures)
    assert painting.changes is before


def test_words_that_the_model_does_not_know_are_refused_in_steering_too(tiny):
    vocabulary = tiny.perceptor.vocabulary
    assert check_reading(request_of(steering=["3: a fox"]), vocabulary, "tiny") == ()
    for step in ("3: ...", "3: freeze: ..."):
        with pytest.raises(RequestError, match="doesn't know any word"):
            check_reading(request_of(steering=[step]), vocabulary, "tiny")


def test_a_frozen_part_is_no_svg(tiny):
    with pytest.raises(RequestError, match="keeps its pixels"):
        check_strokes(prepare(request_of(steering=["3: freeze: @left"]), tiny))
