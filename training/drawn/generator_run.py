"""A generator's training stage, as the command line says."""

from __future__ import annotations

from dataclasses import replace

import torch

from training.common.stage import Stage, begun, resume, run_stage
from training.drawn.starting_weights import begin_generator
from training.generator.drawn import GeneratorTrainer, GeneratorTraining
from training.world.pool import open_pool
from training.world.sampling import SHAPES_ALONE, WHOLE


def train_generator(stage: Stage) -> None:
    """Train until the stage is over."""
    torch.set_num_threads(stage.threads)
    settings = GeneratorTraining(total=stage.steps)
    start = begun("generator", stage.folder) if stage.resume else 0
    shapes, whole = (replace(each, styled=settings.styled) for each in (SHAPES_ALONE, WHOLE))
    pool = open_pool(settings.pool_pairs, [settings.seed, start], shapes, whole, stage.drawings,
                     settings.typical)
    trainer = GeneratorTrainer(settings, pool)
    if start:
        resume(trainer, "generator", stage.folder)
    elif stage.begin_with is not None:
        begin_generator(trainer, stage.begin_with)
    run_stage(trainer, "generator", stage.folder, minutes=stage.minutes, steps=stage.steps)
