from __future__ import annotations

import pytest
import torch

from bench.reference import MakeCutouts, resample, vector_quantize
from bench.timing.full import Effort, measure_full
from bench.timing.parts import BACKWARD, FORWARD, PARTS, flops_of_parts
from bench.timing.subjects import Work, engine_loop, published_loop
from bench.timing.weights import SMALL, load_engine, write_weights
from engine.painting.synthesis import Synthesis
from engine.request.prompt import Prompt
from tests.engine.tiny import PLAIN, tiny_recipe


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """Tiny networks whose cutouts are whole pictures, 32 px wide."""
    folder = tmp_path_factory.mktemp("weights")
    write_weights(folder, SMALL)
    return Work(folder, side=32, cutouts=2, precision="float32", small=True)


def test_without_augmentation_both_loops_have_the_same_losses_and_gradient(work: Work) -> None:
    models = load_engine(work.folder, "cpu", "float32")
    recipe = tiny_recipe(
        width=32, height=32, augmentation=PLAIN, regulariser=engine_loop(work).recipe.regulariser
    )
    ours = Synthesis(models.generator, models.perceptor, [Prompt("a castle on a hill")], recipe, 3)
    # Away from the codes, so that quantising matters.
    ours.latent.z.data.add_(torch.randn(ours.latent.z.shape) / 3)
    published = published_loop(work, start=ours.latent.z, augmented=False)
    theirs = published.step()
    ours.step()
    assert list(ours.losses.values())[1:] == pytest.approx([x.item() for x in theirs], rel=1e-5)
    assert published.z.grad is not None
    assert ours.latent.z.grad is not None
    assert published.z.grad.abs().max() > 1e-4
    torch.testing.assert_close(ours.latent.z.grad, published.z.grad, rtol=1e-3, atol=1e-6)


def test_the_published_quantiser_takes_the_nearest_code_and_passes_the_gradient() -> None:
    codebook = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    tokens = torch.tensor([[[0.9, 0.2], [-0.1, 1.6]]], requires_grad=True)
    codes = vector_quantize(tokens, codebook)
    assert codes.tolist() == [[[1.0, 0.0], [0.0, 2.0]]]
    (codes * torch.tensor([3.0, 5.0])).sum().backward()
    assert tokens.grad is not None
    assert tokens.grad.tolist() == [[[3.0, 5.0], [3.0, 5.0]]]


def test_shrinking_keeps_a_flat_colour_and_removes_what_is_too_fine() -> None:
    flat = torch.full((1, 3, 40, 40), 0.3)
    torch.testing.assert_close(resample(flat, 20), torch.full((1, 3, 20, 20), 0.3))
    stripes = (torch.arange(40) % 2).float().expand(1, 3, 40, 40)
    assert (resample(stripes, 20) - 0.5).abs().max() < 0.1


def test_the_published_cutouts_differ_and_stay_in_range() -> None:
    cutouts = MakeCutouts(16, 5)(torch.rand(1, 3, 24, 32))
    assert cutouts.shape == (5, 3, 16, 16)
    assert 0 <= float(cutouts.min()) <= float(cutouts.max()) <= 1
    assert not torch.equal(cutouts[0], cutouts[1])


def test_the_figures_have_their_names_and_fit_together(work: Work) -> None:
    figures = measure_full(work, Effort(rounds=2, iterations=1, memory=False))
    assert {"reference_s", "ours_s", "ratio", "peak_mb", "share_of_peak", "parts"} <= set(figures)
    low, high = figures["ratio_range"]
    assert low <= figures["ratio"] <= high
    assert len(figures["seconds"]["ours"]) == 2
    assert list(figures["parts"]) == [*PARTS, "preview", "save"]
    for part in (*FORWARD, "backward", *BACKWARD, "step"):
        assert figures["parts"][part]["ours_s"] > 0, part
        assert figures["parts"][part]["reference_s"] > 0, part


def test_the_flops_of_the_parts_are_those_of_the_networks(work: Work) -> None:
    flops = flops_of_parts(published_loop(work))
    # Patches of 8 px: 17 tokens of 64 numbers for each of two cutouts, in two layers with 12
    # products of 64 x 64 for each token; attention and the ends come on top.
    tokens, layers = 2 * 17, 2
    products = 2 * tokens * layers * 12 * 64 * 64
    assert products < flops["perceptor"] < 1.3 * products
    # Weights are frozen: backward has the gradient of the input alone, as many FLOPs as forward,
    # and twice as many in attention, where both factors have a gradient.
    for part in ("decode", "perceptor"):
        assert flops[part] < flops[f"backward_{part}"] < 1.3 * flops[part]
