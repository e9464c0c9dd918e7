import json

import pytest
import torch
import yaml
from safetensors.torch import save_file

from engine import imagine
from engine.errors import (
    CheckpointError,
    MissingModelError,
    ModelError,
    RequestError,
    UnknownModelError,
)
from engine.models import choose_device, load_catalogue, load_models, loading, models_folder
from engine.models.adding import add_model
from engine.models.download import file_sha256, obtain
from engine.models.recognition import Recognised
from engine.models.vocabulary import vocabulary_of
from engine.random_numbers import Draws
from tests.checkpoints import open_clip_config, open_clip_state, vqgan_config, vqgan_state


@pytest.fixture
def mine(tiny_files, own_catalogue):
    """The user's own model, called mine."""
    checkpoint, config, clip = tiny_files
    add_model(
        "mine",
        generator=Recognised("taming-vq", {"config": config, "checkpoint": checkpoint}),
        perceptor=Recognised("openai-clip", {"checkpoint": clip}),
        defaults={"width": 32, "height": 32},
        hashes={path: file_sha256(path) for path in tiny_files},
    )
    return tiny_files


def test_a_users_model_loads_and_can_be_optimised(mine):
    models = load_models("mine", device="cpu", precision="float32")
    assert models.name == "mine"
    assert models.defaults == {"width": 32, "height": 32}
    assert models.device == torch.device("cpu")
    for network in (models.generator, models.perceptor):
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())
        assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
        assert not any(value.is_meta for value in network.state_dict().values())
    z = models.generator.random_latent(8, 8, Draws(0)).clone().requires_grad_()
    picture = torch.nn.functional.interpolate(models.generator.decode(z), (32, 32))
    seen = models.perceptor.encode_image(picture)
    (seen * models.perceptor.encode_text(["a word"])).sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()
    assert z.grad.abs().max() > 0


def test_several_perceptors_share_what_is_loaded(monkeypatch):
    drawn = load_models("drawn", device="cpu", precision="float32")
    catalogue, read = load_catalogue(), list[str]()
    build = loading._build

    def noting(part, folder):
        read.append(part.name)
        return build(part, folder)

    monkeypatch.setattr(loading, "_build", noting)
    both = load_models(
        "drawn/drawn,natural:0.25", device="cpu", precision="float32", loaded=drawn.parts
    )
    assert read == ["natural"]
    assert both.generator is drawn.generator
    first, second, looks = both.perceptor.members
    assert first == (drawn.perceptor, 1.0)
    assert (second.weight, second.perceptor.resolution) == (0.25, 224)
    assert (looks.weight, looks.perceptor.only_words) == (0.125, True)
    assert [part for part, _ in both.parts] == list(catalogue.model(both.name).parts)
    words = both.perceptor.vocabulary.words()
    assert "star" in words
    assert set(words) <= {*drawn.perceptor.vocabulary.words()}
    assert set(words) <= {*second.perceptor.vocabulary.words()}
    assert vocabulary_of(catalogue.model(both.name), models_folder()) == both.perceptor.vocabulary


def test_in_bf16_each_member_can_be_read_again():
    models = load_models("drawn/drawn,natural:0.25", device="cpu", precision="bf16")
    read = [each for each in models.perceptor.members if not each.perceptor.only_words]
    for (part, _), network in zip(models.parts[1:], read, strict=True):
        assert network.perceptor.original is not None
        again = network.perceptor.original()
        assert type(again) is type(network.perceptor)
        assert {value.dtype for value in again.parameters()} == {torch.float32}
        assert part.kind_name in ("openai-clip", "efficientnet-lite")


def test_a_weight_is_refused_with_a_sentence_and_a_missing_perceptor_named():
    with pytest.raises(RequestError, match="drawn must be above 0"):
        load_models("drawn/drawn:0")
    with pytest.raises(MissingModelError, match="imagine-models get drawn/drawn,RN50`"):
        load_models("drawn/drawn,RN50")


def test_two_perceptors_of_different_kinds_paint_together():
    steps = list(
        imagine(
            "a red star", model="drawn", perceptor=["drawn", "natural:0.25"], seed=1,
            iterations=1, width=64, height=64, cutouts=1, device="cpu", precision="float32",
        )
    )  # fmt: skip
    alone = list(
        imagine(
            "a red star", model="drawn", seed=1,
            iterations=1, width=64, height=64, cutouts=1, device="cpu", precision="float32",
        )
    )  # fmt: skip
    assert torch.equal(steps[0].image, alone[0].image)
    assert not torch.equal(steps[-1].image, alone[-1].image)
    # The second perceptor's loss is added.
    assert steps[-1].losses["a red star"] > alone[-1].losses["a red star"]


def test_a_downloaded_model_loads_and_must_have_its_recorded_hash(published, tmp_path):
    with pytest.raises(MissingModelError, match="imagine-models get tiny`"):
        load_models("tiny")
    folder = tmp_path / "downloads"
    for source in load_catalogue().model("tiny").sources:
        obtain(source, folder)
    assert load_models("tiny", device="cpu").note == "random"
    assert load_models("tiny", device="cpu", folder=folder).name == "tiny"
    config = folder / "tiny.yaml"
    config.write_text(config.read_text() + "# changed\n")
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_models("tiny", device="cpu")


def test_a_missing_unknown_or_wrong_file_is_named(mine):
    checkpoint, _, clip = mine
    with pytest.raises(UnknownModelError, match=r"choose one of .*mine"):
        load_models("yours")
    clip.write_bytes(clip.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="incomplete") as error:
        load_models("mine", device="cpu")
    assert str(clip) in str(error.value)
    clip.write_bytes(checkpoint.read_bytes())
    with pytest.raises(CheckpointError, match="must be an OpenAI-format CLIP") as error:
        load_models("mine", device="cpu")
    assert str(clip) in str(error.value)
    clip.unlink()
    with pytest.raises(MissingModelError, match=r"clip\.pt of the model mine is missing"):
        load_models("mine", device="cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta", "cpu:1", "", "cuda:x"])
def test_a_missing_device_is_reported(mine, name):
    with pytest.raises(ModelError, match="choose"):
        load_models("mine", device=name)


def test_auto_is_cuda_if_available():
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu") == torch.device("cpu")


def test_the_shipped_models_load_from_the_package_and_are_small(own_catalogue):
    models = load_models("drawn", device="cpu")
    catalogue = load_catalogue()
    files = {
        source.path
        for name in ("natural", "natural-fourier", "drawn")
        for source in catalogue.model(name).sources
    }
    assert sum(path.stat().st_size for path in files if path) <= 60_000_000
    assert models.perceptor.tokenize("a red square on a yellow background").unknown == ()
    assert models.perceptor.tokenize("a qwertzuiop").unknown == ("qwertzuiop",)
    side = 4
    length = side * models.generator.factor
    picture = models.generator.decode(models.generator.random_latent(length, length, Draws(0)))
    assert picture.shape == (1, 3, length, length)


def test_a_wrong_setting_is_reported_with_its_entry(own_catalogue):
    own_catalogue.parent.mkdir(parents=True, exist_ok=True)
    own_catalogue.write_text("""
        [generators.clouds]
        kind = "fourier"
        settings = { decay = "steep" }
        [models.clouds]
        generator = "clouds"
        perceptor = "drawn"
    """)
    with pytest.raises(ModelError, match=r"entry clouds: The setting `decay` must be a number"):
        load_models("clouds", device="cpu")


def test_a_fourier_picture_is_guided_by_any_perceptor(own_catalogue):
    own_catalogue.parent.mkdir(parents=True, exist_ok=True)
    own_catalogue.write_text("""
        [generators.clouds]
        kind = "fourier"
        [models.clouds]
        generator = "clouds"
        perceptor = "drawn"
    """)
    models = load_models("clouds", device="cpu")
    *_, last = imagine("a red star", models=models, width=34, height=20, iterations=2, cutouts=2)
    assert last.image.shape == (3, 20, 34)


def test_a_latent_diffusion_vqgan_and_an_openclip_perceptor_paint(own_catalogue, tmp_path):
    config, described = tmp_path / "vq.yaml", vqgan_config()
    described["model"]["target"] = "ldm.models.autoencoder.VQModelInterface"
    config.write_text(yaml.safe_dump(described))
    generator, perceptor = tmp_path / "vq.safetensors", tmp_path / "clip.safetensors"
    save_file({f"module.{name}": tensor for name, tensor in vqgan_state().items()}, generator)
    save_file(open_clip_state(), perceptor)
    perceptor_config = tmp_path / "open_clip_config.json"
    perceptor_config.write_text(json.dumps(open_clip_config()))
    files = (generator, config, perceptor, perceptor_config)
    add_model(
        "theirs",
        generator=Recognised("taming-vq", {"config": config, "checkpoint": generator}),
        perceptor=Recognised("openai-clip", {"checkpoint": perceptor, "config": perceptor_config}),
        defaults={"width": 32, "height": 32},
        hashes={path: file_sha256(path) for path in files},
    )
    models = load_models("theirs", device="cpu", precision="float32")
    first, *_, last = imagine(
        "a fox", models=models, iterations=6, learning_rate=1.0, cutouts=2, seed=1
    )
    assert last.image.shape == (3, 32, 32)
    assert not torch.equal(first.image, last.image)
