"""Folders of Hugging Face's transformers: their config.json, names of weights, preprocessing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from engine.errors import CheckpointError
from engine.models.kernels.perceptron import Gelu
from engine.models.perceptors.config_files import check_heads, read_json, three_numbers

_GELUS = {"gelu": "none", "gelu_pytorch_tanh": "tanh", "quick_gelu": "quick"}
_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers
# Of both towers and of all layers; what is in front of them is each model's own.
_LAYERS = (
    (re.compile(r"^(vision|text)_model\.encoder\.layers\."), r"\1_model.transformer.resblocks."),
    (re.compile(r"\.layer_norm([12])\."), r".ln_\1."),
    (re.compile(r"\.self_attn\."), ".attn."),
    (re.compile(r"\.mlp\.fc1\."), ".mlp.c_fc."),
    (re.compile(r"\.mlp\.fc2\."), ".mlp.c_proj."),
)
_QUERIES = re.compile(r"\.q_proj\.(weight|bias)$")


def read_config(path: Path, types: Sequence[str]) -> dict[str, Any]:
    """A config.json whose ``model_type`` is one of ``types``, with both towers' configs.

    Raises CheckpointError for another one.
    """
    config = read_json(path)
    towers = [config.setdefault(f"{tower}_config", {}) for tower in ("vision", "text")]
    if config.get("model_type") not in types or not all(isinstance(each, dict) for each in towers):
        raise CheckpointError(
            "{path} is the config of {kind}; it must be that of {types}, as it was published with "
            "the checkpoint.",
            path=path,
            kind=repr(config.get("model_type")),
            types=" or ".join(types),
        )
    return config


def gelu_of(tower: Mapping[str, Any], usual: str) -> Gelu:
    """The activation of a tower's config, ``usual`` if it says none."""
    name = tower.get("hidden_act", usual)
    if name not in _GELUS:
        raise CheckpointError(
            "The config has the activation {name}; only {names} are known.",
            name=repr(name),
            names=", ".join(_GELUS),
        )
    return cast("Gelu", _GELUS[name])


def heads_of(tower: Mapping[str, Any], usual: int, width: int) -> int:
    """The number of attention heads in a tower's config, ``usual`` if it says none."""
    heads = tower.get("num_attention_heads", usual)
    check_heads(width, heads)
    return int(heads)


def epsilon_of(tower: Mapping[str, Any], usual: float) -> float:
    """The epsilon of a tower's layer norms, ``usual`` if its config says none."""
    return float(tower.get("layer_norm_eps", usual))


def read_preprocessor(
    path: Path,
) -> tuple[tuple[float, ...], tuple[float, ...], str]:
    """The mean, the standard deviation and the interpolation in a preprocessor_config.json."""
    found = read_json(path)
    mean, std = (three_numbers(found.get(name), name) for name in ("image_mean", "image_std"))
    return mean, std, _INTERPOLATIONS.get(found.get("resample", 3), "bicubic")


def openai_layers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``tensors`` with the layers named and joined as in OpenAI's CLIP.

    The towers stay under ``vision_model.`` and ``text_model.``.
    """
    named: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith(".position_ids"):
            continue
        for pattern, replacement in _LAYERS:
            name = pattern.sub(replacement, name)  # noqa: PLW2901  # one step after the other
        named[name] = tensor
    for name in [name for name in named if _QUERIES.search(name)]:
        each = [name.replace(".q_proj.", f".{part}_proj.") for part in "qkv"]
        if all(part in named for part in each):
            joined = torch.cat([named.pop(part) for part in each])
            named[_QUERIES.sub(r".in_proj_\1", name)] = joined
    return named


def renamed(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """``tensors`` with the beginnings of their names replaced by ``names``."""
    result: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        old = next((old for old in names if name.startswith(old)), "")
        result[names.get(old, "") + name.removeprefix(old)] = tensor
    return result
