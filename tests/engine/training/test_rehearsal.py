"""What the perceptor learns from: spoiled drawings, states on the way, paintings in the making."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from engine.models import load_models
from engine.models.generators.taming import VQGenerator
from engine.prompt import Prompt
from engine.synthesis import Synthesis
from engine.training import bouts
from engine.training.bouts import paint_side_by_side
from engine.training.perceptor import LOOKS, PerceptorTrainer, PerceptorTraining
from engine.training.pool import Pool
from engine.training.rehearsal import Rehearsal
from engine.training.spoiling import spoil
from engine.training.unfinished import fade, unfinish
from tests.engine.tiny import PLAIN, tiny_generator, tiny_perceptor, tiny_recipe

SETTINGS = PerceptorTraining(guided_families=1, guided_pairs=3, states=4, painted=5, guided=11,
                             fresh_states=2, paint_every=2, pool_pairs=6, pool_families=2,
                             families=1, pairs=2, total=40)


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


def test_paintings_are_remembered_on_the_way_and_join_the_batch() -> None:
    pool = Pool(8, 128, 3)
    trainer = PerceptorTrainer(SETTINGS, pool)
    generator = load_models("drawn", device="cpu").generator
    assert isinstance(generator, VQGenerator)
    rehearsal = Rehearsal(generator, trainer.perceptor, pool, states=8, side_by_side=3,
                          edits=0.0, iterations=4, memory=8)
    trainer.rehearsal = rehearsal
    states = list(rehearsal.sketches)
    rehearsal.go_on(4)
    assert [new is not old for new, old in zip(rehearsal.sketches, states, strict=True)] == (
        [True] * 4 + [False] * 4)
    trainer.iteration = 1
    trainer._rehearse()  # before the first step
    first = list(rehearsal.painted)
    assert len(first) == 6  # after the second and the last of four iterations
    on_the_way, last = first[:3], first[3:]
    for earlier, later in zip(on_the_way, last, strict=True):
        assert earlier.words == later.words
        assert not torch.equal(earlier.unfinished, later.unfinished)
    trainer._rehearse()
    assert list(rehearsal.painted) == first
    rehearsal.paint(trainer.average.weights)
    assert len(rehearsal.painted) == 8  # the oldest are forgotten
    assert rehearsal.painted[0] is first[4]
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
    finished, unfinished = trainer._cut(batch, LOOKS)
    assert finished.shape == (len(batch.pictures), 3, 64, 64)
    assert unfinished.shape == (11, 3, 64, 64)
    same, both = trainer._cut(replace(batch, unfinished=batch.pictures[-11:]), LOOKS)
    torch.testing.assert_close(same[-11:], both)  # one and the same cutout of each
    steps = [trainer.step() for _ in range(4)]  # from the second on
    assert ["painted_far" in each for each in steps] == [True, False, True, False]
    assert -1 <= steps[0]["cosine_painted"] <= 1
    assert 0 <= steps[3]["right"] <= 1
    assert all(not parameter.requires_grad for parameter in rehearsal.opponent.parameters())


def test_edits_are_rehearsed_from_near_misses_drawn_alike() -> None:
    pool = Pool(24, 128, 5)
    trainer = PerceptorTrainer(SETTINGS, pool)
    generator = load_models("drawn", device="cpu").generator
    assert isinstance(generator, VQGenerator)
    rehearsal = Rehearsal(generator, trainer.perceptor, pool, states=8, edits=1.0)
    edits = [bout for bout in (rehearsal._begin() for _ in range(12))
             if bout.synthesis.original is not None]
    masked = [bout for bout in edits if bout.synthesis.mask is not None]
    assert 0 < len(masked) < len(edits) <= 12
    for bout in masked:
        assert bout.synthesis.mask is not None
        assert bout.synthesis.original is not None
        frozen = (bout.synthesis.mask.pixels == 0)[0].expand(3, -1, -1)
        assert frozen.any()
        sketch = bout.sketch(bout.synthesis.look().image)
        for picture in (sketch.finished, sketch.unfinished):
            torch.testing.assert_close(picture[frozen], bout.synthesis.original[0][frozen],
                                       atol=0.002, rtol=0)
        assert not torch.equal(sketch.finished, sketch.unfinished)


def test_bouts_side_by_side_are_each_what_it_is_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bouts, "bf16_where_fast", nullcontext)
    start = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(3))
    left = torch.zeros(1, 1, 24, 32)
    left[..., :16] = 1

    def begun() -> list[Synthesis]:
        recipe = tiny_recipe(augmentation=replace(PLAIN, count=1, whole=1.0), iterations=6,
                             cooling=0.2, smoothness=2.0, spread=0.2, learning_rate=0.3)
        generator, perceptor = tiny_generator(), tiny_perceptor()
        return [Synthesis(generator, perceptor, [Prompt(each) for each in words], recipe, seed,
                          first, mask)
                for seed, (words, first, mask) in enumerate([
                    (["a red star"], None, None), (["a heart", "in charcoal"], start, None),
                    (["a blue ring"], start, left)])]

    together, alone = begun(), begun()
    pictures = list(paint_side_by_side(together, together[0].perceptor.encode_image, 1,
                                       torch.Generator()))
    assert len(pictures) == 6
    for i, (one, other) in enumerate(zip(together, alone, strict=True)):
        for shown in pictures:
            torch.testing.assert_close(shown[i], other.step().image, atol=1e-4, rtol=0)
        # Adam makes as much of a gradient next to nothing as of any.
        assert ((one.latent.z - other.latent.z).abs() > 1e-3).float().mean() < 1e-3
