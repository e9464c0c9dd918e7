import copy
import importlib
import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from engine.errors import CheckpointError, ModelError
from engine.models.checkpoints import read_tensors
from engine.models.generators.taming import VQModel, build_generator
from engine.models.generators.taming import build as build_vqgan
from engine.models.generators.taming_yaml import read_config
from engine.models.packages import clip_model, clip_tokenizer
from engine.models.perceptors.clip_architecture import AS_OPENAI_MAKES_IT
from engine.models.perceptors.openai_clip import ClipPerceptor, build_perceptor, new_clip
from tests.checkpoints import (
    CODES,
    DDCONFIG,
    WIDTH,
    clip_state,
    net2net_config,
    vqgan_config,
    vqgan_state,
    write_clip,
    write_clip_archive,
    write_vqgan,
)

KINDS = ("VQModel", "GumbelVQ")


@pytest.fixture
def tamings_vqgan(monkeypatch):
    """taming.models.vqgan itself, with stubs for the two modules it needs and we lack."""
    lightning, main = ModuleType("pytorch_lightning"), ModuleType("taming.main")
    vars(lightning)["LightningModule"] = nn.Module
    vars(main)["instantiate_from_config"] = lambda _: nn.Module()
    monkeypatch.setitem(sys.modules, "pytorch_lightning", lightning)
    monkeypatch.setitem(sys.modules, "taming.main", main)
    import taming.modules.diffusionmodules.model as diffusion

    # Our module replaces this function by a faster one; theirs must be as published.
    published = lambda x: x * torch.sigmoid(x)  # noqa: E731
    monkeypatch.setattr(diffusion, "nonlinearity", published)
    yield importlib.import_module("taming.models.vqgan")
    for name in ("taming.models.vqgan", "taming.models"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("kind", KINDS)
def test_our_vqmodel_is_tamings_same_weights_same_outputs_and_gradients(tamings_vqgan, kind):
    params = vqgan_config(kind)["model"]["params"]
    params.pop("monitor")
    theirs = getattr(tamings_vqgan, kind)(**copy.deepcopy(params)).double()
    state = vqgan_state(kind)
    theirs.load_state_dict({k: v for k, v in state.items() if not k.startswith("loss.")})
    pixels = torch.rand(2, 3, 32, 32, dtype=torch.float64) * 2 - 1
    direction = torch.randn_like(pixels)

    def run(model):
        given = pixels.clone().requires_grad_()
        torch.manual_seed(3)  # Gumbel's encoder draws random numbers
        zq, loss, *_ = model.encode(given)
        painted = model.decode(zq)
        ((painted * direction).sum() + loss).backward()
        return zq, loss, painted, given.grad, {n: p.grad for n, p in model.named_parameters()}

    theirs_gave = run(theirs)
    ours = VQModel(DDCONFIG, CODES, WIDTH, gumbel=kind == "GumbelVQ").double()
    ours.load_state_dict({k: v for k, v in state.items() if not k.startswith("loss.")})
    ours_gave = run(ours)
    assert theirs_gave[3].abs().max() > 0
    for mine, its in zip(ours_gave[:4], theirs_gave[:4], strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-9, atol=1e-10)
    assert set(ours_gave[4]) == set(theirs_gave[4])
    for name, gradient in theirs_gave[4].items():
        torch.testing.assert_close(ours_gave[4][name], gradient, rtol=1e-8, atol=1e-9, msg=name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("net2net", [False, True])
def test_a_generator_in_each_published_format_encodes_and_decodes(tmp_path, kind, net2net):
    checkpoint, config = write_vqgan(tmp_path, kind, net2net=net2net)
    generator = build_generator(read_tensors(checkpoint), read_config(config))
    assert (generator.factor, generator.resolution) == (2, 32)
    assert generator.codebook.shape == (CODES, WIDTH)
    assert generator.gumbel == (kind == "GumbelVQ")
    assert not generator.training
    assert not any(parameter.requires_grad for parameter in generator.parameters())
    picture = torch.rand(2, 3, 32, 48)
    codes = generator.encode(picture)
    assert codes.shape == (2, 16 * 24)
    assert len(codes.unique()) > 1
    painted = generator.decode(generator.embed(codes, 16, 24))
    assert painted.shape == picture.shape
    plain = VQModel(DDCONFIG, CODES, WIDTH, gumbel=kind == "GumbelVQ").eval()
    state = vqgan_state(kind)
    plain.load_state_dict({k: v for k, v in state.items() if not k.startswith("loss.")})
    zq = state[f"quantize.{'embed' if generator.gumbel else 'embedding'}.weight"][codes]
    expected = plain.decode(zq.transpose(1, 2).unflatten(2, (16, 24)))
    torch.testing.assert_close(painted, (expected.detach() + 1) / 2, rtol=1e-5, atol=1e-5)


def test_the_weights_are_a_copy_that_outlives_the_file(tmp_path):
    checkpoint, config = write_vqgan(tmp_path)
    generator = build_generator(read_tensors(checkpoint), read_config(config))
    before = generator.codebook.clone()
    with checkpoint.open("r+b") as file:  # as another program might, mapped or not
        file.write(bytes(checkpoint.stat().st_size))
    assert torch.equal(generator.codebook, before)


def test_half_precision_weights_become_float32():
    state = {name: tensor.half() for name, tensor in vqgan_state().items()}
    generator = build_generator(state, vqgan_config())
    assert {p.dtype for p in generator.parameters()} == {torch.float32}
    assert torch.equal(generator.codebook, state["quantize.embedding.weight"].float())


@pytest.mark.parametrize("kind", ["ViT", "RN"])
@pytest.mark.parametrize("write", [write_clip, write_clip_archive])
def test_a_perceptor_in_each_published_format_sees_and_reads_as_clip_does(tmp_path, kind, write):
    perceptor = build_perceptor(read_tensors(write(tmp_path / "clip.pt", kind)))
    state = dict(clip_state(kind))
    reference = clip_model().build_model(state).float()
    pictures = torch.rand(3, 3, 32, 32)
    normalised = (pictures - perceptor.mean) / perceptor.std
    with torch.no_grad():
        seen = reference.encode_image(normalised)
        read = reference.encode_text(torch.stack([perceptor.tokenize(t).ids for t in "ab"]))
    assert perceptor.resolution == 32
    assert perceptor.vocabulary.known is None
    assert {p.dtype for p in perceptor.parameters()} == {torch.float32}
    assert not perceptor.training
    torch.testing.assert_close(perceptor.encode_image(pictures), nn.functional.normalize(seen))
    torch.testing.assert_close(perceptor.encode_text(["a", "b"]), nn.functional.normalize(read))
    assert not torch.allclose(seen[0], seen[1])


def test_an_embedding_of_some_rows_is_expanded_and_marks_known_words():
    tokenizer = clip_tokenizer()
    whole = clip_state()
    words = "a red square on blue"
    rows = sorted({*tokenizer.encode(words), 49406, 49407})
    few = whole | {
        "token_embedding.weight": whole["token_embedding.weight"][rows],
        "token_embedding.rows": torch.tensor(rows, dtype=torch.int32),
    }
    perceptor = build_perceptor(few)
    assert perceptor.vocabulary.known == frozenset(rows)
    assert perceptor.tokenize("a red zebra").unknown == ("zebra",)
    torch.testing.assert_close(
        perceptor.encode_text([words]), build_perceptor(whole).encode_text([words])
    )


@pytest.mark.parametrize("rows", [[1, 1], [1, 49408], [-1, 3], [1], [1, 2, 3]])
def test_rows_that_do_not_match_the_embedding_are_refused(rows):
    state = clip_state()
    state["token_embedding.weight"] = state["token_embedding.weight"][:2]
    state["token_embedding.rows"] = torch.tensor(rows)
    with pytest.raises(CheckpointError, match=r"token_embedding\.rows"):
        build_perceptor(state)


def without(state, *names):
    return {name: tensor for name, tensor in state.items() if name not in names}


def test_a_generator_that_does_not_fit_its_yaml_is_refused_with_names():
    state = vqgan_state()
    with pytest.raises(CheckpointError, match=r"doesn't have decoder\.conv_in\.bias\."):
        build_generator(without(state, "decoder.conv_in.bias"), vqgan_config())
    with pytest.raises(CheckpointError, match=r"describes a GumbelVQ, .* is a VQModel; use"):
        build_generator(state, vqgan_config("GumbelVQ"))
    with pytest.raises(CheckpointError, match=r"it also has encoder\.extra"):
        build_generator(state | {"encoder.extra": torch.ones(1)}, vqgan_config())
    wide = vqgan_config()
    wide["model"]["params"]["n_embed"] = 41
    with pytest.raises(
        CheckpointError, match=r"says n_embed 41, and the checkpoint has n_embed 40"
    ):
        build_generator(state, wide)
    reshaped = state | {"quant_conv.bias": torch.zeros(33)}
    with pytest.raises(CheckpointError, match=r"quant_conv\.bias is \[33\], not \[32\]"):
        build_generator(reshaped, vqgan_config())
    with pytest.raises(CheckpointError, match=r"numbers in quant_conv\.bias that are not finite"):
        build_generator(state | {"quant_conv.bias": torch.full((32,), torch.nan)}, vqgan_config())
    with pytest.raises(CheckpointError, match="checkpoint is a CLIP; a generator's"):
        build_generator(clip_state(), vqgan_config())
    with pytest.raises(CheckpointError, match=r"doesn't have .* and \d+ more"):
        build_generator({"weight": torch.ones(3)}, vqgan_config())


def test_a_perceptor_that_is_not_a_clip_is_refused_with_names():
    state = clip_state()
    with pytest.raises(CheckpointError, match="is a VQGAN; a perceptor's checkpoint must be"):
        build_perceptor(vqgan_state())
    with pytest.raises(CheckpointError, match=r"doesn't have token_embedding\.weight"):
        build_perceptor(without(state, "token_embedding.weight"))
    with pytest.raises(CheckpointError, match=r"doesn't have ln_final\.weight"):
        build_perceptor(without(state, "ln_final.weight"))
    with pytest.raises(CheckpointError, match="vocabulary has 100 entries"):
        build_perceptor(state | {"token_embedding.weight": torch.zeros(100, 64)})
    with pytest.raises(CheckpointError, match="its widths 64 and 193 can't be divided"):
        build_perceptor(state | {"token_embedding.weight": torch.zeros(49408, 193)})
    with pytest.raises(CheckpointError, match="are not a square number plus one"):
        build_perceptor(state | {"visual.positional_embedding": torch.zeros(4, 64)})
    with pytest.raises(CheckpointError, match=r"positional_embedding is \[77\]"):
        build_perceptor(state | {"positional_embedding": torch.zeros(77)})


def test_a_perceptor_can_have_any_width_of_equal_heads():
    clip = new_clip(
        embed_dim=24,
        resolution=16,
        patch=8,
        vision_width=144,
        vision_layers=1,
        text_width=136,
        text_layers=1,
        context_length=16,
    )
    built = build_perceptor(clip.state_dict(), AS_OPENAI_MAKES_IT)
    own = ClipPerceptor(clip).eval()
    pictures = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(built.encode_image(pictures), own.encode_image(pictures))
    torch.testing.assert_close(built.encode_text(["a fox"]), own.encode_text(["a fox"]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ch": 33}, "multiple of 32"),
        ({"ch": "many"}, "`ch` must be a whole number"),
        ({"ch_mult": []}, "multiple of 32"),
        ({"ch_mult": 4}, "`ch_mult` must be a list"),
        ({"num_res_blocks": 10**9}, "`num_res_blocks` must be a whole number between 1 and 64"),
        ({"in_channels": 1}, "RGB"),
        ({"z_channels": None}, "`z_channels`"),
    ],
)
def test_a_yaml_with_impossible_numbers_is_refused(change, says):
    config = vqgan_config()
    config["model"]["params"]["ddconfig"] = DDCONFIG | change
    with pytest.raises(CheckpointError, match=says):
        build_generator(vqgan_state(), config)


def test_a_yaml_of_something_else_is_refused(tmp_path):
    other = net2net_config()
    other["model"]["params"]["first_stage_config"]["target"] = "taming.models.x.KLModel"
    with pytest.raises(CheckpointError, match="describes `KLModel`"):
        build_generator(vqgan_state(), other)
    with pytest.raises(CheckpointError, match="no `model:`"):
        build_generator(vqgan_state(), {"data": {}})
    path = tmp_path / "model.yaml"
    for text, says in (
        ("<html>gone</html>", "web page"),
        ("a: [", "not a yaml file"),
        ("3", "no `model"),
        ("!!python/object/apply:os.mkdir ['x']", "not a yaml file"),
    ):
        path.write_text(text)
        with pytest.raises(CheckpointError, match=says):
            read_config(path)
    with pytest.raises(CheckpointError, match="can't be read"):
        read_config(tmp_path / "nowhere.yaml")


def test_building_draws_no_random_number():
    """Weights that are overwritten are not initialised."""
    generator_state, perceptor_state = vqgan_state(), clip_state("RN")
    before = torch.get_rng_state()
    build_generator(generator_state, vqgan_config())
    build_perceptor(perceptor_state)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_latent_scale_changes_no_picture_and_no_code(kind, tmp_path):
    checkpoint, config = write_vqgan(tmp_path, kind)
    files = {"checkpoint": checkpoint, "config": config}
    plain, scaled = build_vqgan(files, {}), build_vqgan(files, {"latent_scale": 8})
    assert plain.scale == pytest.approx(8 * scaled.scale)
    picture = torch.rand(1, 3, 32, 32)
    codes = plain.encode(picture)
    assert torch.equal(codes, scaled.encode(picture))
    painted = [each.decode(each.embed(codes, 16, 16)) for each in (plain, scaled)]
    assert torch.equal(*painted)  # a power of two changes no bit


def test_a_latent_scale_of_any_number_changes_no_picture_but_in_rounding(tmp_path):
    checkpoint, config = write_vqgan(tmp_path)
    files = {"checkpoint": checkpoint, "config": config}
    plain, scaled = build_vqgan(files, {}), build_vqgan(files, {"latent_scale": 3.7})
    codes = torch.arange(16)[None]
    torch.testing.assert_close(*(each.decode(each.embed(codes, 4, 4)) for each in (plain, scaled)))


@pytest.mark.parametrize("value", ["large", 0, -1, True])
def test_an_invalid_latent_scale_is_refused(value, tmp_path):
    checkpoint, config = write_vqgan(tmp_path)
    with pytest.raises(ModelError, match="latent_scale"):
        build_vqgan({"checkpoint": checkpoint, "config": config}, {"latent_scale": value})
