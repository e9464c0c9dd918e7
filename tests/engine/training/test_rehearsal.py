"""What the perceptor learns from: spoiled drawings, states on the way, paintings in the making."""

from __future__ import annotations

from dataclasses import replace

import torch

from engine.models import load_models
from engine.training.perceptor import CUTOUTS, PerceptorTrainer, PerceptorTraining
from engine.training.pool import Pool
from engine.training.rehearsal import Rehearsal
from engine.training.spoiling import spoil
from engine.training.unfinished import fade, unfinish

SETTINGS = PerceptorTraining(guided_families=1, guided_pairs=3, states=4, bouts=5, guided=11,
                             fresh_states=2, fresh_bouts=2, pool_pairs=6, pool_families=2,
                             move_after=0, guide_after=-1, families=1, pairs=2, total=40)


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


def test_a_spoiled_or_unfinished_picture_is_the_seeds_own() -> None:
    pictures, _ = Pool(4, 64, 4).batch(4)
    others = pictures.flip(0)
    for change in (spoil, lambda x, rng: unfinish(x, others, rng)):
        one, again = (change(pictures, torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(one, again)


def test_unfinished_pictures_range_from_nearly_done_to_nothing_of_it() -> None:
    pictures, _ = Pool(32, 128, 4).batch(32)
    rng = torch.Generator().manual_seed(2)
    states = torch.cat([unfinish(pictures, pictures.roll(1, 0), rng) for _ in range(4)])
    assert states.min() >= 0
    assert states.max() <= 1
    off = (states - pictures.repeat(4, 1, 1, 1)).abs().mean((1, 2, 3))
    assert (off < 0.05).float().mean() > 0.05
    assert (off > 0.25).float().mean() > 0.1


def test_faint_pictures_are_theirs_still() -> None:
    pictures, _ = Pool(32, 128, 4).batch(32)
    faint = fade(pictures, torch.Generator().manual_seed(2), 0.5)
    changed = (faint - pictures).abs().mean((1, 2, 3))
    assert 0.3 < (changed > 0.01).float().mean() < 0.7
    # Each is nearest to its own original.
    flat = torch.nn.functional.adaptive_avg_pool2d(faint, 16).flatten(1)
    originals = torch.nn.functional.adaptive_avg_pool2d(pictures, 16).flatten(1)
    nearest = torch.cdist(flat, originals).argmin(1)
    assert (nearest == torch.arange(len(faint))).float().mean() > 0.7


def test_paintings_in_the_making_go_on_and_join_the_batch() -> None:
    pool = Pool(8, 128, 3)
    trainer = PerceptorTrainer(SETTINGS, pool)
    generator = load_models("embedded", device="cpu").generator
    rehearsal = Rehearsal(generator, trainer.perceptor, pool, CUTOUTS, states=8, bouts=6,
                          edits=0.0)
    trainer.rehearsal = rehearsal
    before = [sketch.unfinished.clone() for sketch in rehearsal.painted]
    states = list(rehearsal.sketches)
    rehearsal.go_on(2, 6)
    rehearsal.go_on(2, 6)
    assert all(not torch.equal(sketch.unfinished, old)
               for sketch, old in zip(rehearsal.painted, before, strict=True))
    assert [new is not old for new, old in zip(rehearsal.sketches, states, strict=True)] == (
        [True] * 4 + [False] * 4)
    batch = trainer._on_the_way()
    (members,) = batch.families
    assert 2 <= members <= 8
    assert len(batch.pictures) == len(batch.words) == members + 6 + 4 + 5
    assert len({words.split(" background")[0] for words in batch.words[:members]}) == members
    assert len(batch.unfinished) == 11
    # All but one that is taken back to another drawing of the very same.
    assert sum(not torch.equal(*both) for both in zip(batch.pictures[-11:], batch.unfinished,
                                                      strict=True)) >= 10
    assert all(claim.true_of(scene) for claim, scene in zip(batch.claims, batch.scenes,
                                                            strict=True))
    finished, unfinished = trainer._cut(batch)
    assert finished.shape == (len(batch.pictures), 3, 64, 64)
    assert unfinished.shape == (11, 3, 64, 64)
    same, both = trainer._cut(replace(batch, unfinished=batch.pictures[-11:]))
    torch.testing.assert_close(same[-11:], both)  # one and the same cutout of each
    guided, _, matched = [trainer.step() for _ in range(3)]
    assert 0 <= matched["right"] <= 1
    assert -1 <= guided["cosine_painted"] <= 1
    assert all(not parameter.requires_grad for parameter in rehearsal.opponent.parameters())


def test_edits_are_rehearsed_from_near_misses_drawn_alike() -> None:
    pool = Pool(24, 128, 5)
    trainer = PerceptorTrainer(SETTINGS, pool)
    generator = load_models("embedded", device="cpu").generator
    rehearsal = Rehearsal(generator, trainer.perceptor, pool, CUTOUTS, states=8, bouts=12,
                          edits=1.0)
    rehearsal.go_on(2, 12)
    edits = [(bout, sketch) for bout, sketch in zip(rehearsal.bouts, rehearsal.painted, strict=True)
             if bout.synthesis.original is not None]
    masked = [both for both in edits if both[0].synthesis.mask is not None]
    assert 0 < len(masked) < len(edits) <= 12
    for bout, sketch in masked:
        assert bout.synthesis.mask is not None
        assert bout.synthesis.original is not None
        frozen = (bout.synthesis.mask.pixels == 0)[0].expand(3, -1, -1)
        assert frozen.any()
        for picture in (sketch.finished, sketch.unfinished):
            assert torch.equal(picture[frozen], bout.synthesis.original[0][frozen])
        assert not torch.equal(sketch.finished, bout.synthesis.original[0])
