"""Beginning with exported models instead of chance: the shipped ones, or a run's under way."""

from __future__ import annotations

from pathlib import Path

import torch

from engine.errors import CheckpointError
from engine.models.building import build_generator, build_perceptor, read_config
from engine.models.checkpoints import read_tensors
from engine.models.generator import Generator, VQModel
from engine.models.perceptor import Perceptor
from engine.training.averaging import WeightAverage
from engine.training.deepening import deepen
from engine.training.export import SHIPPED
from engine.training.generator import CODE_WIDTH, CODES, DDCONFIG, GeneratorTrainer
from engine.training.perceptor import PerceptorTrainer
from engine.training.widening import widen


def exported_generator(folder: Path) -> Generator:
    """The generator that was exported into ``folder``; CheckpointError where there is none."""
    return build_generator(read_tensors(folder / "generator.ckpt"),
                           read_config(folder / "generator.yaml"))


def exported_perceptor(folder: Path) -> Perceptor:
    """The perceptor that was exported into ``folder``; CheckpointError where there is none."""
    return build_perceptor(read_tensors(folder / "perceptor.pt"))


def begin_generator(trainer: GeneratorTrainer, folder: Path) -> None:
    """Give ``trainer`` the exported weights; its optimiser and its schedule begin anew."""
    trainer.model.load_state_dict(exported_generator(folder).model.state_dict())
    trainer.average = WeightAverage(trainer.model, trainer.average.decay)
    trainer.counts.fill_(1.0)
    trainer.sums.copy_(trainer.codebook)


def begin_perceptor(trainer: PerceptorTrainer, folder: Path) -> None:
    """The same of a perceptor; one of half the width is widened, one with fewer blocks deepened.

    Raises CheckpointError where the exported one is of another architecture.
    """
    exported = exported_perceptor(folder)
    weights = exported.state_dict()
    if 2 * exported.width == trainer.perceptor.width:
        weights = widen(weights, noise=0.06, seed=trainer.settings.seed)
    weights = deepen(weights, trainer.perceptor.state_dict())
    try:
        trainer.perceptor.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError("The perceptor in {folder} is of another architecture than what is "
                              "trained; begin without it.", folder=folder) from error
    trainer.average = WeightAverage(trainer.perceptor, trainer.average.decay)


def generator_to_rehearse_with(run: Path, folder: Path | None) -> Generator:
    """The generator of the ``run`` as far as it is; else that of ``folder``, or the shipped one."""
    path = run / "generator.pt"
    if not path.exists():
        return exported_generator(folder or SHIPPED)
    state = torch.load(path, weights_only=True)
    model = VQModel(DDCONFIG, CODES, CODE_WIDTH)
    model.load_state_dict(state["average"]["weights"])
    codebook = state["model"]["quantize.embedding.weight"]
    model.quantize.embedding.weight.data.copy_(codebook)
    return Generator(model.eval().requires_grad_(False))
