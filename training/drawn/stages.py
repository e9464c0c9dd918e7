"""The stages that train the drawn models.

They are not in ``__main__``, because other processes have to import them by name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from training.common.stage import resume, run_stage, steps_done
from training.generator.drawn import DrawnGeneratorTrainer, DrawnGeneratorTraining
from training.generator.drawn_start import start_from_exported
from training.words.drawn import MIX, WHOLE_MIX, DrawnWordsTrainer, DrawnWordsTraining
from training.words.drawn_start import start_words_from_exported
from training.world.pool import ScenePool
from training.world.sampling import SHAPES_ONLY, WHOLE
from training.world.things import Drawings

GENERATOR, WORDS = "generator", "words"
"""The runs' names, of which their files are called."""
_SIDE = 128  # px


@dataclass(frozen=True)
class Stage:
    """What the command line says of a stage.

    Args:
        folder: Where states and logs are.
        minutes: When to stop.
        steps: Of the whole run, over all its stages.
        resume: Whether to continue from the state in ``folder``, if there is one.
        threads: Processor cores to use.
        start_from: A folder of exported models to start from if there is no state.
        drawings: The folder of drawings; without it the world has shapes only.
    """

    folder: Path
    minutes: float
    steps: int
    resume: bool
    threads: int
    start_from: Path | None = None
    drawings: Path | None = None


def train_generator(stage: Stage) -> None:
    """Train the generator until the stage is over. DrawingsError if a drawing is missing."""
    torch.set_num_threads(stage.threads)
    settings = DrawnGeneratorTraining(total=stage.steps)
    done = steps_done(GENERATOR, stage.folder) if stage.resume else 0
    mix = SHAPES_ONLY if stage.drawings is None else WHOLE
    # A stage that continues draws other pictures than the one before: the model would learn a
    # small pool by heart.
    pool = ScenePool(
        settings.pool_pairs,
        _SIDE,
        [settings.seed, done],
        mix=replace(mix, styled=settings.styled),
        drawings=None if stage.drawings is None else Drawings(stage.drawings),
        typical=settings.typical,
    )
    trainer = DrawnGeneratorTrainer(settings, pool)
    if done:
        resume(trainer, GENERATOR, stage.folder)
    elif stage.start_from is not None:
        start_from_exported(trainer, stage.start_from)
    run_stage(trainer, GENERATOR, stage.folder, minutes=stage.minutes, steps=stage.steps)


def train_words(stage: Stage, rank: int, settings: DrawnWordsTraining | None = None) -> None:
    """Train the text tower until the stage is over, as process ``rank`` of those that do."""
    torch.set_num_threads(stage.threads)
    done = steps_done(WORDS, stage.folder) if stage.resume else 0
    if done >= stage.steps:
        return  # before the captions are drawn, which takes minutes
    drawings = None if stage.drawings is None else Drawings(stage.drawings)
    settings = settings or DrawnWordsTraining(total=stage.steps)
    if stage.start_from is not None:  # at the full rate, trained words would be forgotten
        settings = replace(settings, learning_rate=settings.learning_rate / 2)
    trainer = DrawnWordsTrainer(settings, MIX if drawings is None else WHOLE_MIX, drawings, rank)
    if done:
        resume(trainer, WORDS, stage.folder)
    elif stage.start_from is not None:
        start_words_from_exported(trainer, stage.start_from)
    run_stage(trainer, WORDS, stage.folder, minutes=stage.minutes, steps=stage.steps, rank=rank)
