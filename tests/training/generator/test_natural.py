from __future__ import annotations

import copy

import torch
import yaml

from tests.training.generator.tiny import WIDER, shrunk, sources, tiny_trainer
from tests.training.interrupted import whole_and_resumed
from training.common.stage import run_stage
from training.generator.export import export_state, read_exported
from training.generator.natural import reconstruct
from training.generator.sheet import sheet


def run(trainer, folder, steps):
    run_stage(trainer, "natural", folder, minutes=5, steps=steps, tell=lambda _: None)


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path):
    whole, second = whole_and_resumed(tiny_trainer, "natural", tmp_path, first=4, steps=7)
    for one, other in ((whole.model, second.model), (whole.critic, second.critic)):
        for name, value in one.state_dict().items():
            assert value.equal(other.state_dict()[name]), name
    for name, value in whole.weights().items():
        assert value.equal(second.weights()[name]), name


def test_a_step_reports_its_losses_and_sometimes_the_held_out_error():
    trainer = tiny_trainer(adversarial_after=0.3)  # of 8 steps: from the third on
    first, second, third = (trainer.step() for _ in range(3))
    assert {"l1", "edges", "perceptual", "commitment", "colours", "between", "grid", "used"} == set(
        first
    )
    assert 0 < second["grey"] < 1
    assert {"fooled", "critic"} <= set(third)


def test_the_last_steps_see_larger_pictures():
    trainer = tiny_trainer(large_after=0.3)  # of 8 steps: from the third on
    sizes = []

    def note_size(pictures):
        sizes.append(pictures.shape)
        return shrunk(pictures)

    trainer.features = note_size
    for _ in range(3):
        trainer.step()
    assert [size[0] for size in sizes[::2]] == [4, 4, 1]
    assert [size[3] for size in sizes[::2]] == [24, 24, 48]


def test_training_lowers_the_error():
    trainer = tiny_trainer(
        total=60, adversarial=0.0, learning_rate=3e-3, redraw_every=100, large_after=1.0
    )
    errors = [trainer.step()["l1"] for _ in range(60)]
    assert sum(errors[-10:]) < 0.9 * sum(errors[:10])


def test_it_starts_with_the_smaller_generators_output():
    from tests.training.generator.tiny import small_model

    small, trainer = small_model(), tiny_trainer()
    picture = trainer.held_out["grey"] * 2 - 1
    scale = small.quantize.embedding.weight.std()
    with torch.no_grad():
        expected = small.prequantised(picture) / scale
        torch.testing.assert_close(
            trainer.model.prequantised(picture), expected, atol=1e-4, rtol=1e-3
        )


def test_the_export_loads_as_a_generator_with_codes_of_deviation_one(tmp_path):
    trainer = tiny_trainer()
    run(trainer, tmp_path, 3)
    path = export_state(tmp_path / "natural.pt", tmp_path / "generator.ckpt", unit_codes=True)
    assert (
        yaml.safe_load(path.with_suffix(".yaml").read_text())["model"]["params"]["ddconfig"]
        == WIDER
    )
    generator = read_exported(path.parent)
    assert generator.codebook.shape == (16, 64)
    assert abs(generator.codebook.std().item() - 1) < 1e-3
    picture = trainer.held_out["grey"]
    exported = generator.decode(generator.embed(generator.encode(picture), 4, 4)).clamp(0, 1)
    own = reconstruct(copy.deepcopy(trainer.model), trainer.weights(), picture)
    torch.testing.assert_close(exported, own, atol=0.02, rtol=0)  # fp16


def test_a_sheet_shows_reconstructions_and_random_latents(tmp_path):
    trainer = tiny_trainer()
    run(trainer, tmp_path, 1)
    path = export_state(tmp_path / "natural.pt", tmp_path / "generator.ckpt", unit_codes=True)
    generator = read_exported(path.parent)
    photograph = sources().photographs[0][:32, :32]
    picture = sheet(generator, {"one": photograph, "other": photograph[::-1]}, side=32)
    assert picture.size == (6 * 32, 2 * 32)
