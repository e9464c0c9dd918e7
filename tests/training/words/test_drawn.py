"""The picture tower as a projection, and captions that learn their pictures' vectors."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.perceptors.clip_architecture import AS_OPENAI_MAKES_IT
from engine.models.perceptors.openai_clip import ClipPerceptor, build_perceptor, new_clip
from engine.painting.losses import spherical_distance
from training.common.stage import resume, run_stage
from training.perceptor.export import export_drawn
from training.perceptor.projection import project_on_components
from training.words.drawn import (
    ARCHITECTURE,
    DrawnWordsTrainer,
    DrawnWordsTraining,
    pull_directions,
)
from training.words.drawn_start import start_words_from_exported, transfer_words
from training.world.pool import ScenePool
from training.world.sampling import Mix

WORDS = DrawnWordsTraining(captions=400, projected=370, batch=64, total=24, warmup=2)
SMALL = {"embed_dim": 64, "vision_width": 64, "text_width": 64}
PLAIN = Mix(styled=0.0, pairs=0.0, plain=1.0)


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """Forty scenes of a few shapes, at 64 px."""
    return F.avg_pool2d(ScenePool(20, 128, 4, mix=PLAIN).batch(20)[0], 2)


@pytest.fixture(scope="module")
def perceptor(pictures: torch.Tensor) -> ClipPerceptor:
    """A perceptor of 62 components of them and of their mirror images."""
    small = ClipPerceptor(new_clip(**{**ARCHITECTURE, **SMALL})).eval()
    many = torch.cat([pictures, pictures.flip(3), pictures.flip(2)])
    project_on_components(small, many)
    return small.requires_grad_(False)


def test_a_projection_encodes_pictures_by_their_components(
    perceptor: ClipPerceptor, pictures: torch.Tensor
) -> None:
    many = torch.cat([pictures, pictures.flip(3), pictures.flip(2)]).flatten(1) - 0.5
    _, values, patterns = torch.linalg.svd(many, full_matrices=False)
    seen = many @ patterns[:62].T * (values[:62] / values[0]) ** -0.5
    seen = torch.cat([seen / seen.norm(dim=1).mean(), torch.ones(len(seen), 1)], 1)
    right = F.normalize(seen) @ F.normalize(seen).T
    ours = perceptor.encode_image((many + 0.5).view(-1, 3, 64, 64))
    # The smallest components are found only approximately.
    torch.testing.assert_close(ours @ ours.T, right, atol=5e-3, rtol=0)


def test_from_any_picture_the_gradient_leads_to_the_vectors_picture(
    perceptor: ClipPerceptor, pictures: torch.Tensor
) -> None:
    goals = perceptor.encode_image(pictures[:8])
    x = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    before = ((perceptor.encode_image(x) * goals).sum(1)).mean()
    state = torch.zeros_like(x)
    for _ in range(150):
        x.requires_grad_(True)
        (slope,) = torch.autograd.grad((perceptor.encode_image(x) * goals).sum(), x)
        state = 0.9 * state + slope / slope.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        x = x.detach() + 0.3 * state
    assert before < 0.8
    assert ((perceptor.encode_image(x) * goals).sum(1) > 0.97).all()
    coarse, right = (F.avg_pool2d(each, 8) for each in (x, pictures[:8]))
    nearest = torch.cdist(coarse.flatten(1), right.flatten(1)).argmin(1)
    assert nearest.tolist() == list(range(8))


def test_too_few_pictures_and_too_small_patches_are_refused(pictures: torch.Tensor) -> None:
    patched = ClipPerceptor(new_clip(**{**ARCHITECTURE, "patch": 16}))
    with pytest.raises(ValueError, match="one patch of 64 pixels"):
        project_on_components(patched, pictures)
    with pytest.raises(ValueError, match="40 pictures for 360 dimensions"):
        project_on_components(ClipPerceptor(new_clip(**ARCHITECTURE)), pictures)


def test_added_prompts_pull_like_the_loops_own_losses() -> None:
    generator = torch.Generator().manual_seed(3)
    read = F.normalize(torch.randn(5, 8, generator=generator, dtype=torch.float64))
    seen = torch.randn(2, 8, generator=generator, dtype=torch.float64)
    seen[:, -1] = 0
    seen = F.normalize(seen)
    whose = torch.tensor([0, 0, 0, 1, 1])
    rests = pull_directions(read, whose, seen)
    for number, picture in enumerate(seen):
        x = picture.clone().requires_grad_(True)
        spherical_distance(F.normalize(x, dim=0), read[whose == number]).sum().backward()
        assert x.grad is not None
        along = rests[number] - (rests[number] @ picture) * picture
        torch.testing.assert_close(along[:-1], -x.grad[:-1])  # pictures have no last number
    assert (rests[:, -1] == 0).all()


def test_the_last_number_counts_for_one_prompt_but_not_for_several() -> None:
    seen = F.normalize(torch.tensor([[1.0, 1.0, 0.0]]))
    one = pull_directions(torch.tensor([[0.6, 0.0, 0.8]]), torch.tensor([0]), seen)
    assert one[0, 2] > 0
    two = pull_directions(
        torch.tensor([[0.6, 0.0, 0.8], [0.0, 0.6, 0.8]]), torch.tensor([0, 0]), seen
    )
    torch.testing.assert_close(F.cosine_similarity(two, seen), torch.ones(1))


def test_transferred_words_mean_the_same_picture_in_another_projection(
    perceptor: ClipPerceptor, pictures: torch.Tensor
) -> None:
    many = torch.cat([pictures, pictures.flip(3), pictures.flip(2)])
    other = ClipPerceptor(new_clip(**{**ARCHITECTURE, **SMALL})).eval().requires_grad_(False)
    project_on_components(other, many, power=0.1, seed=3)
    transfer_words(other, perceptor)
    asked = perceptor.encode_text(["a red star", "blue", "a circle above a square"])
    of_pixels = (0.5 + torch.eye(3 * 64 * 64)).view(-1, 3, 64, 64)
    sees = torch.cat([perceptor.encode_image(some) for some in of_pixels.split(512)])
    components = sees[:, :-2] / sees[:, -2:-1]
    wanted = torch.linalg.lstsq(
        components.T, (asked[:, :-2] / asked[:, -2:-1]).T, driver="gelsd"
    ).solution.T
    now = other.encode_text(["a red star", "blue", "a circle above a square"])
    alike = F.cosine_similarity(
        other.encode_image(0.5 + wanted.view(-1, 3, 64, 64))[:, :-1], now[:, :-1]
    )
    assert (alike.abs() > 0.99).all()
    torch.testing.assert_close(
        now[:, -1] / now[:, -2], asked[:, -1] / asked[:, -2], rtol=1e-3, atol=1e-3
    )


@pytest.mark.slow
def test_captions_learn_their_pictures_and_another_run_starts_from_them(tmp_path: Path) -> None:
    trainer = DrawnWordsTrainer(WORDS, PLAIN)
    further = copy.deepcopy(trainer)
    locked = {
        name: value.clone()
        for name, value in trainer.perceptor.state_dict().items()
        if "visual" in name
    }
    figures: list[float] = []
    while trainer.iteration < 5:
        figures.append(trainer.step()["cosine"])
    assert figures[-1] > figures[0] + 0.2
    assert all(
        torch.equal(value, trainer.perceptor.state_dict()[name]) for name, value in locked.items()
    )
    with pytest.raises(CheckpointError, match=r"words\.pt; train that model first"):
        export_drawn(tmp_path / "words.pt", tmp_path / "perceptor.pt")
    run_stage(trainer, "words", tmp_path, minutes=1, steps=6, tell=lambda _: None)
    again = copy.deepcopy(further)
    again.settings = replace(WORDS, total=30)
    resume(again, "words", tmp_path)
    assert again.iteration == 6
    assert again.step()["cosine"] > figures[0] + 0.2
    path = export_drawn(tmp_path / "words.pt", tmp_path / "perceptor.pt")
    exported = build_perceptor(read_tensors(path), AS_OPENAI_MAKES_IT)
    assert exported.tokenize("a red hippogriff on a blue background").unknown == ("hippogriff",)
    trained = ClipPerceptor(new_clip(**ARCHITECTURE)).eval()
    trained.load_state_dict(trainer.average.weights)
    words = ["a red star on a blue background"]
    torch.testing.assert_close(
        exported.encode_text(words), trained.encode_text(words), atol=0.02, rtol=0
    )
    start_words_from_exported(further, tmp_path)
    assert further.step()["cosine"] > figures[0] + 0.2
    small_clip = new_clip(**{**ARCHITECTURE, **SMALL})
    torch.save(small_clip.state_dict(), tmp_path / "perceptor.pt")
    with pytest.raises(CheckpointError, match="another architecture"):
        start_words_from_exported(further, tmp_path)
