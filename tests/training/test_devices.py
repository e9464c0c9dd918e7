"""The trainers of the natural models compute on the device that they are given."""

from __future__ import annotations

import pytest

from tests.processes import printed_by

SIMULATED = """
    import torch
    from tests.engine.simulated_device import Device, simulate
    from tests.training.generator.tiny import tiny_trainer
    from tests.training.looks.test_looks import sources, trainer as looks_trainer
    from tests.training.looks.test_reading import tower
    from tests.training.perceptor.test_robust import tiny_trainer as robust_trainer
    from tests.training.words.conftest import eight_sentences
    from tests.training.words.test_natural import SETTINGS, new_tower
    from engine.models import load_models
    from engine.models.perceptors.tokenizing import clip_tokens
    from training.looks.pictures import LooksPool
    from training.looks.reading import WordsTrainer
    from training.words.natural import Distiller

    torch.set_num_threads(1)
    pools = [LooksPool(sources(), 40, 48, seed=4, workers=count) for count in (1, 2)]
    print("pools", *(one.equal(two) for one, two in zip(*(vars(each).values() for each in pools))))
    there = simulate()

    sentences = eight_sentences()
    rows = sentences.tokens.unique().long()

    def words(device):
        return Distiller(new_tower(rows), sentences, SETTINGS, torch.device(device))

    def generator(device):
        return tiny_trainer(device, adversarial_after=0.0, revive_every=1)

    def looks(device):
        return looks_trainer(device, nearing=1)

    def robust(device):
        teacher = load_models("natural", device="cpu").perceptor.classifier
        return robust_trainer(teacher, device=device)

    def words_of_looks(device):
        return WordsTrainer(tower(), clip_tokens(77), steps=2, batch=4, device=device)

    for made in (MADE):
        expected = made("cpu").step()
        with Device() as device:
            trainer = made(there)
            device.waits.clear()
            figures = trainer.step()
            mixed = [wait for wait in device.waits if "tensors of the host" in wait]
        wrong = {
            name: (figures[name], value)
            for name, value in expected.items()
            if abs(figures[name] - value) > 0.03 * abs(value) + 0.01
        }
        print(made.__name__, wrong, mixed)
"""


def test_steps_there_are_those_of_the_cpu_and_mix_no_devices() -> None:
    names = ("words", "generator", "looks", "words_of_looks")
    pools, *steps = printed_by(SIMULATED.replace("MADE", ", ".join(names)))
    assert pools == "pools True True"  # drawn by one process and by two
    assert steps == [f"{name} {{}} []" for name in names]


@pytest.mark.slow  # many operations, each of which takes long there
def test_steps_of_the_picture_tower_do_so_too() -> None:
    assert printed_by(SIMULATED.replace("MADE", "robust,"))[1:] == ["robust {} []"]
