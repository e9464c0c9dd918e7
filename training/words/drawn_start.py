"""Starting the training of the `drawn` text tower from an exported perceptor."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.perceptors.openai_clip import ClipPerceptor, build_perceptor
from training.common.averaging import WeightAverage
from training.words.drawn import DrawnWordsTrainer


def exported_perceptor(folder: Path) -> ClipPerceptor:
    """The perceptor that was exported into ``folder``; CheckpointError where there is none."""
    return build_perceptor(read_tensors(folder / "perceptor.pt"))


def start_words_from_exported(trainer: DrawnWordsTrainer, folder: Path) -> None:
    """Let captions mean to ``trainer`` what they mean to the exported perceptor.

    Raises CheckpointError where that has another architecture.
    """
    begin = exported_perceptor(folder)
    ours, theirs = ({name: value.shape for name, value in each.clip.state_dict().items()}
                    for each in (trainer.perceptor, begin))
    if ours != theirs:
        raise CheckpointError("The perceptor in {folder} is of another architecture than what is "
                              "trained; begin without it.", folder=folder)
    take_words(trainer.perceptor, begin)
    trainer.average = WeightAverage(trainer.perceptor, trainer.average.decay)


@torch.no_grad()
def take_words(perceptor: ClipPerceptor, begin: ClipPerceptor) -> None:
    """Let captions mean to ``perceptor`` what they mean to ``begin``, though it sees otherwise.

    Both see by components: of a vector the last number but one is the constant, and those before,
    divided by it, are linear in the picture's distance from middle grey. What ``begin`` asks for is
    a sum of its own components, and what ``perceptor`` sees of them goes into the text projection.
    Both are of one architecture.
    """
    was, now = (_components(each) for each in (begin, perceptor))
    across = torch.eye(perceptor.width)  # the constant and what the prompts alone have stay
    across[:-2, :-2] = torch.linalg.lstsq(was, now).solution
    words = {name: value for name, value in begin.clip.state_dict().items()
             if not name.startswith("visual.")}
    words["text_projection"] = words["text_projection"] @ across
    perceptor.clip.load_state_dict(perceptor.clip.state_dict() | words)


def _components(perceptor: ClipPerceptor) -> Tensor:
    """How what it sees, but for the last two numbers, grows with a picture's: [3 S S, D - 2]."""
    def beside_the_constant(picture: Tensor) -> Tensor:
        seen = perceptor.encode_image(picture)[0]
        return seen[:-2] / seen[-2]

    grey = torch.full((1, 3, perceptor.resolution, perceptor.resolution), 0.5)
    slopes: Tensor = torch.autograd.functional.jacobian(beside_the_constant, grey)
    return slopes.flatten(1).T
