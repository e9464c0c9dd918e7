"""Pictures as prompts, against the published code, and in paintings of every kind."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine import imagine
from engine.errors import RequestError
from engine.models import Member
from engine.painting.batch import shape_of, step_together
from engine.painting.cutouts import draw_cutouts
from engine.painting.images import to_tensor
from engine.painting.losses import prompt_loss
from engine.painting.picture_prompts import (
    Likeness,
    picture_targets,
    read_likenesses,
    size_as_target,
)
from engine.painting.pipeline import paint
from engine.painting.synthesis import Synthesis
from engine.random_numbers import Draws
from engine.request.prompt import Prompt
from engine.request.pulls import PicturePrompt
from engine.request.recipe import PRESETS, Augmentation
from engine.request.request import make_request
from tests.cogs.media import png
from tests.engine.painting import published
from tests.engine.tiny import (
    check_resumes,
    published_tower,
    tiny_generator,
    tiny_perceptor,
    tiny_recipe,
)

SHA = "5" * 64
RANDOM = np.random.default_rng(3)
PHOTO = Image.fromarray(RANDOM.integers(0, 255, (30, 44, 3), dtype=np.uint8))
LIKENESS = Likeness(PicturePrompt(picture=SHA, weight=0.5), PHOTO)


@given(
    st.sampled_from([-2.0, -0.5, 0.5, 3.0]),
    st.sampled_from([-float("inf"), -1.2, 0.4, 1.1]),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 1000),
)
def test_the_loss_is_the_published_one_of_all_pairs_of_cutouts(weight, stop, n, m, seed):
    random = torch.Generator().manual_seed(seed)
    seen, shown = (torch.randn(count, 8, generator=random).double() for count in (n, m))
    ours = torch.nn.functional.normalize(seen, dim=1).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    loss = prompt_loss(ours, torch.nn.functional.normalize(shown, dim=1), weight, stop)
    expected = published.Prompt(shown, weight, stop)(theirs)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(loss, expected)
    assert ours.grad is not None
    # Theirs normalises again: of its gradient, ours has the part along the sphere.
    along = ours.grad - (ours.grad * ours.detach()).sum(1, keepdim=True) * ours.detach()
    torch.testing.assert_close(along, theirs.grad)


def test_the_target_is_every_cutout_of_the_picture_as_in_the_published_code():
    perceptor = tiny_perceptor()
    recipe = tiny_recipe(augmentation=replace(PRESETS["notebook"].augmentation, count=6))
    [target] = picture_targets([Member(perceptor, 1.0)], [LIKENESS], recipe)
    assert (target.weight, target.name) == (0.5, "like 55555555")
    shown = published.resize_image(PHOTO, (recipe.width, recipe.height))
    pixels = to_tensor(shown, *shown.size)
    numbers = draw_cutouts(recipe.augmentation, *shown.size, 16, Draws(int(SHA[:16], 16)))
    crops = published.crops(pixels, numbers.box, 16)
    cutouts = published.augmented(crops, published.notebook(), numbers).clamp(0, 1)
    seen = published_tower(perceptor)((cutouts - perceptor.mean) / perceptor.std)
    [vectors] = target.vectors
    torch.testing.assert_close(
        vectors, torch.nn.functional.normalize(seen, dim=1), rtol=0, atol=1e-4
    )


@given(st.tuples(*[st.integers(1, 3000)] * 2), st.tuples(*[st.integers(16, 600)] * 2))
def test_the_picture_has_the_published_size(size, painting):
    width, height = size_as_target(size, painting)
    ratio, area = size[0] / size[1], min(size[0] * size[1], painting[0] * painting[1])
    assert (width, height) == (
        max(1, round((area * ratio) ** 0.5)),
        max(1, round((area / ratio) ** 0.5)),
    )


GENERATOR, PERCEPTOR = tiny_generator(), tiny_perceptor()


def _painting(
    *words: str, like: tuple[Likeness, ...] = (LIKENESS,), seed: int = 1, **changes: Any
) -> Synthesis:
    recipe = tiny_recipe(**{"augmentation": Augmentation(count=4), **changes})
    prompts = [Prompt(each) for each in words]
    return Synthesis(GENERATOR, PERCEPTOR, prompts, recipe, seed, likenesses=like)


def test_a_painting_comes_nearer_to_the_picture_with_and_without_words():
    for words in ((), ("a red star",)):
        painting = _painting(*words, iterations=8)
        losses = [each.losses["like 55555555"] for each in paint(painting)]
        assert losses[-1] < losses[0]
        assert len(painting.losses) == 2 + len(words)


def test_it_resumes_bit_for_bit_and_paints_in_batches_and_passes():
    check_resumes(_painting("a red star"), _painting("a red star", seed=9))
    alone, without = _painting("a fox"), _painting("a fox", like=())
    together = [_painting("a fox"), without, _painting(like=(LIKENESS, LIKENESS))]
    assert len({shape_of(each) for each in together}) == 1
    step_together(together)
    alone.step()
    in_passes = _painting("a fox")
    in_passes.recovery.plan(3)
    in_passes.step()
    for other in (together[0], in_passes):
        assert other.losses == pytest.approx(alone.losses, rel=1e-4)
        torch.testing.assert_close(_slope(other), _slope(alone), rtol=0, atol=1e-4)


def _slope(painting: Synthesis) -> torch.Tensor:
    """The gradient of the last step, of which the largest number is 1."""
    gradient = painting.latent.z.grad
    assert gradient is not None
    return gradient / gradient.abs().max()


def test_every_perceptor_of_an_ensemble_sees_the_picture():
    [target] = picture_targets(
        [Member(tiny_perceptor(), 1.0), Member(tiny_perceptor(), 0.5)], [LIKENESS], tiny_recipe()
    )
    first, second = target.vectors
    assert torch.equal(first, second)


def test_the_picture_is_read_as_accurately_as_a_judged_one(monkeypatch):
    perceptor = tiny_perceptor()
    accurate = torch.eye(24)[:4]
    monkeypatch.setattr(perceptor, "read_image", lambda pictures: accurate[: len(pictures)])
    recipe = tiny_recipe(augmentation=Augmentation(count=4))
    [target] = picture_targets([Member(perceptor, 1.0)], [LIKENESS], recipe)
    assert torch.equal(target.vectors[0], accurate)


def test_a_picture_that_is_missing_is_refused_and_what_was_changed_is_told():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    with pytest.raises(RequestError, match="no longer exists; attach it again"):
        read_likenesses(make_request("a fox", like=[{"picture": SHA}]), {})
    data = _animated(frames)
    digest = hashlib.sha256(data).hexdigest()
    request = make_request("a fox", like=[{"picture": digest}, {"picture": digest, "weight": 2}])
    likenesses, remarks = read_likenesses(request, {digest: data})
    assert [each.prompt.weight for each in likenesses] == [1, 2]
    assert remarks == ("A picture to paint like is animated; its first frame was used.",)
    assert likenesses[0].image.getpixel((0, 0)) == (255, 0, 0)


def _animated(frames: list[Image.Image]) -> bytes:
    file = io.BytesIO()
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    return file.getvalue()


def test_the_public_function_takes_files_bytes_and_weights(tiny, tmp_path):
    (tmp_path / "lemon.png").write_bytes(png("yellow"))
    values: dict[str, Any] = {"models": tiny, "iterations": 1, "seed": 1, "model": "tiny"}
    lemon = tmp_path / "lemon.png"
    *_, half = imagine("", like=f"{lemon}:0.5", **values)
    *_, same = imagine("", like=[(lemon, 0.5)], **values)
    assert torch.equal(half.image, same.image)
    *_, both = imagine("a fox", like=[lemon, png("green")], **values)
    assert len(both.losses) == 4
