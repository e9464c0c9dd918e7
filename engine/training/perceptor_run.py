"""One process's part of a perceptor's training stage.

Apart from the command line, as processes are told what to run by its importable name.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from engine.training.captions import describe
from engine.training.perceptor import (
    CUTOUTS,
    MIX,
    WHOLE_MIX,
    PerceptorTrainer,
    PerceptorTraining,
)
from engine.training.pool import open_pool
from engine.training.rehearsal import Rehearsal
from engine.training.shipped import generator_to_rehearse_with, start_from_shipped
from engine.training.spreading import spread_texts
from engine.training.stage import Stage, begun, run_stage
from engine.training.world import sample_scene


def train_perceptor(stage: Stage, rank: int) -> None:
    """Train until the stage is over, as process ``rank`` of those that do."""
    torch.set_num_threads(stage.threads)
    settings = PerceptorTraining(total=stage.steps)
    if stage.drawings is not None and stage.shipped:
        # It can see and be painted with already; what it does not know is the things.
        settings = replace(settings, move_after=600, guide_after=1200)
    start = begun("perceptor", stage.folder) if stage.resume else 0
    pool = open_pool(settings.pool_pairs, [settings.seed, rank, start], MIX, WHOLE_MIX,
                     stage.drawings)
    trainer = PerceptorTrainer(settings, pool, rank=rank)
    if stage.shipped:
        start_from_shipped(trainer)
        if stage.drawings is not None and not start:
            rng = np.random.default_rng(settings.seed)
            spread_texts(trainer.perceptor, [describe(sample_scene(rng, pool.mix), rng)[0]
                                             for _ in range(2000)])
    if stage.rehearse:
        trainer.rehearsal = Rehearsal(generator_to_rehearse_with(stage.folder),
                                      trainer.perceptor, pool, CUTOUTS,
                                      seed=int(pool.rng.integers(2**31)))
    run_stage(trainer, "perceptor", stage.folder, minutes=stage.minutes, steps=stage.steps,
              resume=stage.resume, rank=rank)
