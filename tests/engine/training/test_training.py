"""A few real steps of each model: they learn, are saved, go on, and can be shipped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.models import load_models
from engine.models.building import build_generator, build_perceptor, read_config
from engine.models.checkpoints import read_tensors
from engine.models.perceptor import Perceptor
from engine.training.export import export_generator, export_perceptor
from engine.training.generator import GeneratorTrainer, GeneratorTraining
from engine.training.perceptor import (
    PerceptorTrainer,
    PerceptorTraining,
    contrastive_loss,
    match_matrix,
)
from engine.training.pool import Pool
from engine.training.shipped import start_from_shipped
from engine.training.stage import run_stage

PERCEPTOR = PerceptorTraining(pairs=6, pool_pairs=6, warmup=2, reach_after=8, reach_full=9,
                              learning_rate=2e-3, total=40)
GENERATOR = GeneratorTraining(batch=4, pool_pairs=8, quantise_after=10, revive_every=2, total=16,
                              whole_after=0.75, adversarial_after=0.9)


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Eight pairs that are drawn once and never anew: few steps can learn them."""
    return Pool(8, 128, 3, reuse=1e9)


def test_a_perceptor_learns_is_moved_against_and_ships(pool: Pool, tmp_path: Path) -> None:
    trainer = PerceptorTrainer(PERCEPTOR, pool)
    run_stage(trainer, "perceptor", tmp_path, minutes=5, steps=8, resume=False, tell=_silent)
    assert trainer.reach() == 0
    calm = trainer.step()
    assert 0 < calm["reach"] <= PERCEPTOR.reach

    pictures, scenes = pool.batch(6)
    small = torch.nn.functional.avg_pool2d(pictures, 2)
    with torch.no_grad():
        texts = trainer.perceptor.encode_text([f"{scene.things[0].colour}" for scene in scenes])
    truth = torch.eye(len(scenes))
    moved = trainer._move(small, texts, truth, reach=3.0)
    far = (moved - small).flatten(1).norm(dim=1)
    assert (far <= 3.0 * 1.31).all()
    assert far.max() > 0.3
    scale = torch.tensor(14.0)
    before, _ = contrastive_loss(trainer.perceptor.encode_image(small), texts, truth, scale)
    after, _ = contrastive_loss(trainer.perceptor.encode_image(moved), texts, truth, scale)
    assert after > before

    resumed = PerceptorTrainer(PERCEPTOR, pool)
    run_stage(resumed, "perceptor", tmp_path, minutes=5, steps=8, resume=True, tell=_silent)
    assert resumed.iteration == 8
    path = export_perceptor(tmp_path, tmp_path)
    perceptor = build_perceptor(read_tensors(path))
    assert perceptor.tokenize("a red hippogriff on a blue background").unknown == ("hippogriff",)
    torch.testing.assert_close(
        perceptor.encode_image(small),
        _averaged(resumed).encode_image(small), atol=0.02, rtol=0)


def _averaged(trainer: PerceptorTrainer) -> Perceptor:
    trainer.perceptor.load_state_dict(trainer.average.weights)
    return trainer.perceptor


def test_a_perceptors_loss_falls(pool: Pool) -> None:
    trainer = PerceptorTrainer(PERCEPTOR, pool)
    losses = [trainer.step()["loss"] for _ in range(8)]
    assert losses[-1] < losses[0] - 0.1


def test_a_generator_learns_quantises_revives_and_ships(pool: Pool, tmp_path: Path) -> None:
    trainer = GeneratorTrainer(GENERATOR, pool)
    figures = []
    run_stage(trainer, "generator", tmp_path, minutes=5, steps=9, resume=False, tell=_silent)
    while trainer.iteration < 16:
        figures.append(trainer.step())
    assert figures[-1]["l1"] < 0.62  # a grey picture's is about 0.6 to 0.7 at first
    assert figures[-1]["codes"] > 0.2  # none before the first were put where tokens are
    assert "critic" in figures[-1]
    resumed = GeneratorTrainer(GENERATOR, pool)
    resumed.load_state_dict(torch.load(tmp_path / "generator.pt", weights_only=True))
    assert resumed.iteration == 9
    path = export_generator(tmp_path, tmp_path)
    generator = build_generator(read_tensors(path), read_config(tmp_path / "generator.yaml"))
    assert generator.factor == 16
    assert generator.codebook.shape == (1024, 64)
    assert generator.decode(generator.embed(torch.zeros(1, 64, dtype=torch.long), 8, 8)).shape == (
        1, 3, 128, 128)


def test_training_goes_on_from_the_shipped_weights(pool: Pool) -> None:
    models = load_models("embedded", device="cpu")
    pictures, _ = pool.batch(2)
    perceptor = PerceptorTrainer(PERCEPTOR, pool)
    start_from_shipped(perceptor)
    small = torch.nn.functional.avg_pool2d(pictures, 2)
    assert torch.equal(perceptor.perceptor.encode_image(small),
                       models.perceptor.encode_image(small))
    generator = GeneratorTrainer(GENERATOR, pool)
    start_from_shipped(generator)
    assert generator.step()["l1"] < 0.4
    assert torch.equal(generator.average.weights["decoder.conv_in.weight"],
                       models.generator.model.state_dict()["decoder.conv_in.weight"]) is False


def test_a_batch_knows_every_caption_that_is_true(pool: Pool) -> None:
    from engine.training.captions import describe

    _, scenes = pool.batch(8)
    claims = [describe(scene, pool.rng)[1] for scene in scenes]
    truth = match_matrix(scenes, claims)
    assert (truth.diagonal() == 1).all()
    assert truth.sum() < 0.5 * truth.numel()


def test_the_shipped_models_know_their_world_and_say_what_they_do_not() -> None:
    models = load_models("embedded", device="cpu")
    known = models.perceptor.tokenize(
        "a charcoal drawing of a small turquoise ring inside a big violet star on checks")
    assert known.unknown == ("checks",)
    assert models.perceptor.tokenize("Baba Yaga's house").unknown == ("Baba", "Yaga's", "house")
    assert models.perceptor.tokenize("zebra").ids.count_nonzero() == 2


def _silent(_: str) -> None:
    """Training tells a terminal; a test does not listen."""
