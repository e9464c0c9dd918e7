"""Finds the tensors of a VQGAN in a checkpoint, and says what is wrong if they don't fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

from engine.errors import CheckpointError
from engine.models.families import VQGAN, family_of
from engine.models.generators.taming_yaml import VQConfig
from engine.models.tensor_names import flattened_average, is_average, model_tensors, unwrapped

_ANCHOR = "decoder.conv_in.weight"
_CODEBOOK = "quantize.embedding.weight"
_PREFERRED = ("first_stage_model.",)  # rather than the cond_stage_model of label maps
# What training leaves next to the weights: losses and discriminators (in averages without dots,
# too), schedules, the counters of averages, and the colours and numbers of labels.
_IGNORED = ("loss", "discriminator", "perceptual_loss.", "lpips.", "temperature_scheduler.")
_COUNTERS = {"decay", "num_updates", "n_averaged", "initted", "step", "colorize", "quantize.used"}


def vqgan_tensors(
    state_dict: Mapping[str, Tensor], wanted: Collection[str], config: VQConfig
) -> dict[str, Tensor]:
    """The tensors in ``state_dict`` of the VQGAN that has the ``wanted`` names.

    They can be under a prefix, or averaged. Raises CheckpointError if the checkpoint is something
    else, or of other sizes than its yaml says.
    """
    tensors = unwrapped(state_dict)
    own = model_tensors(tensors, _ANCHOR, _PREFERRED)
    if _ANCHOR not in own:
        own = flattened_average(tensors, wanted, _ANCHOR) or own
    own = {
        name: tensor
        for name, tensor in own.items()
        if not name.startswith(_IGNORED) and name not in _COUNTERS and not is_average(name)
    }
    family = family_of(own)
    if family is VQGAN:
        _check_sizes(own, config)
    elif family is not None:
        raise CheckpointError(
            "The checkpoint is {family}; a generator's checkpoint must be a VQGAN.", family=family
        )
    return own


def _check_sizes(tensors: Mapping[str, Tensor], config: VQConfig) -> None:
    """Raise CheckpointError if the yaml is another checkpoint's."""
    gumbel = "quantize.embed.weight" in tensors
    if gumbel != config.gumbel:
        raise CheckpointError(
            "The yaml is not this checkpoint's: it describes a {kind}, and the checkpoint is a "
            "{other}; use the yaml that was published with it.",
            kind=config.kind,
            other="GumbelVQ" if gumbel else "VQModel",
        )
    said, sizes = config.sizes(), _sizes(tensors, config.ddconfig["resolution"])
    different = {key: size for key, size in sizes.items() if size != said[key]}
    if different:
        raise CheckpointError(
            "The yaml is not this checkpoint's: it says {said}, and the checkpoint has {sizes}; "
            "use the yaml that was published with it.",
            said=", ".join(f"{key} {said[key]}" for key in different),
            sizes=", ".join(f"{key} {size}" for key, size in different.items()),
        )


def _sizes(tensors: Mapping[str, Tensor], resolution: int) -> dict[str, Any]:
    """Those settings of a yaml that the tensors' shapes show, in a model for ``resolution``."""
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    codebook = "quantize.embed.weight" if "quantize.embed.weight" in shapes else _CODEBOOK
    sizes: dict[str, Any] = {
        key: shapes[name][axis]
        for key, name, axis in (
            ("n_embed", codebook, 0),
            ("embed_dim", codebook, 1),
            ("ch", "encoder.conv_in.weight", 0),
            ("z_channels", _ANCHOR, 1),
        )
        if len(shapes.get(name, ())) > axis
    }
    levels = range(_count(shapes, "encoder.down."))
    widths = [shapes.get(f"encoder.down.{i}.block.0.conv1.weight", ()) for i in levels]
    if sizes.get("ch") and widths and all(widths):
        sizes["ch_mult"] = [width[0] // sizes["ch"] for width in widths]
        sizes["num_res_blocks"] = _count(shapes, "encoder.down.0.block.")
        attention = "encoder.mid.attn_1.norm.weight" in shapes
        sizes["attn_type"] = "vanilla" if attention else "none"
        sizes["attn_resolutions"] = [
            resolution >> i for i in levels if _count(shapes, f"encoder.down.{i}.attn.")
        ]
    return sizes


def _count(names: Collection[str], prefix: str) -> int:
    """The number of different parts that follow ``prefix``."""
    return len({name[len(prefix) :].split(".")[0] for name in names if name.startswith(prefix)})
