"""A prior's training stage, as the command line says."""

from __future__ import annotations

import torch

from engine.training.beginning import begin_prior, generator_to_rehearse_with
from engine.training.latents import CodedDrawings
from engine.training.prior import PRIOR_MIX, PRIOR_SHAPES, PriorTrainer, PriorTraining
from engine.training.stage import Stage, begun, resume, run_stage
from engine.training.things import Drawings


def train_prior(stage: Stage) -> None:
    """Train until the stage is over, on latents of the run's generator as far as it is."""
    torch.set_num_threads(stage.threads)
    settings = PriorTraining(total=stage.steps)
    start = begun("prior", stage.folder) if stage.resume else 0
    generator = generator_to_rehearse_with(stage.folder, stage.begin_with)
    drawings = CodedDrawings(generator, PRIOR_SHAPES if stage.drawings is None else PRIOR_MIX,
                             None if stage.drawings is None else Drawings(stage.drawings),
                             [settings.seed, start])
    trainer = PriorTrainer(settings, drawings)
    if start:
        resume(trainer, "prior", stage.folder)
    elif stage.begin_with is not None:
        begin_prior(trainer, stage.begin_with)
    run_stage(trainer, "prior", stage.folder, minutes=stage.minutes, steps=stage.steps)
