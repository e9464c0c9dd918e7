"""A generator's training stage, as the command line says."""

from __future__ import annotations

from dataclasses import replace

import torch

from engine.training.beginning import begin_generator, exported_perceptor
from engine.training.features import Features
from engine.training.generator import GeneratorTrainer, GeneratorTraining
from engine.training.pool import open_pool
from engine.training.stage import Stage, begun, resume, run_stage
from engine.training.world import SHAPES_ALONE, WHOLE_STYLED


def train_generator(stage: Stage) -> None:
    """Train until the stage is over."""
    torch.set_num_threads(stage.threads)
    settings = GeneratorTraining(total=stage.steps)
    features = None
    if stage.drawings is not None:
        settings = replace(settings, codes=4096)
    if stage.begin_with is not None:
        # Whole pictures, as grids and joints lie where they lie in all of them; at the rate that
        # one begins with, what is known is lost first and takes a thousand steps to come back.
        settings = replace(settings, learning_rate=3e-4, edges=0.3, quantise_after=0,
                           whole_after=0.0)
        features = Features(exported_perceptor(stage.begin_with))
    start = begun("generator", stage.folder) if stage.resume else 0
    pool = open_pool(settings.pool_pairs, [settings.seed, start], SHAPES_ALONE, WHOLE_STYLED,
                     stage.drawings)
    trainer = GeneratorTrainer(settings, pool, features)
    if start:
        resume(trainer, "generator", stage.folder)
    elif stage.begin_with is not None:
        begin_generator(trainer, stage.begin_with)
    run_stage(trainer, "generator", stage.folder, minutes=stage.minutes, steps=stage.steps)
