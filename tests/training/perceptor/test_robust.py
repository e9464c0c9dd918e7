from __future__ import annotations

import shutil
from functools import partial

import numpy as np
import pytest
import torch

from engine.models import load_models
from engine.models.perceptors.efficientnet_lite import build
from tests.training.interrupted import whole_and_resumed
from training.common.adversarial import adversarial_pictures
from training.common.shipped import NATURAL
from training.perceptor.class_paintings import ClassPaintings
from training.perceptor.classifier import load_classifier, write_classifier
from training.perceptor.export import replace_pictures
from training.perceptor.robust import RobustTrainer, RobustTraining, answer
from training.pictures.pool import Sources


@pytest.fixture(scope="module")
def teacher():
    return load_models("natural", device="cpu").perceptor.classifier


def tiny_trainer(teacher, device="cpu", **values):
    photographs = [np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)]
    tiny = {
        "real": 2,
        "painted": 2,
        "sides": (32,),
        "pool": 4,
        "pool_side": 36,
        "paintings": 3,
        "warmup": 1,
        "total": 100,
    }
    settings = RobustTraining(**{**tiny, **values})
    return RobustTrainer(settings, teacher, Sources(photographs), device)


def test_an_interrupted_run_ends_with_the_same_weights(teacher, tmp_path):
    make = partial(tiny_trainer, teacher)
    whole, second = whole_and_resumed(make, "robust", tmp_path, first=1, steps=3)
    for name, value in whole.student.state_dict().items():
        assert value.equal(second.student.state_dict()[name]), name
        assert whole.average.weights[name].equal(second.average.weights[name]), name
    assert whole.paintings.z.equal(second.paintings.z)
    shipped = tmp_path / "perceptor.pt"
    shutil.copy(NATURAL / "perceptor.pt", shipped)
    exported = build(
        {"checkpoint": replace_pictures(tmp_path / "parts" / "robust.pt", shipped)}, {}
    )
    stem = exported.classifier.stem.weight
    assert torch.allclose(stem, whole.average.weights["stem.weight"], atol=1e-3)
    assert not stem.equal(teacher.stem.weight)
    words = build({"checkpoint": NATURAL / "perceptor.pt"}, {}).tower.state_dict()
    for name, value in exported.tower.state_dict().items():
        assert value.equal(words[name]), name


@pytest.mark.slow
def test_the_student_learns_to_say_the_same_of_moved_pictures(teacher):
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    trainer = tiny_trainer(teacher, farthest=2.0, nearing=1, learning_rate=3e-5, real=6)
    start = moved_difference(trainer)
    for _ in range(22):
        trainer.step()
    assert moved_difference(trainer) < 0.9 * start
    for name, value in teacher.state_dict().items():
        assert value.equal(before[name]), name


def moved_difference(trainer):
    """What moving pictures of the pool by 0.4 changes in the student's answer."""
    student = trainer.student.requires_grad_(False)
    pictures = trainer.pool.batch(4, 32, np.random.default_rng(1))
    wanted = answer(trainer.teacher, pictures)

    def difference(each):
        return trainer.difference(answer(student, each), wanted)

    random = torch.Generator().manual_seed(1)
    moved = adversarial_pictures(pictures, difference, torch.full((4,), 0.4), random)
    student.requires_grad_(True)
    return difference(moved).item()


def test_it_starts_as_the_teacher(teacher):
    trainer = tiny_trainer(teacher)
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    same = trainer.difference(answer(trainer.student, pictures), answer(teacher, pictures))
    assert same.item() < 1e-5


def test_paintings_become_their_class_and_then_begin_again(teacher):
    random = torch.Generator().manual_seed(1)
    paintings = ClassPaintings(2, 64, 3, torch.device("cpu"), rate=0.15, longest=40, renewed=1.0)
    which, classes = torch.tensor([0, 1]), paintings.classes.clone()

    def chances(z):
        pictures = answer(teacher, paintings.pictures(z)).logits.softmax(dim=1)
        return pictures[torch.arange(2), classes]

    start = chances(paintings.z)
    for _ in range(40):
        z = paintings.z[which].requires_grad_(True)
        logits = answer(teacher, paintings.pictures(z)).logits
        (gradients,) = torch.autograd.grad(paintings.loss(logits, classes), z)
        paintings.step(which, gradients, random)
    assert paintings.classes.equal(classes)
    assert (start < 0.1).all()
    assert (chances(paintings.z) > 0.5).all()
    paintings.step(which, gradients, random)
    assert not paintings.classes.equal(classes)
    assert (chances(paintings.z) < 0.1).all()


def test_a_classifier_drawn_beforehand_is_the_published_one(tmp_path, teacher):
    write_classifier(teacher, tmp_path / "classifier.pt")
    again = load_classifier(tmp_path / "classifier.pt")
    assert (tmp_path / "classifier.pt").stat().st_size < 9.6e6
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    one, other = (answer(each, pictures).logits for each in (teacher, again))
    torch.testing.assert_close(one, other, rtol=0.01, atol=0.01)
