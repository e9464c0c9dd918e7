"""One process's part of a perceptor's training stage.

Apart from the command line, as processes are told what to run by its importable name.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from engine.training.beginning import (
    begin_perceptor,
    exported_perceptor,
    generator_to_rehearse_with,
)
from engine.training.captions import describe
from engine.training.perceptor import (
    ARCHITECTURE,
    MIX,
    WHOLE_MIX,
    PerceptorTrainer,
    PerceptorTraining,
)
from engine.training.pool import open_pool
from engine.training.rehearsal import Rehearsal
from engine.training.spreading import spread_texts
from engine.training.stage import Stage, begun, resume, run_stage
from engine.training.world import sample_scene


def settings_of(stage: Stage) -> PerceptorTraining:
    """What begins with an exported perceptor can see and be painted with already.

    Of one that is to be widened the words are new, and matched for a while before anything else;
    one as wide as what is trained goes on with all parts at once.
    """
    settings = PerceptorTraining(total=stage.steps)
    if stage.begin_with is None:
        return settings
    narrow = exported_perceptor(stage.begin_with).width < ARCHITECTURE["embed_dim"]
    if narrow:
        return replace(settings, move_after=600, guide_after=1200)
    # At the rate of the beginning it would lose first what it knows.
    return replace(settings, learning_rate=2.5e-4, move_after=0, guide_after=0)


def train_perceptor(stage: Stage, rank: int) -> None:
    """Train until the stage is over, as process ``rank`` of those that do."""
    torch.set_num_threads(stage.threads)
    settings = settings_of(stage)
    start = begun("perceptor", stage.folder) if stage.resume else 0
    pool = open_pool(settings.pool_pairs, [settings.seed, rank, start], MIX, WHOLE_MIX,
                     stage.drawings)
    trainer = PerceptorTrainer(settings, pool, rank=rank)
    if start:
        resume(trainer, "perceptor", stage.folder)
    elif stage.begin_with is not None:
        begin_perceptor(trainer, stage.begin_with)
        if settings.move_after:  # it was widened, and its words are new
            rng = np.random.default_rng(settings.seed)
            spread_texts(trainer.perceptor, [describe(sample_scene(rng, pool.mix), rng)[0]
                                             for _ in range(2000)])
    if stage.rehearse:
        trainer.rehearsal = Rehearsal(generator_to_rehearse_with(stage.folder,
                                                                 stage.begin_with),
                                      trainer.perceptor, pool,
                                      seed=int(pool.rng.integers(2**31)))
    run_stage(trainer, "perceptor", stage.folder, minutes=stage.minutes, steps=stage.steps,
              rank=rank)
