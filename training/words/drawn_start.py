"""Starting the training of the `drawn` text tower from an exported perceptor."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.perceptors.clip_architecture import AS_OPENAI_MAKES_IT
from engine.models.perceptors.openai_clip import ClipPerceptor, build_perceptor
from training.common.averaging import WeightAverage
from training.words.drawn import DrawnWordsTrainer


def exported_perceptor(folder: Path) -> ClipPerceptor:
    """The perceptor in ``folder``; CheckpointError if it is missing."""
    return build_perceptor(read_tensors(folder / "perceptor.pt"), AS_OPENAI_MAKES_IT)


def start_words_from_exported(trainer: DrawnWordsTrainer, folder: Path) -> None:
    """Give ``trainer`` the text tower of the exported perceptor in ``folder``.

    Raises CheckpointError if that has another architecture.
    """
    start = exported_perceptor(folder)
    ours, theirs = (
        {name: value.shape for name, value in each.clip.state_dict().items()}
        for each in (trainer.perceptor, start)
    )
    if ours != theirs:
        raise CheckpointError(
            "The perceptor in {folder} has another architecture than the one "
            "trained; start without it.",
            folder=folder,
        )
    transfer_words(trainer.perceptor, start)
    trainer.average = WeightAverage(trainer.perceptor, trainer.average.decay)


@torch.no_grad()
def transfer_words(perceptor: ClipPerceptor, start: ClipPerceptor) -> None:
    """Give ``perceptor`` the text tower of ``start``, whose picture tower is another projection.

    Of a vector, the last number but one is the constant, and those before it, divided by it, are
    linear in the picture's distance from middle grey. A caption's vector is a sum of ``start``'s
    components; their projection by ``perceptor`` becomes part of the text projection. Both have
    the same architecture.
    """
    was, now = (_components(each) for each in (start, perceptor))
    across = torch.eye(perceptor.width)  # the last two numbers stay as they are
    across[:-2, :-2] = torch.linalg.lstsq(was, now).solution
    words = {
        name: value
        for name, value in start.clip.state_dict().items()
        if not name.startswith("visual.")
    }
    words["text_projection"] = words["text_projection"] @ across
    perceptor.clip.load_state_dict(perceptor.clip.state_dict() | words)


def _components(perceptor: ClipPerceptor) -> Tensor:
    """The derivatives [3 S S, D - 2] of a vector's components by the picture."""

    def over_the_constant(picture: Tensor) -> Tensor:
        vector = perceptor.encode_image(picture)[0]
        return vector[:-2] / vector[-2]

    grey = torch.full((1, 3, perceptor.resolution, perceptor.resolution), 0.5)
    derivatives: Tensor = torch.autograd.functional.jacobian(over_the_constant, grey)
    return derivatives.flatten(1).T
