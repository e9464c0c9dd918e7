"""OpenCLIP's models that run in OpenCLIP's own code."""

import copy
import json
import sys
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import CheckpointError, InstallationError, ModelError
from engine.models import packages
from engine.models.catalogue import load_catalogue
from engine.models.kinds import PERCEPTORS
from engine.models.perceptor_recognition import recognise_perceptor
from engine.models.perceptors.open_clip import OpenClipPerceptor
from engine.models.perceptors.picture_tower import PictureResNet, PictureTransformer
from tests.engine.models.libraries import assert_same_tower, open_clip, piece_packages, transformers
from tests.engine.models.perceptor_files import check_paints, t5_tokenizer

TEXT = {"context_length": 10, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
VIT = {"image_size": 32, "layers": 2, "width": 64, "patch_size": 16, "head_width": 16}
OWN_TOKENIZER = {"vocab_size": 40, "hf_tokenizer_name": "facebook/xlm-v-base"}
# As in OpenCLIP's model_configs: ConvNeXt, CoCa, CLIPA, ViT-*-worldwide, EVA's text tower.
CONFIGS: dict[str, dict[str, Any]] = {
    "ConvNeXt": {
        "vision_cfg": {
            "timm_model_name": "convnext_atto",
            "timm_pool": "",
            "timm_proj": "linear",
            "image_size": 64,
        },
        "text_cfg": TEXT,
    },
    "CoCa": {
        "custom_text": True,
        "vision_cfg": VIT
        | {"attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True},
        "text_cfg": TEXT | {"embed_cls": True, "output_tokens": True},
        "multimodal_cfg": TEXT | {"attn_pooler_heads": 2},
    },
    "CLIPA": {
        "vision_cfg": VIT | {"no_ln_pre": True, "pool_type": "avg", "final_ln_after_pool": True},
        "text_cfg": TEXT
        | OWN_TOKENIZER
        | {"pool_type": "last", "no_causal_mask": True, "tokenizer_kwargs": {"clean": "lower"}},
    },
    "worldwide": {
        "quick_gelu": True,
        "vision_cfg": VIT,
        "text_cfg": TEXT | OWN_TOKENIZER | {"pool_type": "eos", "eos_id": 1},
    },
    "ResNet": {
        "custom_text": True,
        "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 16, "head_width": 64},
        "text_cfg": TEXT | {"no_causal_mask": True},
    },
}
PREPROCESSING = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25], "interpolation": "bilinear"}
TOWERS = {"worldwide": PictureTransformer, "ResNet": PictureResNet}


def model_of(config):
    """OpenCLIP's model with random weights, and the batch norms of a trained one."""
    package, own = open_clip(), copy.deepcopy(config)
    kind = package.CLIP
    if own.pop("custom_text", False):
        kind = package.CoCa if "multimodal_cfg" in own else package.CustomTextCLIP
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        model = kind(embed_dim=24, **own).eval().requires_grad_(False)
        for name, tensor in model.state_dict().items():
            if "norm" in name or ".bn" in name or ".ln_" in name or name.endswith(".gamma"):
                tensor.copy_(torch.rand(tensor.shape) / 2 + 0.5)
            elif name == "text_decoder.text_projection":  # OpenCLIP leaves a CoCa's unset
                tensor.normal_()
    return model


def write(folder, config, **files):
    model = model_of(config)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    whole = {"model_cfg": {"embed_dim": 24, **config}, "preprocess_cfg": PREPROCESSING}
    said = {"pad_token": "<pad>", "sep_token": "</s>"}
    files = {
        "open_clip_config.json": whole,
        "tokenizer.json": t5_tokenizer(),
        "tokenizer_config.json": said,
        **files,
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return model


def load(path, settings=None):
    piece_packages()
    found = recognise_perceptor(path)
    assert found.kind == "open-clip"
    return PERCEPTORS[found.kind].build(found.files, settings or {})


def pooled(tower):
    """``tower`` without CoCa's tokens."""

    def vector(pictures):
        seen = tower(pictures)
        return seen[0] if isinstance(seen, tuple) else seen

    return vector


@pytest.mark.parametrize("name", CONFIGS)
def test_vectors_and_gradients_are_openclip_s_and_it_paints(tmp_path, name):
    theirs = write(tmp_path, CONFIGS[name])
    perceptor = load(tmp_path)
    assert isinstance(perceptor, OpenClipPerceptor)
    side = CONFIGS[name]["vision_cfg"]["image_size"]
    assert perceptor.resolution == side
    assert perceptor.interpolation == "bilinear"
    assert perceptor.mean.flatten().tolist() == pytest.approx(PREPROCESSING["mean"])
    tower = perceptor.model.visual
    assert isinstance(tower, TOWERS.get(name, type(theirs.visual)))
    assert_same_tower(pooled(tower), pooled(theirs.visual), side)
    ids = torch.stack([perceptor.tokenize(text).ids for text in ("a red fox", "the sea!")])
    read = torch.nn.functional.normalize(theirs.encode_text(ids), dim=-1)
    torch.testing.assert_close(perceptor.encode_tokens(ids), read, atol=1e-5, rtol=1e-4)
    assert perceptor.scale == pytest.approx(theirs.logit_scale.exp().item())
    check_paints(perceptor)


def test_add_recognises_its_folder_and_check_paints_with_it(command, tmp_path):
    piece_packages()
    write(tmp_path / "theirs", CONFIGS["worldwide"])
    given = ("--generator", "pixels", "--perceptor", tmp_path / "theirs")
    code, _, err = command("add", "mine", *given)
    assert code == 0, err
    files = load_catalogue().model("mine").perceptor.files
    assert set(files) == {"checkpoint", "config", "tokenizer", "tokenizer_config"}
    assert all(source.sha256 for source in files.values())
    assert command("check", "mine")[:2] == (0, "mine: OK\n")
    assert "perceptor's kind: open-clip\n" in command("list", "mine")[1]


@pytest.mark.slow  # transformers' tokenizers take 1.5 s to import
@pytest.mark.parametrize("strip", [False, True])
def test_rows_of_tokens_are_those_of_openclip_s_tokenizer(tmp_path, strip):
    piece_packages()
    transformers("models.auto.tokenization_auto")
    kwargs = {"clean": "canonicalize", "strip_sep_token": strip}
    config = copy.deepcopy(CONFIGS["worldwide"])
    config["text_cfg"]["tokenizer_kwargs"] = kwargs
    said = {"pad_token": "<pad>", "sep_token": "</s>", "unk_token": "<unk>"}
    said["tokenizer_class"] = "PreTrainedTokenizerFast"
    write(tmp_path, config, **{"tokenizer_config.json": said})
    perceptor = load(tmp_path)
    theirs = open_clip().tokenizer.HFTokenizer(str(tmp_path), context_length=10, **kwargs)
    for text in ("a red fox", "The_fox, the (red) FOX!", "", "fox " * 20, "a &amp; fox\n\n the"):
        assert torch.equal(perceptor.tokenize(text).ids, theirs(text)[0]), text


def test_the_package_is_imported_without_torchvision_and_only_for_its_models():
    open_clip()
    assert "torchvision" not in sys.modules


def test_without_the_package_it_says_which_extra_to_install(tmp_path, monkeypatch):
    write(tmp_path, CONFIGS["ConvNeXt"])
    packages.open_clip_package.cache_clear()
    monkeypatch.setitem(sys.modules, "open_clip", None)  # importing it fails
    with pytest.raises(InstallationError, match=r"pip install 'imagine-bot\[open-clip\]'"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("text_cfg", "hf_model_name"), "roberta-base", r"doesn't have text\.transformer\.embed"),
        (("vision_cfg", "timm_model_name"), "convnext_none", r"can't make a model .*convnext_none"),
        (("vision_cfg", "depth"), 3, r"can't make a model of the config \(.*depth"),
        (("text_cfg", "width"), 48, r"is \[10, 32\], not \[10, 48\]"),
        (("text_cfg", "tokenizer_mode"), "clips", "settings that are not known here: clips"),
        (("text_cfg", "tokenizer_kwargs"), {"language": "en"}, "not known here: language"),
    ],
)
def test_a_config_that_can_t_be_used_is_refused_with_a_sentence(tmp_path, place, value, says):
    write(tmp_path, CONFIGS["ConvNeXt"])
    file = tmp_path / "open_clip_config.json"
    config = json.loads(file.read_text())
    config["model_cfg"][place[0]][place[1]] = value
    file.write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=says):
        load(tmp_path)


def test_what_a_config_leaves_open_is_asked_for(tmp_path):
    write(tmp_path, CONFIGS["worldwide"])
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"xlm-v-base: put its tokenizer\.json"):
        load(tmp_path)
    file = tmp_path / "open_clip_config.json"
    file.write_text(json.dumps({"embed_dim": 24, **CONFIGS["ConvNeXt"]}))
    write(tmp_path / "other", CONFIGS["ConvNeXt"])
    (tmp_path / "other" / file.name).write_text(file.read_text())
    with pytest.raises(CheckpointError, match=r"no `preprocess_cfg`.* set `normalisation`"):
        load(tmp_path / "other")
    perceptor = load(tmp_path / "other", {"normalisation": "inception"})
    assert perceptor.mean.flatten().tolist() == [0.5] * 3
    with pytest.raises(ModelError, match="no setting `architecture`"):
        load(tmp_path / "other", {"architecture": "openai"})


def test_a_broken_file_is_refused_with_a_sentence(tmp_path):
    write(tmp_path, CONFIGS["ConvNeXt"])
    weights = tmp_path / "open_clip_model.safetensors"
    state = load_file(weights)
    save_file({k: v for k, v in state.items() if "stem" not in k}, weights)
    with pytest.raises(CheckpointError, match=r"doesn't have visual\.trunk\.stem"):
        load(tmp_path)
    save_file(state | {"logit_scale": torch.tensor(torch.nan)}, weights)
    with pytest.raises(CheckpointError, match="not finite"):
        load(tmp_path)
