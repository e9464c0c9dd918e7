"""A prior learns which latents are drawings, is saved, goes on, and can be shipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.models.building import build_prior
from engine.models.checkpoints import read_tensors
from engine.models.generator import embed_codes
from engine.training.beginning import begin_prior, exported_generator
from engine.training.export import SHIPPED, export_prior
from engine.training.latents import CodedDrawings
from engine.training.prior import PRIOR_SHAPES, PriorTrainer, PriorTraining
from engine.training.stage import resume, run_stage

TRAINING = PriorTraining(batch=8, total=60)


def _drawings(**values: int) -> CodedDrawings:
    return CodedDrawings(exported_generator(SHIPPED), PRIOR_SHAPES, None, 3, **values)


@pytest.fixture(scope="module")
def drawings() -> CodedDrawings:
    """Fifty drawings that no others take the place of: few steps can learn them."""
    return _drawings(first=50, fresh=0)


def test_a_prior_learns_to_tell_a_drawing_from_its_noise(drawings: CodedDrawings) -> None:
    trainer = PriorTrainer(replace(TRAINING, batch=16), drawings)
    figures = [trainer.step() for _ in range(60)]
    nothing = torch.tensor(1024.0).log().item()
    assert figures[0]["cross_entropy"] > 0.9 * nothing
    late = [sum(each[band] for each in figures[-8:]) / 8 for band in ("to 2", "to 8", "to 40")]
    assert late[0] < late[1] < late[2] < nothing
    # What it expects of a latent under much noise is nearer to the drawing than the noisy one.
    prior, side = trainer.prior.eval(), drawings.tokens
    mean, unit = prior.mean, prior.unit
    clean = embed_codes(drawings.batch(4), drawings.generator.codebook, side, side)
    rng = torch.Generator().manual_seed(1)
    found = torch.cat([prior.denoise(each[None], 3.0, rng) for each in clean])
    error = ((found - clean) / unit).square().mean()
    assert error < 0.5 * ((clean - mean) / unit).square().mean() < 0.5 * 3.0**2


def test_a_prior_is_saved_goes_on_and_ships(drawings: CodedDrawings, tmp_path: Path) -> None:
    trainer = PriorTrainer(TRAINING, drawings)
    run_stage(trainer, "prior", tmp_path, minutes=5, steps=2, tell=_silent)
    resumed = PriorTrainer(TRAINING, drawings)
    resume(resumed, "prior", tmp_path)
    run_stage(resumed, "prior", tmp_path, minutes=5, steps=4, tell=_silent)
    assert resumed.iteration == 4
    path = export_prior(tmp_path, tmp_path)
    assert path.stat().st_size < 6e6
    codebook = drawings.generator.codebook
    shipped = build_prior(read_tensors(path), codebook)
    begun = PriorTrainer(TRAINING, drawings)
    begin_prior(begun, tmp_path)
    x, sigma = torch.randn(2, 64, 16, 16), torch.tensor([0.5, 8.0])
    torch.testing.assert_close(begun.prior.eval().logits(x, sigma), shipped.logits(x, sigma),
                               atol=0.05, rtol=0)
    before = begun.prior.state_dict()["last.weight"].clone()
    begin_prior(begun, tmp_path / "none")  # what was exported without a prior begins one
    assert torch.equal(begun.prior.state_dict()["last.weight"], before)


def test_drawings_in_codes_grow_and_then_take_the_oldests_place() -> None:
    drawings = _drawings(first=25, fresh=4, most=31)
    first = drawings.codes.clone()
    assert drawings.batch(5).shape == (5, 256)
    assert drawings.drawn == 29
    drawings.batch(5)
    assert drawings.drawn == 33
    assert torch.equal(drawings.codes[2:25], first[2:25])
    assert not torch.equal(drawings.codes[:2], first[:2])
    assert int(drawings.codes.max()) < 1024


def _silent(line: str) -> None:
    pass
