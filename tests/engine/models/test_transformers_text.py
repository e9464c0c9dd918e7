"""OpenCLIP's models whose text tower is a RoBERTa or an mT5, next to OpenCLIP's own code."""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import CheckpointError, InstallationError
from engine.models import packages
from engine.models.kinds import PERCEPTORS
from engine.models.perceptor_recognition import recognise_perceptor
from engine.models.perceptors.open_clip import OpenClipPerceptor
from engine.models.stand_in import training_packages_replaced
from tests.engine.models.libraries import open_clip, piece_packages, transformers
from tests.engine.models.perceptor_files import check_paints, t5_tokenizer

WIDTH = 24  # of the vectors, and divisible by the 12 heads of the published networks
VISION = {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16}
PREPROCESSING = {"mean": [0.5] * 3, "std": [0.5] * 3}
# What the published configs of roberta-base, xlm-roberta-base and google/mt5-base say, in small.
ROBERTA = {
    "vocab_size": 40,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 12,
    "intermediate_size": 32,
    "max_position_embeddings": 20,
    "layer_norm_eps": 1e-05,
    "pad_token_id": 1,
}
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "roberta-base": ("RobertaConfig", ROBERTA | {"type_vocab_size": 1}),
    "xlm-roberta-base": ("XLMRobertaConfig", ROBERTA | {"type_vocab_size": 1}),
    "google/mt5-base": (
        "MT5Config",
        {
            "vocab_size": 40,
            "d_model": 32,
            "d_kv": 4,
            "d_ff": 48,
            "num_layers": 2,
            "num_heads": 4,
            "feed_forward_proj": "gated-gelu",
            "layer_norm_epsilon": 1e-06,
        },
    ),
}


def hf_model() -> Any:
    """OpenCLIP's ``hf_model``, as it is where transformers is installed."""
    transformers("models.auto")
    alias = "open_clip.hf_model_as_published"
    if alias in sys.modules:
        return sys.modules[alias]
    package = open_clip()
    path = Path(package.__file__).with_name("hf_model.py")
    spec = importlib.util.spec_from_file_location(alias, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module
    with training_packages_replaced(hidden=()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec.loader.exec_module(module)
    return module


def published(monkeypatch: Any, name: str, projection: str | None) -> Any:
    """OpenCLIP's text tower with small random weights; its config is not downloaded."""
    module = hf_model()
    kind, sizes = NETWORKS[name]
    with training_packages_replaced(hidden=()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = getattr(module.transformers, kind)(**sizes)
        monkeypatch.setattr(module.AutoConfig, "from_pretrained", lambda asked: config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            tower = module.HFTextEncoder(
                name, WIDTH, pooler_type="mean_pooler", proj_type=projection, pretrained=False
            )
            for weight in tower.parameters():
                weight.data = torch.randn(weight.shape) * 0.3
    return tower.eval()


def write(folder: Path, name: str, tower: Any, projection: str | None = "mlp", **text: Any) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        own = {"context_length": 8, "vocab_size": 40, "width": 8, "heads": 1, "layers": 1}
        model = open_clip().CustomTextCLIP(embed_dim=WIDTH, vision_cfg=VISION, text_cfg=own)
    model.text = tower
    tensors = {key: each.contiguous().clone() for key, each in model.state_dict().items()}
    # Older versions of transformers saved it.
    tensors["text.transformer.embeddings.position_ids"] = torch.arange(20)[None]
    save_file(tensors, folder / "open_clip_model.safetensors")
    said = {
        "hf_model_name": name,
        "hf_tokenizer_name": name,
        "hf_proj_type": projection,
        "hf_pooler_type": "mean_pooler",
        "context_length": 12,
        **text,
    }
    config = {
        "model_cfg": {
            "embed_dim": WIDTH,
            "vision_cfg": VISION,
            "text_cfg": said,
        },
        "preprocess_cfg": PREPROCESSING,
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps(t5_tokenizer()))
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": "<pad>"}))
    return folder


def load(folder: Path) -> OpenClipPerceptor:
    piece_packages()
    found = recognise_perceptor(folder)
    assert found.kind == "open-clip"
    perceptor = PERCEPTORS[found.kind].build(found.files, {})
    assert isinstance(perceptor, OpenClipPerceptor)
    return perceptor


@pytest.mark.slow  # importing transformers takes seconds
@pytest.mark.parametrize(
    ("name", "projection"),
    [("roberta-base", "mlp"), ("xlm-roberta-base", None), ("google/mt5-base", "linear")],
)
def test_vectors_are_openclip_s_and_it_paints(tmp_path, monkeypatch, name, projection):
    theirs = published(monkeypatch, name, projection)
    perceptor = load(write(tmp_path, name, theirs, projection))
    pad = theirs.config.pad_token_id
    rows = torch.tensor([[2, 5, 9, 30, 3, 4], [7, 6, 3, pad, pad, pad]])
    expected = torch.nn.functional.normalize(theirs(rows), dim=-1).detach()
    assert (expected[0] - expected[1]).abs().max() > 0.01
    torch.testing.assert_close(perceptor.encode_tokens(rows), expected, atol=1e-5, rtol=1e-4)
    check_paints(perceptor)


@pytest.mark.slow
def test_what_cannot_be_built_is_refused_with_a_sentence(tmp_path, monkeypatch):
    theirs = published(monkeypatch, "roberta-base", "mlp")
    for text, says in (
        ({"hf_model_name": "facebook/nllb-200-distilled-600M"}, "of those only roberta-base, "),
        ({"hf_pooler_type": "cls_pooler"}, "by 'cls_pooler', which is not known here"),
        ({"hf_proj_type": "cubic"}, "a projection of the kind 'cubic' from 24 to 24"),
        ({"hf_model_name": "google/mt5-base"}, r"doesn't have text\.transformer\.embed_tokens"),
        ({"hf_proj_type": "linear"}, r"it doesn't have text\.proj\.weight"),
    ):
        with pytest.raises(CheckpointError, match=says):
            load(write(tmp_path, "roberta-base", theirs, **text))
    checkpoint = write(tmp_path, "roberta-base", theirs) / "open_clip_model.safetensors"
    tensors = load_file(checkpoint)
    name = "text.transformer.encoder.layer.1.output.dense.weight"
    save_file({**tensors, name: tensors[name][:, :5].contiguous()}, checkpoint)
    with pytest.raises(CheckpointError, match=r"layer\.1\.output\.dense\.weight is \[24, 5\], not"):
        load(tmp_path)


@pytest.mark.slow
def test_without_transformers_it_says_which_extra_to_install(tmp_path, monkeypatch):
    folder = write(tmp_path, "roberta-base", published(monkeypatch, "roberta-base", "mlp"))
    packages.transformers_module.cache_clear()
    monkeypatch.setattr(packages, "importlib", _Without("transformers"))
    with pytest.raises(InstallationError, match=r"imagine-bot\[open-clip-text\]"):
        load(folder)
    packages.transformers_module.cache_clear()


class _Without:
    """``importlib`` where a package is missing."""

    def __init__(self, package: str) -> None:
        self.package = package

    def import_module(self, name: str) -> Any:
        if name.partition(".")[0] == self.package:
            raise ImportError(name)
        return importlib.import_module(name)
