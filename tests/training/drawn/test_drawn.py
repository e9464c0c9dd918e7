"""A few real steps of each model: they learn, are saved, go on, and can be shipped."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from engine.models import load_models
from engine.models.generators.taming import VQGenerator
from training.common.adversarial import adversarial_pictures
from training.common.hard_negatives import grouped_contrastive_loss
from training.common.shipped import DRAWN
from training.common.stage import run_stage
from training.drawn import __main__ as command
from training.drawn import stages
from training.generator.architectures import CODE_WIDTH, DRAWN_CODES
from training.generator.drawn import DrawnGeneratorTrainer, DrawnGeneratorTraining
from training.generator.drawn_start import start_from_exported
from training.generator.export import export_state, read_exported
from training.words.drawn import DrawnWordsTraining
from training.world.pool import ScenePool

GENERATOR = DrawnGeneratorTraining(batch=4, pool_pairs=8, quantise_after=10, revive_every=2,
                                   total=16, whole_after=0.75, adversarial_after=0.9)


@pytest.fixture(scope="module")
def pool() -> ScenePool:
    """Eight pairs that are drawn once and never anew: few steps can learn them."""
    return ScenePool(8, 128, 3, reuse=1e9)


def test_pictures_are_moved_to_where_the_loss_is_higher_and_no_farther() -> None:
    rng = torch.Generator().manual_seed(1)
    pictures = torch.rand(6, 3, 8, 8, generator=rng) * 0.2 + 0.4
    goal = torch.rand(6, 3, 8, 8, generator=rng)

    def loss(begun: torch.Tensor) -> torch.Tensor:
        return (begun - goal).square().sum()

    reach = torch.tensor([1.5, 1.5, 1.5, 1.5, 0.1, 0.0])
    moved = adversarial_pictures(pictures, loss, reach, rng)
    far = (moved - pictures).flatten(1).norm(dim=1)
    assert (far[:4] > 0.05).all()
    # A random start of at most 0.3 of it, and the step.
    assert (far < reach * 1.3 + 1e-5).all()
    assert len({round(each, 2) for each in far[:4].tolist()}) > 2  # not all equally far
    assert loss(moved) > loss(pictures) + 1


def test_within_a_group_each_picture_is_matched_to_its_own_caption() -> None:
    texts = torch.eye(5)
    matched, right = grouped_contrastive_loss(texts, texts, [3, 2])
    assert right == 1
    assert matched < 0.01
    # Exchanged between the groups: no caption is the nearest of its own group.
    swapped = texts[[1, 0, 2, 4, 3]]
    exchanged, right = grouped_contrastive_loss(swapped, texts, [3, 2])
    assert right == pytest.approx(1 / 5)
    assert exchanged > 10
    # What is in another group, or in none, competes with nothing.
    alone, _ = grouped_contrastive_loss(texts, texts, [3])
    like_the_first = torch.cat([texts[:3], texts[:2]])
    assert grouped_contrastive_loss(like_the_first, like_the_first, [3])[0] == alone


def test_a_generator_learns_quantises_revives_and_ships(pool: ScenePool, tmp_path: Path) -> None:
    trainer = DrawnGeneratorTrainer(GENERATOR, pool)
    figures = []
    run_stage(trainer, "generator", tmp_path, minutes=5, steps=9, tell=_silent)
    while trainer.iteration < 16:
        figures.append(trainer.step())
    assert figures[-1]["l1"] < 0.62  # a grey picture's is about 0.6 to 0.7 at first
    assert figures[-1]["used"] > 0.2  # none before the first were put where tokens are
    assert "critic" in figures[-1]
    resumed = DrawnGeneratorTrainer(GENERATOR, pool)
    resumed.load_state_dict(torch.load(tmp_path / "generator.pt", weights_only=True))
    assert resumed.iteration == 9
    path = export_state(tmp_path / "generator.pt", tmp_path / "generator.ckpt",
                        unit_codes=False)
    generator = read_exported(path.parent)
    assert generator.factor == 8
    assert generator.codebook.shape == (DRAWN_CODES, CODE_WIDTH)
    codes = torch.zeros(1, 256, dtype=torch.long)
    assert generator.decode(generator.embed(codes, 16, 16)).shape == (1, 3, 128, 128)


def test_training_goes_on_from_the_shipped_weights(pool: ScenePool) -> None:
    shipped = load_models("drawn", device="cpu").generator
    trainer = DrawnGeneratorTrainer(GENERATOR, pool)
    start_from_exported(trainer, DRAWN)
    assert trainer.step()["l1"] < 0.4
    assert isinstance(shipped, VQGenerator)
    assert torch.equal(trainer.average.weights["decoder.conv_in.weight"],
                       shipped.model.state_dict()["decoder.conv_in.weight"]) is False


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
    monkeypatch.setattr(stages, "DrawnGeneratorTraining",
                        partial(DrawnGeneratorTraining, pool_pairs=20))
    monkeypatch.setattr(stages, "DrawnWordsTraining",
                        partial(DrawnWordsTraining, captions=400, projected=400))

    def stage(minutes: float) -> dict[str, int]:
        said = CliRunner().invoke(command.app, ["--resume", "--folder", str(tmp_path),
                                                "--minutes", str(minutes)])
        assert said.exit_code == 0, said.output
        return {path.stem: torch.load(path, weights_only=True)["iteration"]
                for path in tmp_path.glob("*.pt")}

    assert stage(0.0001) == {"generator": 1}
    assert stage(10) == {"generator": 2, "words": 1}
