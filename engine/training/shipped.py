"""Going on from the weights that the package ships, where a run's own state is gone."""

from __future__ import annotations

from engine.models import load_models
from engine.training.generator import GeneratorTrainer
from engine.training.perceptor import PerceptorTrainer


def start_from_shipped(trainer: GeneratorTrainer | PerceptorTrainer) -> None:
    """Give ``trainer`` the shipped weights; its optimiser and its schedule begin anew."""
    models = load_models("embedded", device="cpu")
    if isinstance(trainer, PerceptorTrainer):
        trainer.perceptor.load_state_dict(models.perceptor.state_dict())
        trainer.average.weights = trainer.perceptor.state_dict()
    else:
        trainer.model.load_state_dict(models.generator.model.state_dict())
        trainer.average.weights = trainer.model.state_dict()
        trainer.counts.fill_(1.0)
        trainer.sums.copy_(trainer.codebook)
    trainer.average.weights = {name: value.clone()
                               for name, value in trainer.average.weights.items()}
