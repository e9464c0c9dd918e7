"""A step of the preset paper is the published loop's, made of the packages' own modules.

bench.reference has the loop: taming-transformers' decoder, CLIP's model.py, torch's Adam. Its
cutouts are augmented by kornia's modules here, with the engine's random numbers. The picture is
neither black nor white anywhere: there the gradient of the colour jitter differs on purpose
(docs/paper.md).

As shares of its norm, the gradient with tiny networks differs by 7e-7 in float32 and by 1e-8 in
float64: it is rounding. At full size the engine's gradient is 6e-4 from the published one in
float64, and the published one in float32 7e-4: such is float32's precision in networks so deep.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.reference import Prompt, PublishedLoop, Settings, clamp_with_grad
from bench.timing.subjects import PROMPT, Work, engine_loop
from bench.timing.weights import load_engine, load_published, write_weights
from engine.painting.cutouts import draw_cutouts
from tests.engine.painting import published
from tests.engine.tiny import in_precision


def _flatten(checkpoint: Path) -> None:
    """Let the generator in this file paint less contrast."""
    state = torch.load(checkpoint)
    state["state_dict"]["decoder.conv_out.weight"] *= 0.1
    torch.save(state, checkpoint)


def _without_rounding(loop: PublishedLoop) -> None:
    """Leave CLIP's vectors in its weights' precision; the published code rounds to float32."""
    clip = loop.clip
    text = clip.encode_text(loop._tokens(PROMPT)).detach()
    loop.prompts = [Prompt(text)]
    loop.look = lambda cutouts: clip.encode_image(  # type: ignore[method-assign]  # the same otherwise
        (cutouts - loop.mean.to(cutouts)) / loop.std.to(cutouts)
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("small", "side", "dtype", "error"),
    [
        (True, 64, torch.float32, 1e-5),
        (True, 64, torch.float64, 1e-7),
        pytest.param(False, 256, torch.float32, 1e-3, marks=pytest.mark.slow),
    ],
)
def test_the_loss_and_the_gradient_of_z_are_the_published_ones(
    small: bool, side: int, dtype: torch.dtype, error: float, tmp_path: Path
) -> None:
    work = Work(tmp_path, side=side, precision="float32", small=small)
    write_weights(tmp_path, work.sizes)
    _flatten(tmp_path / "generator.ckpt")
    models = load_engine(tmp_path, "cpu", "float32")
    networks: tuple[Any, ...] = (models.generator, models.perceptor)
    published_networks = load_published(tmp_path, work.sizes)
    for network in (*networks, *published_networks):
        in_precision(network, dtype)
    ours = engine_loop(work, models)
    # Away from the codes, so that quantising matters.
    random = torch.Generator().manual_seed(5)
    ours.latent.z.data.add_(torch.randn(ours.latent.z.shape, generator=random) / 3)
    size = ours.perceptor.resolution
    numbers = draw_cutouts(ours.recipe.augmentation_at(0), side, side, size, ours.draws())
    settings = Settings(side=side, cutouts=work.cutouts, prompt=PROMPT, device="cpu")
    theirs = PublishedLoop(*published_networks, settings, ours.latent.z)
    _without_rounding(theirs)

    def cut(picture: Tensor) -> Tensor:
        assert 0 < picture.min() < picture.max() < 1
        crops = published.crops(picture, numbers.box, size)
        return clamp_with_grad(published.augmented(crops, published.notebook(), numbers))

    theirs.make_cutouts.forward = cut  # type: ignore[method-assign]  # the numbers are ours
    losses = theirs.step()
    ours.step()
    assert list(ours.losses.values())[1:] == pytest.approx([x.item() for x in losses], rel=1e-4)
    found, expected = ours.latent.z.grad, theirs.z.grad
    assert found is not None
    assert expected is not None
    assert (found - expected).norm() < error * expected.norm()
    # Adam's first step has the size of the learning rate wherever the gradient is clear of zero.
    clear = expected.abs() > expected.abs().mean()
    torch.testing.assert_close(ours.latent.z[clear], theirs.z[clear], atol=1e-4, rtol=1e-4)
