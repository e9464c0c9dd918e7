"""Starting the training of the `drawn` generator from an exported one."""

from __future__ import annotations

from pathlib import Path

import torch

from training.common.averaging import WeightAverage
from training.generator.drawn import DrawnGeneratorTrainer
from training.generator.export import read_exported
from training.generator.trainer import CODEBOOK


def start_from_exported(trainer: DrawnGeneratorTrainer, folder: Path) -> None:
    """Give ``trainer`` the exported weights; its optimiser and its schedule start from zero.

    If it has more codes than they, the others are put where tokens are, as unused ones are.
    """
    weights = read_exported(folder).model.state_dict()
    codes = weights[CODEBOOK][: len(trainer.codebook)]
    weights[CODEBOOK] = torch.cat([codes, trainer.codebook.data[len(codes) :]])
    trainer.model.load_state_dict(weights)
    trainer.average = WeightAverage(trainer.model, trainer.average.decay)
    trainer.followed.restart(len(codes))
