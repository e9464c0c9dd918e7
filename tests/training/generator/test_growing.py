from __future__ import annotations

import pytest
import torch

from engine.models.codebook import nearest_codes
from engine.models.generators.taming import VQModel
from tests.training.generator.tiny import DEEPER, SMALL, WIDER, small_model
from training.generator.growing import GrowthError, fold_scale, grow, more_codes, nearest

PIXELS = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(3)) * 2 - 1
LATENTS = torch.randn(2, 64, 4, 4, generator=torch.Generator().manual_seed(4))


def grown(ddconfig, small, codes=8):
    torch.manual_seed(7)
    larger = VQModel(ddconfig, codes, 64)
    grow(small.state_dict(), larger, torch.Generator().manual_seed(1))
    return larger


@pytest.mark.parametrize(
    "ddconfig", [WIDER, DEEPER, {**SMALL, "ch_mult": [1, 1, 4]}, {**WIDER, "num_res_blocks": 3}]
)
def test_a_grown_model_computes_the_same_as_the_small_one(ddconfig):
    small = small_model()
    larger = grown(ddconfig, small)
    assert sum(each.numel() for each in larger.parameters()) > sum(
        each.numel() for each in small.parameters()
    )
    with torch.no_grad():
        torch.testing.assert_close(
            larger.decode(LATENTS), small.decode(LATENTS), atol=1e-5, rtol=1e-4
        )
        torch.testing.assert_close(
            larger.prequantised(PIXELS), small.prequantised(PIXELS), atol=1e-5, rtol=1e-4
        )


def test_copies_of_a_channel_learn_different_things():
    larger = grown(WIDER, small_model())
    (larger.decode(LATENTS) - 1).square().mean().backward()
    gradient = larger.decoder.up[1].block[0].conv1.weight.grad
    assert not torch.allclose(gradient[0::2], gradient[1::2], rtol=1e-3)


def test_a_model_does_not_grow_into_one_that_cannot_hold_it():
    for ddconfig in ({**SMALL, "ch_mult": [1, 1, 3]}, {**SMALL, "attn_resolutions": []}):
        with pytest.raises(GrowthError):
            grown(ddconfig, small_model())


def test_more_codes_keep_the_old_ones_and_are_nearer_to_the_tokens():
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(500, 6, generator=generator)
    old = torch.randn(5, 6, generator=generator)
    more = more_codes(old, tokens, 20, generator)
    assert more.shape == (20, 6)
    assert more[:5].equal(old)
    assert nearest(tokens, more)[1].mean() < 0.8 * nearest(tokens, old)[1].mean()


def test_old_codes_paint_the_same_after_the_codebook_has_grown():
    small = small_model()
    larger = grown(SMALL, small, codes=16)
    assert larger.quantize.embedding.weight[:8].equal(small.quantize.embedding.weight)


def test_nearest_gives_the_code_and_the_squared_distance():
    tokens, codebook = LATENTS.flatten(2).transpose(1, 2).reshape(-1, 64), torch.randn(9, 64)
    chosen, distance = nearest(tokens, codebook, chunk=5)
    expected, where = torch.cdist(tokens, codebook).min(dim=1)
    assert chosen.equal(where)
    torch.testing.assert_close(distance, expected**2, rtol=1e-4, atol=1e-4)


def test_folding_the_scale_changes_neither_pictures_nor_codes():
    model = small_model(codes=32)
    folded = VQModel(SMALL, 32, 64)
    folded.load_state_dict(fold_scale(model.state_dict()))
    assert folded.quantize.embedding.weight.std().item() == pytest.approx(1, abs=1e-5)
    with torch.no_grad():
        codes = nearest_codes(model.prequantised(PIXELS), model.quantize.embedding.weight)
        assert nearest_codes(folded.prequantised(PIXELS), folded.quantize.embedding.weight).equal(
            codes
        )
        pictures = [
            each.decode(each.quantize.embedding.weight[codes].transpose(1, 2).unflatten(2, (4, 4)))
            for each in (model, folded)
        ]
    torch.testing.assert_close(pictures[1], pictures[0], atol=1e-5, rtol=0)
