"""Reads OpenCLIP's JSON: ``open_clip_config.json``, or a file of its ``model_configs``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import CheckpointError
from engine.models.packages import clip_tokenizer
from engine.models.perceptors.clip_architecture import (
    ClipArchitecture,
    normalisation,
    published_name,
)
from engine.models.perceptors.clip_sizes import ClipSizes
from engine.models.perceptors.config_files import check_heads, read_json, three_numbers

# Settings that don't change the vectors of our networks: sizes, compared with the weights, and
# what only training or other towers use.
_KNOWN = {
    "": (
        "embed_dim",
        "vision_cfg",
        "text_cfg",
        "quick_gelu",
        "init_logit_scale",
        "output_dict",
        "cast_dtype",
    ),
    "vision_cfg": (
        "layers",
        "width",
        "head_width",
        "mlp_ratio",
        "patch_size",
        "image_size",
        "patch_dropout",
        "output_tokens",
        "attn_pooler_queries",
        "attn_pooler_heads",
        "timm_pool",
        "timm_proj",
        "timm_drop",
    ),
    "text_cfg": (
        "context_length",
        "vocab_size",
        "width",
        "heads",
        "layers",
        "mlp_ratio",
        "pad_id",
        "bos_id",
        "eos_id",
        "output_tokens",
        "hf_model_pretrained",
        "hf_proj_type",
        "hf_pooler_type",
        "tiktoken_name",
    ),
}
# The values of other settings that mean what OpenAI's networks do.
_USUAL = ("tok", "argmax", "learnable", "default", "linear", "clip")


def read_open_clip_config(path: Path) -> dict[str, Any]:
    """The values of an OpenCLIP JSON file; raises CheckpointError for anything else."""
    config = read_json(path)
    model = config.get("model_cfg", config)
    if not isinstance(model, dict) or not all(
        isinstance(model.get(tower), dict) for tower in ("vision_cfg", "text_cfg")
    ):
        raise CheckpointError(
            "{path} has no `vision_cfg` and `text_cfg`; use the open_clip_config.json that was "
            "published with the checkpoint.",
            path=path,
        )
    return config


def configured_architecture(
    sizes: ClipSizes, config: Mapping[str, Any], stated_normalisation: str | None = None
) -> ClipArchitecture:
    """The architecture that an OpenCLIP config gives to the checkpoint of these sizes.

    ``stated_normalisation`` counts if the config has none, as in ``model_configs``. Raises
    CheckpointError if the config is another checkpoint's, or of other networks.
    """
    model = config.get("model_cfg", config)
    vision, text = model["vision_cfg"], model["text_cfg"]
    for name, value in _other_settings(model).items():
        raise CheckpointError(
            "The config has {name} = {value}, which OpenAI's networks don't have; this checkpoint "
            "is of the kind open-clip.",
            name=name,
            value=json.dumps(value),
        )
    # What OpenCLIP takes for a setting that a config doesn't have.
    vision = {"layers": 12, "width": 768, "patch_size": 16, "image_size": 224, **vision}
    text = {"context_length": 77, "width": 512, "heads": 8, "layers": 12, **text}
    _check_sizes(sizes, model, vision, text)
    inner = sizes.vision_width if sizes.patch else sizes.vision_width * 32
    head_width, text_heads = vision.get("head_width", 64), text["heads"]
    for width, heads in ((inner, head_width), (sizes.text_width, text_heads)):
        check_heads(width, heads)
    quick_gelu = bool(model.get("quick_gelu", False))
    mean, std, interpolation = read_preprocessing(config) or (
        *normalisation(published_name(sizes), quick_gelu, stated_normalisation),
        "bicubic",
    )
    return ClipArchitecture(inner // head_width, text_heads, quick_gelu, mean, std, interpolation)


def read_preprocessing(
    config: Mapping[str, Any],
) -> tuple[tuple[float, ...], tuple[float, ...], str] | None:
    """The mean, the standard deviation and the interpolation of pictures; None if it has none."""
    preprocess = config.get("preprocess_cfg")
    if not isinstance(preprocess, dict) or not {"mean", "std"} & preprocess.keys():
        return None
    mean, std = (three_numbers(preprocess.get(name), name) for name in ("mean", "std"))
    # Training can choose between several at random.
    bilinear = preprocess.get("interpolation") == "bilinear"
    return mean, std, "bilinear" if bilinear else "bicubic"


def is_in_openai_format(config: Mapping[str, Any]) -> bool:
    """Whether an OpenCLIP config is one of OpenAI's networks, with OpenAI's names of weights."""
    return not _other_settings(config.get("model_cfg", config))


def _other_settings(model: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a ``model_cfg`` that OpenAI's networks don't have."""
    places = {"": model, "vision_cfg": model["vision_cfg"], "text_cfg": model["text_cfg"]}
    return {
        f"{place}.{name}".lstrip("."): value
        for place, values in places.items()
        for name, value in values.items()
        if value and value not in _USUAL and name not in _KNOWN[place]
    }


def _check_sizes(
    sizes: ClipSizes, model: Mapping[str, Any], vision: Mapping[str, Any], text: Mapping[str, Any]
) -> None:
    layers, side = vision["layers"], vision["image_size"]
    rows: list[tuple[str, Any, Any]] = [
        ("embed_dim", model.get("embed_dim"), sizes.embed_dim),
        ("width", vision["width"], sizes.vision_width),
        ("layers", tuple(layers) if isinstance(layers, list) else layers, sizes.vision_layers),
        ("image_size", side[0] if isinstance(side, list) else side, sizes.resolution),
        ("text width", text["width"], sizes.text_width),
        ("text layers", text["layers"], sizes.text_layers),
        ("context_length", text["context_length"], sizes.context_length),
        ("vocab_size", text.get("vocab_size", 49408), len(clip_tokenizer().encoder)),
    ]
    if sizes.patch:
        rows.append(("patch_size", vision["patch_size"], sizes.patch))
    different = [(name, said, there) for name, said, there in rows if said != there]
    if different:
        raise CheckpointError(
            "The config is not this checkpoint's: it says {said}, and the checkpoint has "
            "{sizes}; use the one that was published with it.",
            said=", ".join(f"{name} {said}" for name, said, _ in different),
            sizes=", ".join(f"{name} {there}" for name, _, there in different),
        )
