"""Reads the yaml next to a VQGAN's checkpoint: taming-transformers' and latent-diffusion's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.errors import CheckpointError
from engine.models.checkpoints import looks_like_page, opened
from engine.translatable import Translatable

# The classes that can paint, and whether they are GumbelVQs. VQModelInterface is a VQModel that
# quantises at the start of its decode instead of at the end of its encode; the weights are the
# same, and so are the pictures of codes.
_TARGETS = {"VQModel": False, "VQNoDiscModel": False, "VQModelInterface": False, "GumbelVQ": True}
_WHOLE_NUMBERS = ("ch", "out_ch", "num_res_blocks", "in_channels", "resolution", "z_channels")
# Settings of taming's and latent-diffusion's networks that change pictures, and the values that
# our networks support. A VQGAN that was published sets no others.
_SUPPORTED: Mapping[str, tuple[Any, ...]] = {
    "attn_type": ("vanilla", "none"),
    "use_linear_attn": (False,),
    "tanh_out": (False,),
    "give_pre_end": (False,),
    "resamp_with_conv": (True, False),
    "double_z": (False, True),
}
_KNOWN = (*_WHOLE_NUMBERS, *_SUPPORTED, "ch_mult", "attn_resolutions", "dropout", "norm_groups")


@dataclass(frozen=True)
class VQConfig:
    """What a yaml says: the class's name, its networks' ``ddconfig``, K codes of D numbers."""

    kind: str
    ddconfig: Mapping[str, Any]
    n_embed: int
    embed_dim: int

    @property
    def gumbel(self) -> bool:
        """Whether it is a GumbelVQ."""
        return _TARGETS[self.kind]

    def sizes(self) -> dict[str, Any]:
        """The settings that a checkpoint's tensors also show, as they show them."""
        sides = [self.ddconfig["resolution"] >> i for i in range(len(self.ddconfig["ch_mult"]))]
        attention = self.ddconfig.get("attn_type", "vanilla")
        there = self.ddconfig["attn_resolutions"] if attention != "none" else []
        return {
            "n_embed": self.n_embed,
            "embed_dim": self.embed_dim,
            **{key: self.ddconfig[key] for key in ("ch", "z_channels", "ch_mult")},
            "num_res_blocks": self.ddconfig["num_res_blocks"],
            "attn_type": attention,
            "attn_resolutions": [side for side in sides if side in there],
        }


def read_config(path: Path) -> dict[str, Any]:
    """A checkpoint's yaml file as plain values. Raises CheckpointError."""
    with opened(path) as file:
        text = file.read()
    if looks_like_page(text[:512]):
        raise CheckpointError(
            "{path} is a web page, not a yaml file; download it again.", path=path
        )
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError):
        raise CheckpointError("{path} is not a yaml file; download it again.", path=path) from None
    if not isinstance(config, dict):
        raise CheckpointError("{path} has no `model:`; use the checkpoint's yaml file.", path=path)
    return config


def vq_config(config: Mapping[str, Any]) -> VQConfig:
    """The autoencoder in a yaml's values, also that of a transformer or a diffusion model.

    Raises CheckpointError if it is not a VQGAN, or has settings that our networks don't support.
    """
    kind, params = _first_stage(config)
    return VQConfig(
        kind, _ddconfig(params), *(_whole(params, key) for key in ("n_embed", "embed_dim"))
    )


def _first_stage(config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The class name and parameters of the autoencoder."""
    stage = config.get("model", config)
    while isinstance(stage, dict) and isinstance(stage.get("params"), dict):
        inner = stage["params"].get("first_stage_config")
        if inner is None:
            kind = str(stage.get("target", "")).rpartition(".")[2]
            if kind not in _TARGETS:
                raise _cannot_paint(kind, stage["params"])
            return kind, stage["params"]
        stage = inner
    raise CheckpointError(
        "The yaml has no `model:` with `target:` and `params:`; use the one "
        "published with the checkpoint."
    )


def _cannot_paint(kind: str, params: Mapping[str, Any]) -> CheckpointError:
    if kind == "AutoencoderKL":
        what = Translatable("a KL autoencoder, as in Stable Diffusion, which has no codebook")
    elif "unet_config" in params:
        what = Translatable("a diffusion model, not a VQGAN")
    elif kind == "VQSegmentationModel":
        what = Translatable("a VQGAN of label maps, not of pictures")
    else:
        what = Translatable("another kind of model")
    return CheckpointError(
        "The yaml describes `{kind}`, {what}; only {names} can paint.",
        kind=kind,
        what=what,
        names=", ".join(_TARGETS),
    )


def _whole(values: Mapping[str, Any], key: str, most: int = 1 << 20) -> int:
    value = values.get(key)
    if type(value) is not int or not 1 <= value <= most:
        raise CheckpointError(
            "The yaml's `{key}` must be a whole number between 1 and {most}, not {value}.",
            key=key,
            most=most,
            value=repr(value),
        )
    return value


def _ddconfig(params: Mapping[str, Any]) -> dict[str, Any]:
    ddconfig = params.get("ddconfig")
    if not isinstance(ddconfig, dict):
        raise CheckpointError("The yaml has no `ddconfig:` under `params:`.")
    for key in _WHOLE_NUMBERS:
        _whole(ddconfig, key, most=64 if key == "num_res_blocks" else 1 << 14)
    for key, most in (("ch_mult", 12), ("attn_resolutions", 64)):
        row = ddconfig.get(key)
        if not isinstance(row, list) or len(row) > most or any(type(n) is not int for n in row):
            raise CheckpointError(
                "The yaml's `{key}` must be a list of whole numbers, not {row}.",
                key=key,
                row=repr(row),
            )
    groups = _whole(ddconfig, "norm_groups") if "norm_groups" in ddconfig else 32
    if not ddconfig["ch_mult"] or any(
        not 1 <= n <= 64 or ddconfig["ch"] * n % groups for n in ddconfig["ch_mult"]
    ):
        raise CheckpointError(
            "The yaml's `ch` times each `ch_mult` must be a multiple of {groups}.", groups=groups
        )
    if ddconfig["ch"] % groups:
        raise CheckpointError("The yaml's `ch` must be a multiple of {groups}.", groups=groups)
    if ddconfig["in_channels"] != 3 or ddconfig["out_ch"] != 3:
        raise CheckpointError(
            "The yaml doesn't describe a model of RGB pictures: `in_channels` "
            "and `out_ch` must be 3."
        )
    _check_supported(ddconfig)
    return {"double_z": True, **ddconfig}


def _check_supported(ddconfig: Mapping[str, Any]) -> None:
    """Refuse settings that taming's networks would ignore, and paint something else."""
    for key, value in ddconfig.items():
        if key not in _KNOWN:
            raise CheckpointError(
                "The yaml's `ddconfig` has `{key}`, which the networks here don't have; "
                "only VQGANs of taming-transformers and latent-diffusion can paint.",
                key=key,
            )
        if key in _SUPPORTED and value not in _SUPPORTED[key]:
            raise CheckpointError(
                "The yaml's `{key}` is {value}; the networks here support only {values}.",
                key=key,
                value=repr(value),
                values=", ".join(map(repr, _SUPPORTED[key])),
            )
