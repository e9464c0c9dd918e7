"""What weights of a SigLIP don't show, from its config: heads, activation, normalisation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from engine.errors import CheckpointError
from engine.models.kernels.perceptron import Gelu
from engine.models.perceptors.config_files import check_heads
from engine.models.perceptors.open_clip_config import read_preprocessing
from engine.models.perceptors.siglip.networks import SiglipSizes, TowerSizes
from engine.models.perceptors.transformers_files import epsilon_of, gelu_of, heads_of

# timm's picture towers with a MAP head, and what their names say: heads and activation.
_TIMM: dict[str, tuple[int, Gelu]] = {
    **dict.fromkeys((f"base_patch16_siglip_{side}" for side in (224, 256, 384, 512)), (12, "none")),
    **dict.fromkeys((f"large_patch16_siglip_{side}" for side in (256, 384)), (16, "none")),
    **dict.fromkeys((f"so400m_patch14_siglip_{side}" for side in (224, 378, 384)), (16, "none")),
    "base_patch32_siglip_256": (12, "tanh"),
    "large_patch16_siglip_512": (16, "tanh"),
    **dict.fromkeys((f"so400m_patch16_siglip_{side}" for side in (256, 384, 512)), (16, "tanh")),
    **dict.fromkeys((f"giantopt_patch16_siglip_{side}" for side in (256, 384)), (16, "tanh")),
}
# What transformers takes for a setting that a config doesn't have.
_HEADS, _GELU, _EPSILON = 12, "gelu_pytorch_tanh", 1e-6


@dataclass(frozen=True)
class SiglipConfig:
    """What is missing in the weights.

    ``cleaning`` is how texts are cleaned before they are split, None if the tokenizer says it;
    ``resolution`` is None if it is the patches' whole area.
    """

    heads: tuple[int, int]
    gelus: tuple[Gelu, Gelu]
    epsilons: tuple[float, float]
    cleaning: str | None = None
    resolution: int | None = None
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    interpolation: str = "bicubic"


def is_siglip(open_clip: Mapping[str, Any]) -> bool:
    """Whether an OpenCLIP config is a SigLIP's."""
    model = open_clip.get("model_cfg", open_clip)
    vision, text = model["vision_cfg"], model["text_cfg"]
    return (
        str(vision.get("timm_model_name")).removeprefix("vit_") in _TIMM
        and vision.get("timm_pool") == "map"
        and vision.get("timm_proj") == "none"
        and text.get("pool_type") == "last"
        and text.get("no_causal_mask") is True
        and "hf_model_name" not in text
    )


def from_open_clip(config: Mapping[str, Any]) -> SiglipConfig:
    """Of an OpenCLIP config; raises CheckpointError if it is not a SigLIP's."""
    if not is_siglip(config):
        raise CheckpointError(
            "The config is not a SigLIP's: its picture tower must be one of timm's with a MAP "
            "head, its text tower one that reads the last token."
        )
    model = config.get("model_cfg", config)
    vision, text = model["vision_cfg"], model["text_cfg"]
    heads, gelu = _TIMM[vision["timm_model_name"].removeprefix("vit_")]
    tanh = (text.get("act_kwargs") or {}).get("approximate") == "tanh"
    mean, std, interpolation = read_preprocessing(config) or (
        SiglipConfig.mean,
        SiglipConfig.std,
        SiglipConfig.interpolation,
    )
    size = vision.get("image_size")
    return SiglipConfig(
        (heads, text.get("heads", 8)),
        (gelu, "tanh" if tanh else "none"),
        (1e-6, float((text.get("norm_kwargs") or {}).get("eps", 1e-5))),
        (text.get("tokenizer_kwargs") or {}).get("clean", "whitespace"),
        size[0] if isinstance(size, list) else size,
        mean,
        std,
        interpolation,
    )


def from_transformers(config: Mapping[str, Any], widths: tuple[int, int]) -> SiglipConfig:
    """Of a config.json; ``widths`` are those of the picture and the text tower."""
    towers = config["vision_config"], config["text_config"]
    if towers[0].get("vision_use_head") is False:
        raise CheckpointError("The config is that of a SigLIP without a MAP head.")
    heads = [heads_of(tower, _HEADS, width) for tower, width in zip(towers, widths, strict=True)]
    return SiglipConfig(
        (heads[0], heads[1]),
        (gelu_of(towers[0], _GELU), gelu_of(towers[1], _GELU)),
        (epsilon_of(towers[0], _EPSILON), epsilon_of(towers[1], _EPSILON)),
        resolution=towers[0].get("image_size"),
    )


def widths(tensors: Mapping[str, Tensor]) -> tuple[int, int]:
    """The widths of the picture and the text tower."""
    return (
        of_rank(tensors, "visual.conv1.weight", 4).shape[0],
        of_rank(tensors, "text.token_embedding.weight", 2).shape[1],
    )


def sizes_of(tensors: Mapping[str, Tensor], config: SiglipConfig) -> SiglipSizes:
    """All sizes; raises CheckpointError for tensors of another network, or another config."""
    vocabulary = of_rank(tensors, "text.token_embedding.weight", 2).shape[0]
    patch = of_rank(tensors, "visual.conv1.weight", 4).shape[-1]
    towers = [
        _tower(tensors, part, width, i, config)
        for i, (part, width) in enumerate(zip(("visual", "text"), widths(tensors), strict=True))
    ]
    side = math.isqrt(towers[0].length)
    resolution = patch * side if config.resolution is None else config.resolution
    if side**2 != towers[0].length or resolution // patch != side:
        raise CheckpointError(
            "The config is not this checkpoint's: it says {said}, and the checkpoint has {sizes}; "
            "use the one that was published with it.",
            said=f"image_size {resolution}",
            sizes=f"{towers[0].length} patches of {patch} pixels",
        )
    width = of_rank(tensors, "text.text_projection.weight", 2).shape[0]
    return SiglipSizes(towers[0], towers[1], patch, resolution, vocabulary, width)


def _tower(
    tensors: Mapping[str, Tensor], part: str, width: int, index: int, config: SiglipConfig
) -> TowerSizes:
    layers = f"{part}.transformer.resblocks."
    check_heads(width, config.heads[index])
    return TowerSizes(
        width,
        len({name[len(layers) :].split(".")[0] for name in tensors if name.startswith(layers)}),
        of_rank(tensors, f"{layers}0.mlp.c_fc.weight", 2).shape[0],
        of_rank(tensors, f"{part}.positional_embedding", 2).shape[0],
        config.heads[index],
        config.gelus[index],
        config.epsilons[index],
    )


def of_rank(tensors: Mapping[str, Tensor], name: str, rank: int) -> Tensor:
    """The tensor called ``name``; raises CheckpointError if it is missing or of another rank."""
    tensor = tensors.get(name)
    if tensor is None or tensor.ndim != rank or not tensor.numel():
        raise CheckpointError(
            "The checkpoint is not a SigLIP: it has no suitable {name}.", name=name
        )
    return tensor
