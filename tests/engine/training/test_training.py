"""A few real steps of each model: they learn, are saved, go on, and can be shipped."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from engine.errors import CheckpointError
from engine.models import load_models
from engine.models.checkpoints import read_tensors
from engine.models.generators.taming import VQGenerator, build_generator, read_config
from engine.models.perceptors.openai_clip import ClipPerceptor, build_perceptor, new_clip
from engine.training import __main__ as command
from engine.training import generator_run, perceptor_run
from engine.training.beginning import begin_generator, begin_perceptor
from engine.training.export import SHIPPED, export_generator, export_perceptor
from engine.training.generator import CODE_WIDTH, CODES, GeneratorTrainer, GeneratorTraining
from engine.training.moving import move_against
from engine.training.perceptor import ARCHITECTURE, PerceptorTrainer, PerceptorTraining
from engine.training.perceptor_losses import (
    alignment,
    contrastive_loss,
    match_matrix,
    settled,
)
from engine.training.pool import Pool
from engine.training.stage import resume, run_stage
from engine.training.words import WordsTraining

PERCEPTOR = PerceptorTraining(families=1, pairs=4, faint=0.0, guided_families=1, guided_pairs=4,
                              guided=12, pool_pairs=6, pool_families=2, warmup=2,
                              learning_rate=2e-3, total=100)
GENERATOR = GeneratorTraining(batch=4, pool_pairs=8, quantise_after=10, revive_every=2, total=16,
                              whole_after=0.75, adversarial_after=0.9)


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Eight pairs that are drawn once and never anew: few steps can learn them."""
    return Pool(8, 128, 3, reuse=1e9)


def test_a_perceptor_learns_and_ships(pool: Pool, tmp_path: Path) -> None:
    trainer = PerceptorTrainer(PERCEPTOR, pool)
    run_stage(trainer, "perceptor", tmp_path, minutes=5, steps=8, tell=_silent)
    resumed = PerceptorTrainer(PERCEPTOR, pool)
    resume(resumed, "perceptor", tmp_path)
    run_stage(resumed, "perceptor", tmp_path, minutes=5, steps=8, tell=_silent)
    assert resumed.iteration == 8
    path = export_perceptor(tmp_path, tmp_path)
    perceptor = build_perceptor(read_tensors(path))
    assert perceptor.tokenize("a red hippogriff on a blue background").unknown == ("hippogriff",)
    small = torch.nn.functional.avg_pool2d(pool.batch(6)[0], 2)
    torch.testing.assert_close(
        perceptor.encode_image(small),
        _averaged(resumed).encode_image(small), atol=0.02, rtol=0)
    begun = PerceptorTrainer(PERCEPTOR, pool)
    begin_perceptor(begun, tmp_path)
    words = ["a red star on a blue background"]
    torch.testing.assert_close(begun.perceptor.eval().encode_text(words),
                               perceptor.encode_text(words))
    torch.testing.assert_close(_averaged(begun).encode_image(small),
                               perceptor.encode_image(small))


def _exported(folder: Path, **sizes: Any) -> Path:
    """A new ``folder`` with a perceptor as exported, untrained, whose ``sizes`` may be others."""
    folder.mkdir()
    weights = ClipPerceptor(new_clip(**{**ARCHITECTURE, **sizes})).state_dict()
    torch.save({name.removeprefix("clip."): value for name, value in weights.items()},
               folder / "perceptor.pt")
    return folder


def test_weights_of_another_architecture_are_refused_with_their_folder(
        pool: Pool, tmp_path: Path) -> None:
    folder = _exported(tmp_path / "other", vision_width=64)
    trainer = PerceptorTrainer(PERCEPTOR, pool)
    with pytest.raises(CheckpointError, match=f"{folder} is of another architecture"):
        begin_perceptor(trainer, folder)


def test_a_perceptor_learns_to_match(pool: Pool) -> None:
    trainer = PerceptorTrainer(PERCEPTOR, pool)
    begin_perceptor(trainer, SHIPPED)
    optimiser = torch.optim.AdamW(trainer.perceptor.parameters(), lr=3e-4)

    def matching() -> tuple[Tensor, float]:
        """The same batch each time, the same cutouts of it, moved anew."""
        trainer.generator.manual_seed(1)
        for each in (trainer, trainer.pool, trainer.families):
            each.rng = np.random.default_rng(1)
        loss, figures = trainer._match()
        return loss, figures["matching"]

    losses = []
    for _ in range(20):
        loss, figure = matching()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(figure)
    assert losses[-1] < losses[0] - 1


def _cosine(trainer: PerceptorTrainer) -> float:
    """The mean cosine of the slopes at the same five batches' unfinished pictures."""
    found = []
    for seed in range(5):
        trainer.generator.manual_seed(seed)
        trainer.rng = np.random.default_rng(seed)
        trainer.pool.rng = np.random.default_rng(seed)
        found.append(trainer._guide()[1]["cosine"])
    return sum(found) / len(found)


def test_a_perceptors_gradients_learn_to_point_to_the_finished_picture(pool: Pool) -> None:
    trainer = PerceptorTrainer(replace(PERCEPTOR, learning_rate=2e-4), pool)
    begin_perceptor(trainer, SHIPPED)
    before = _cosine(trainer)
    figures = [trainer.step() for _ in range(60)]
    matched = [i for i, each in enumerate(figures, 1) if "cosine" not in each]
    assert matched == list(range(5, 61, 5))
    assert _cosine(trainer) > before + 0.02


def test_pictures_are_moved_to_where_the_loss_is_higher_and_no_farther() -> None:
    rng = torch.Generator().manual_seed(1)
    pictures = torch.rand(6, 3, 8, 8, generator=rng) * 0.2 + 0.4
    goal = torch.rand(6, 3, 8, 8, generator=rng)

    def loss(begun: torch.Tensor) -> torch.Tensor:
        return (begun - goal).square().sum()

    reach = torch.tensor([1.5, 1.5, 1.5, 1.5, 0.1, 0.0])
    moved = move_against(pictures, loss, reach, rng)
    far = (moved - pictures).flatten(1).norm(dim=1)
    assert (far[:4] > 0.05).all()
    # A random start of at most 0.3 of it, and the step.
    assert (far < reach * 1.3 + 1e-5).all()
    assert len({round(each, 2) for each in far[:4].tolist()}) > 2  # not all equally far
    assert loss(moved) > loss(pictures) + 1


def test_alignment_is_the_cosine_and_leaves_out_what_is_nearly_there() -> None:
    way = torch.zeros(3, 3, 4, 4)
    way[0, 0, 0, 0], way[1, 0, 0, 0], way[2, 0, 0, 0] = 6.0, -1.5, 0.0
    slope = torch.zeros(3, 3, 4, 4)
    slope[:, 0, 0, 0], slope[:, 1, 0, 0] = 3.0, 4.0
    cosine, weight = alignment(slope, way, near=3.0)
    torch.testing.assert_close(cosine, torch.tensor([0.6, -0.6, 0.0]))
    torch.testing.assert_close(weight, torch.tensor([1.0, 0.5, 0.0]))


def test_alignment_counts_detail_as_much_as_colour() -> None:
    colour, detail = torch.ones(1, 3, 4, 4), torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(2, 2)
    cosine, _ = alignment(colour - detail, colour + detail)
    # 0 of all, 1 of either scale's squares, -1 of what the first squares lose, 0 of nothing.
    assert cosine.item() == pytest.approx(0.2)
    slope, way = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    slope[0, 0, 0, 0], slope[0, 1, 0, 0], slope[0, 1, 3, 3] = 3.0, 4.0, -4.0
    way[0, 0, 0, 0] = 6.0
    cosine, _ = alignment(slope, way)
    # Seen as one square, the two fours cancel; what the halves' squares lose has them still.
    lost = (27 / 64) ** 0.5 / (27 / 64 + 2) ** 0.5
    assert cosine.item() == pytest.approx((3 * 3 / 41**0.5 + 1 + lost) / 5)


def test_slopes_settle_where_they_are_as_long_as_the_way_and_nothing_at_its_end() -> None:
    rng = torch.Generator().manual_seed(1)
    way = torch.randn(3, 3, 8, 8, generator=rng) * torch.tensor([1.0, 2.0, 0.1]).view(3, 1, 1, 1)
    nothing = torch.zeros(2, 3, 8, 8)
    assert settled(0.7 * way, way, nothing).item() == pytest.approx(1)  # but for one length of all
    even = way / way.flatten(1).norm(dim=1).view(3, 1, 1, 1)
    assert settled(even, way, nothing) < 0.9
    # As long at the end as on the way: 1 / sqrt(2).
    assert settled(way[:2], way[:2], way[:2].flip(0)).item() == pytest.approx(0.5**0.5)
    assert settled(-way, way, nothing).item() == pytest.approx(-1)


def test_unfinished_pictures_are_wrong_answers_but_for_the_nearly_finished() -> None:
    images, texts = torch.eye(4)[:2], torch.eye(4)[:2]
    scale, truth = torch.tensor(10.0), torch.eye(2)
    calm, right = contrastive_loss(images, torch.eye(4)[2:], texts, truth, scale)
    same, wrong_first = contrastive_loss(images, torch.eye(4)[:2] * 1.01, texts, truth, scale)
    spared, _ = contrastive_loss(images, torch.eye(4)[:2] * 1.01, texts, truth, scale,
                                 nearly=torch.tensor([True, True]))
    assert right == wrong_first == 1.0  # each picture's own caption is its likeliest
    assert same > calm + 0.3
    assert abs(spared - calm) < 0.01


def _averaged(trainer: PerceptorTrainer) -> ClipPerceptor:
    trainer.perceptor.load_state_dict(trainer.average.weights)
    return trainer.perceptor.eval()


def test_a_generator_learns_quantises_revives_and_ships(pool: Pool, tmp_path: Path) -> None:
    trainer = GeneratorTrainer(GENERATOR, pool)
    figures = []
    run_stage(trainer, "generator", tmp_path, minutes=5, steps=9, tell=_silent)
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
    assert generator.factor == 8
    assert generator.codebook.shape == (CODES, CODE_WIDTH)
    codes = torch.zeros(1, 256, dtype=torch.long)
    assert generator.decode(generator.embed(codes, 16, 16)).shape == (1, 3, 128, 128)


def test_training_goes_on_from_the_shipped_weights(pool: Pool) -> None:
    models = load_models("drawn", device="cpu")
    perceptor = PerceptorTrainer(PERCEPTOR, pool)
    begin_perceptor(perceptor, SHIPPED)
    words = ["a red star on a blue background", "in charcoal"]
    small = torch.nn.functional.avg_pool2d(pool.batch(4)[0], 2)
    shipped, going_on = ((each.encode_image(small) @ each.encode_text(words).T) for each in (
        models.perceptor, perceptor.perceptor.eval()))
    torch.testing.assert_close(going_on, shipped, atol=1e-3, rtol=0)
    seen, sees = (each.encode_image(small)[:, :models.perceptor.width] for each in (
        models.perceptor, perceptor.perceptor))
    torch.testing.assert_close(torch.nn.functional.normalize(sees), seen, atol=1e-4, rtol=1e-3)
    right = [perceptor._match()[1]["shapes_right"] for _ in range(8)]
    assert sum(right) / 8 > 0.4  # of up to eight; it has learned them already
    generator = GeneratorTrainer(GENERATOR, pool)
    begin_generator(generator, SHIPPED)
    assert generator.step()["l1"] < 0.4
    assert isinstance(models.generator, VQGenerator)
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
    models = load_models("drawn", device="cpu")
    known = models.perceptor.tokenize(
        "a charcoal drawing of a small turquoise ring inside a big violet star on checks")
    assert known.unknown == ("checks",)
    assert models.perceptor.tokenize("Baba Yaga's house").unknown == ("Baba", "Yaga's")
    assert models.perceptor.tokenize("zeppelin").ids.count_nonzero() == 2
    things = models.perceptor.tokenize("a zebra above two castles in the snow, stained glass")
    assert things.unknown == ()


def _silent(_: str) -> None:
    """Training tells a terminal; a test does not listen."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_command_trains_both_a_stage_at_a_time_and_goes_on(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SHAPES_STEPS", (2, 1))
    monkeypatch.setattr(generator_run, "GeneratorTraining",
                        partial(GeneratorTraining, pool_pairs=20))
    monkeypatch.setattr(perceptor_run, "WordsTraining",
                        partial(WordsTraining, captions=400, seen=400))

    def stage(minutes: float) -> dict[str, int]:
        said = CliRunner().invoke(command.app, ["--resume", "--folder", str(tmp_path),
                                                "--minutes", str(minutes)])
        assert said.exit_code == 0, said.output
        return {path.stem: torch.load(path, weights_only=True)["iteration"]
                for path in tmp_path.glob("*.pt")}

    assert stage(0.0001) == {"generator": 1}
    assert stage(10) == {"generator": 2, "words": 1}
