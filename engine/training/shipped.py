"""Going on from the weights that the package ships, where a run's own state is gone."""

from __future__ import annotations

from pathlib import Path

import torch

from engine.models import load_models
from engine.models.generator import Generator, VQModel
from engine.training.generator import CODE_WIDTH, CODES, DDCONFIG, GeneratorTrainer
from engine.training.perceptor import PerceptorTrainer
from engine.training.widening import widen


def start_from_shipped(trainer: GeneratorTrainer | PerceptorTrainer) -> None:
    """Give ``trainer`` the shipped weights; its optimiser and its schedule begin anew."""
    models = load_models("embedded", device="cpu")
    if isinstance(trainer, PerceptorTrainer):
        present = trainer.perceptor.state_dict()
        weights = models.perceptor.state_dict()
        if 2 * models.perceptor.width == trainer.perceptor.width:
            weights = widen(weights, noise=0.06, seed=trainer.settings.seed)
        # Of another architecture the words are taken, and seeing is learned anew.
        fitting = {name: value for name, value in weights.items()
                   if name in present and value.shape == present[name].shape}
        trainer.perceptor.load_state_dict(fitting, strict=False)
        trainer.average.weights = trainer.perceptor.state_dict()
    else:
        trainer.model.load_state_dict(models.generator.model.state_dict())
        trainer.average.weights = trainer.model.state_dict()
        trainer.counts.fill_(1.0)
        trainer.sums.copy_(trainer.codebook)
    trainer.average.weights = {name: value.clone()
                               for name, value in trainer.average.weights.items()}


def generator_to_rehearse_with(folder: Path) -> Generator:
    """The generator of the run in ``folder`` as far as it is; without one, the shipped one."""
    path = folder / "generator.pt"
    if not path.exists():
        return load_models("embedded", device="cpu").generator
    state = torch.load(path, weights_only=True)
    model = VQModel(DDCONFIG, CODES, CODE_WIDTH)
    model.load_state_dict(state["average"]["weights"])
    codebook = state["model"]["quantize.embedding.weight"]
    model.quantize.embedding.weight.data.copy_(codebook)
    return Generator(model.eval().requires_grad_(False))
