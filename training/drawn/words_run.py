"""One process's part of a stage of the words' training.

Apart from the command line, as processes are told what to run by its importable name.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from training.common.stage import Stage, begun, resume, run_stage
from training.drawn.starting_weights import begin_words
from training.words.drawn import MIX, WHOLE_MIX, WordsTrainer, WordsTraining
from training.world.things import Drawings


def train_words(stage: Stage, rank: int, settings: WordsTraining | None = None) -> None:
    """Train the words' tower until the stage is over, as process ``rank`` of those that do."""
    torch.set_num_threads(stage.threads)
    start = begun("words", stage.folder) if stage.resume else 0
    if start >= stage.steps:
        return  # before as many captions are drawn
    drawings = None if stage.drawings is None else Drawings(stage.drawings)
    settings = settings or WordsTraining(total=stage.steps)
    if stage.begin_with is not None:  # words that mean something are not to be shaken
        settings = replace(settings, learning_rate=settings.learning_rate / 2)
    trainer = WordsTrainer(settings, MIX if drawings is None else WHOLE_MIX, drawings, rank)
    if start:
        resume(trainer, "words", stage.folder)
    elif stage.begin_with is not None:
        begin_words(trainer, stage.begin_with)
    run_stage(trainer, "words", stage.folder, minutes=stage.minutes, steps=stage.steps, rank=rank)
