"""A few real steps of the drawn models: they learn, resume, and can be exported."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from engine.models import load_models
from engine.models.generators.taming import VQGenerator
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

GENERATOR = DrawnGeneratorTraining(
    batch=4,
    pool_pairs=8,
    quantise_after=10,
    revive_every=2,
    total=16,
    whole_after=0.75,
    adversarial_after=0.9,
)


@pytest.fixture(scope="module")
def pool() -> ScenePool:
    """Eight pairs that are never replaced, so that a few steps can learn them."""
    return ScenePool(8, 128, 3, reuse=1e9)


@pytest.mark.slow
def test_a_generator_learns_quantises_revives_and_ships(pool: ScenePool, tmp_path: Path) -> None:
    trainer = DrawnGeneratorTrainer(GENERATOR, pool)
    figures = []
    run_stage(trainer, "generator", tmp_path, minutes=5, steps=9, tell=_silent)
    while trainer.iteration < 16:
        figures.append(trainer.step())
    assert figures[-1]["l1"] < 0.62  # a grey picture has about 0.6 to 0.7
    assert figures[-1]["used"] > 0.2  # none before unused codes were revived
    assert "critic" in figures[-1]
    resumed = DrawnGeneratorTrainer(GENERATOR, pool)
    resumed.load_state_dict(torch.load(tmp_path / "generator.pt", weights_only=True))
    assert resumed.iteration == 9
    path = export_state(tmp_path / "generator.pt", tmp_path / "generator.ckpt", unit_codes=False)
    generator = read_exported(path.parent)
    assert generator.factor == 8
    assert generator.codebook.shape == (DRAWN_CODES, CODE_WIDTH)
    codes = torch.zeros(1, 256, dtype=torch.long)
    assert generator.decode(generator.embed(codes, 16, 16)).shape == (1, 3, 128, 128)


def test_training_starts_from_the_shipped_weights(pool: ScenePool) -> None:
    shipped = load_models("drawn", device="cpu").generator
    trainer = DrawnGeneratorTrainer(GENERATOR, pool)
    start_from_exported(trainer, DRAWN)
    assert trainer.step()["l1"] < 0.4
    assert isinstance(shipped, VQGenerator)
    assert (
        torch.equal(
            trainer.average.weights["decoder.conv_in.weight"],
            shipped.model.state_dict()["decoder.conv_in.weight"],
        )
        is False
    )


def test_the_shipped_perceptor_knows_its_world_and_names_unknown_words() -> None:
    models = load_models("drawn", device="cpu")
    known = models.perceptor.tokenize(
        "a charcoal drawing of a small turquoise ring inside a big violet star on checks"
    )
    assert known.unknown == ("checks",)
    assert models.perceptor.tokenize("Baba Yaga's house").unknown == ("Baba", "Yaga's")
    assert models.perceptor.tokenize("zeppelin").ids.count_nonzero() == 2
    things = models.perceptor.tokenize("a zebra above two castles in the snow, stained glass")
    assert things.unknown == ()


def _silent(_: str) -> None:
    """Discard what training prints."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_command_trains_both_models_in_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "SHAPES_STEPS", (2, 1))
    monkeypatch.setattr(
        stages, "DrawnGeneratorTraining", partial(DrawnGeneratorTraining, pool_pairs=20)
    )
    monkeypatch.setattr(
        stages, "DrawnWordsTraining", partial(DrawnWordsTraining, captions=400, projected=400)
    )

    def stage(minutes: float) -> dict[str, int]:
        said = CliRunner().invoke(
            command.app, ["--resume", "--folder", str(tmp_path), "--minutes", str(minutes)]
        )
        assert said.exit_code == 0, said.output
        return {
            path.stem: torch.load(path, weights_only=True)["iteration"]
            for path in tmp_path.glob("*.pt")
        }

    assert stage(0.0001) == {"generator": 1}
    assert stage(10) == {"generator": 2, "words": 1}
    into = tmp_path / "exported"
    said = CliRunner().invoke(
        command.app, ["export", "--folder", str(tmp_path), "--into", str(into)]
    )
    assert said.exit_code == 0, said.output
    assert {file.name for file in into.iterdir()} == {
        "generator.ckpt",
        "generator.yaml",
        "perceptor.pt",
    }
