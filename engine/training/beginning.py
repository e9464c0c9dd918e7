"""Beginning with exported models instead of chance: the shipped ones, or a run's under way."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from engine.errors import CheckpointError
from engine.models.building import build_generator, build_perceptor, read_config
from engine.models.checkpoints import read_tensors
from engine.models.generator import Generator, VQModel
from engine.models.perceptor import Perceptor
from engine.training.averaging import WeightAverage
from engine.training.export import SHIPPED
from engine.training.generator import CODE_WIDTH, CODES, DDCONFIG, GeneratorTrainer
from engine.training.perceptor import PerceptorTrainer


def exported_generator(folder: Path) -> Generator:
    """The generator that was exported into ``folder``; CheckpointError where there is none."""
    return build_generator(read_tensors(folder / "generator.ckpt"),
                           read_config(folder / "generator.yaml"))


def exported_perceptor(folder: Path) -> Perceptor:
    """The perceptor that was exported into ``folder``; CheckpointError where there is none."""
    return build_perceptor(read_tensors(folder / "perceptor.pt"))


def begin_generator(trainer: GeneratorTrainer, folder: Path) -> None:
    """Give ``trainer`` the exported weights; its optimiser and its schedule begin anew.

    Where it has more codes than they, the others are put where tokens are, as unused ones are.
    """
    weights = exported_generator(folder).model.state_dict()
    codes = weights["quantize.embedding.weight"][: len(trainer.codebook)]
    weights["quantize.embedding.weight"] = torch.cat([codes, trainer.codebook[len(codes):]])
    trainer.model.load_state_dict(weights)
    trainer.average = WeightAverage(trainer.model, trainer.average.decay)
    trainer.counts.zero_()
    trainer.counts[: len(codes)] = 1.0
    trainer.sums.copy_(trainer.codebook * trainer.counts[:, None])


def begin_perceptor(trainer: PerceptorTrainer, folder: Path) -> None:
    """The same of a perceptor. CheckpointError where the exported one has another architecture."""
    _begin_perceptor(trainer, exported_perceptor(folder).state_dict(), folder)


def begin_with_words(trainer: PerceptorTrainer, run: Path) -> None:
    """Give ``trainer`` what the words' part of ``run`` has come to.

    Raises CheckpointError where there is none, or where it has another architecture.
    """
    path = run / "words.pt"
    if not path.exists():
        raise CheckpointError("There is no training state at {path}; train the words first, or "
                              "name a folder of exported models to begin with.", path=path)
    state = torch.load(path, weights_only=True)
    _begin_perceptor(trainer, state["average"]["weights"], run)


def _begin_perceptor(trainer: PerceptorTrainer, weights: dict[str, Tensor], folder: Path) -> None:
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
