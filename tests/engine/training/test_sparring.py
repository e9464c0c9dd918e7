"""Wrong answers for the perceptor: spoiled drawings, and paintings in the making."""

from __future__ import annotations

import torch

from engine.models import load_models
from engine.training.perceptor import CUTOUTS, PerceptorTrainer, PerceptorTraining
from engine.training.pool import Pool
from engine.training.sparring import Sparring
from engine.training.spoiling import spoil

SETTINGS = PerceptorTraining(pairs=3, bouts=6, pool_pairs=6, reach_after=0, reach_full=1, total=40)


def test_spoiled_pictures_differ_from_their_originals() -> None:
    pictures, _ = Pool(16, 128, 4).batch(16)
    rng = torch.Generator().manual_seed(1)
    kinds = set()
    for _ in range(5):
        spoiled = spoil(pictures, rng)
        assert spoiled.shape == pictures.shape
        assert spoiled.min() >= 0
        assert spoiled.max() <= 1
        changed = (spoiled - pictures).abs()
        assert (changed.mean((1, 2, 3)) > 0.01).float().mean() > 0.9
        kinds.update(((changed.amax(1) > 0.05).float().mean((1, 2)) * 10).long().tolist())
    assert len(kinds) > 4  # from a few blobs to another picture altogether


def test_a_spoiled_picture_is_the_seeds_own() -> None:
    pictures, _ = Pool(4, 64, 4).batch(4)
    one, again = (spoil(pictures, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, again)


def test_paintings_in_the_making_go_on_and_join_the_batch_as_wrong_answers() -> None:
    pool = Pool(8, 128, 3)
    trainer = PerceptorTrainer(SETTINGS, pool)
    generator = load_models("embedded", device="cpu").generator
    trainer.sparring = Sparring(generator, trainer.perceptor, pool, CUTOUTS, size=8)
    before = [bout.picture.clone() for bout in trainer.sparring.bouts]
    trainer.sparring.go_on(8)
    trainer.sparring.go_on(8)
    moved = [not torch.equal(bout.picture, old)
             for bout, old in zip(trainer.sparring.bouts, before, strict=True)]
    assert all(moved)
    pictures, texts, truth = trainer._batch()
    # Six drawings, their six spoiled copies, six true pictures of the bouts, six paintings.
    assert (len(pictures), len(texts)) == (24, 12)
    assert truth.shape == (24, 12)
    assert int((truth.sum(1) > 0).sum()) == 12
    assert bool((truth.sum(0) > 0).all())
    assert trainer.step()["loss"] > 0
    opponent = trainer.sparring.opponent
    assert all(not parameter.requires_grad for parameter in opponent.parameters())
