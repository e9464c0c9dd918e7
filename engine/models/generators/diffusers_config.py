"""Reads the config.json of an autoencoder in a folder of Hugging Face's diffusers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import CheckpointError
from engine.models.checkpoints import looks_like_page, opened
from engine.translatable import Translatable

CLASSES = ("VQModel", "AutoencoderKL", "AutoencoderTiny")
"""The autoencoders that can paint."""

_DOWN = {"DownEncoderBlock2D": False, "AttnDownEncoderBlock2D": True}
_UP = {"UpDecoderBlock2D": False, "AttnUpDecoderBlock2D": True}
# Settings that change pictures, the values that our networks have, and diffusers' for a missing
# one. Older configs lack the newer settings.
_FIXED: Mapping[str, Any] = {
    "act_fn": "silu",
    "norm_type": "group",
    "in_channels": 3,
    "out_channels": 3,
}


@dataclass(frozen=True)
class Prior:
    """How a latent of unit scale becomes what the decoder reads: z * ``std`` + ``mean``."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class Config:
    """The values of a config.json; errors name the key and the file."""

    def __init__(self, path: Path, values: Mapping[str, Any]) -> None:
        self.path, self.values = path, values

    @property
    def kind(self) -> str:
        """The class's name, one of CLASSES."""
        return str(self.values["_class_name"])

    def described(self) -> Translatable:
        """What the network is, for messages about the checkpoint."""
        return Translatable("the {kind} that its config.json describes", kind=self.kind)

    def whole(self, key: str, default: int | None = None, most: int = 1 << 20) -> int:
        """A whole number from 1 to ``most``."""
        value = self.values.get(key, default)
        if type(value) is not int or not 1 <= value <= most:
            raise self.wrong(key, Translatable("a whole number between 1 and {most}", most=most))
        return value

    def wholes(self, key: str, default: Sequence[int] | None = None) -> list[int]:
        """A list of 1 to 12 whole numbers from 1 to 16,384."""
        row = self.values.get(key, default)
        if (
            not isinstance(row, list | tuple)
            or not 1 <= len(row) <= 12
            or any(type(n) is not int or not 1 <= n <= 1 << 14 for n in row)
        ):
            raise self.wrong(key, Translatable("a list of whole numbers"))
        return list(row)

    def real(self, key: str, default: float) -> float:
        """A finite number; ``default`` also for null."""
        value = self.values.get(key)
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e6:
            raise self.wrong(key, Translatable("a number"))
        return float(value)

    def reals(self, key: str, count: int, default: float) -> list[float]:
        """A list of ``count`` numbers; of ``default`` if it is missing or null."""
        row = self.values.get(key)
        if row is None:
            return [default] * count
        if (
            not isinstance(row, list)
            or len(row) != count
            or any(isinstance(n, bool) or not isinstance(n, int | float) for n in row)
        ):
            raise self.wrong(key, Translatable("a list of {count} numbers", count=count))
        return [float(n) for n in row]

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, Translatable("true or false"))
        return value

    def only(self, key: str, value: Any) -> None:
        """Refuse another value than the one that our networks have."""
        if self.values.get(key, value) != value:
            raise self.wrong(key, repr(value))

    def side(self) -> int:
        """The side in pixels of the pictures that it was trained on."""
        size = self.values.get("sample_size", 256)
        if isinstance(size, list) and size:
            size = size[0]
        return size if type(size) is int and 1 <= size <= 1 << 14 else 256

    def wrong(self, key: str, what: str | Translatable) -> CheckpointError:
        """The error that a value is not ``what``."""
        return CheckpointError(
            "{path}: `{key}` is {value}; the networks here need {what}.",
            path=self.path,
            key=key,
            value=repr(self.values.get(key)),
            what=what,
        )

    def ddconfig(self, *, double_z: bool) -> dict[str, Any]:
        """The same network as taming's ``ddconfig``, which names levels by their resolution."""
        for key, value in _FIXED.items():
            self.only(key, value)
        channels, groups = self.wholes("block_out_channels"), self.whole("norm_num_groups", 32)
        if any(each % channels[0] or each % groups for each in channels):
            raise self.wrong(
                "block_out_channels",
                Translatable("multiples of the first one and of {groups}", groups=groups),
            )
        attention = self._attention(len(channels))
        middle = self.flag("mid_block_add_attention", True)
        if any(attention) and not middle:
            raise self.wrong(
                "mid_block_add_attention", Translatable("true if other blocks have attention")
            )
        top = 1 << len(channels) + 3  # any resolution that can be halved at each level
        return {
            "double_z": double_z,
            "z_channels": self.whole("latent_channels", most=1024),
            "resolution": top,
            "in_channels": 3,
            "out_ch": 3,
            "ch": channels[0],
            "ch_mult": [each // channels[0] for each in channels],
            "num_res_blocks": self.whole("layers_per_block", 1, most=64),
            "attn_resolutions": [top >> level for level, has in enumerate(attention) if has],
            "attn_type": "vanilla" if middle else "none",
            "dropout": 0.0,
            "norm_groups": groups,
        }

    def _attention(self, count: int) -> list[bool]:
        """Whether each level has attention, the one of the largest pictures first."""
        levels = []
        for key, known in (("down_block_types", _DOWN), ("up_block_types", _UP)):
            names = self.values.get(key)
            if not isinstance(names, list) or len(names) != count or not {*names} <= known.keys():
                raise self.wrong(
                    key, Translatable("{count} of {names}", count=count, names=", ".join(known))
                )
            levels.append([known[name] for name in names])
        down, up = levels
        if down != up[::-1]:
            raise self.wrong(
                "up_block_types", Translatable("attention at the same levels as the encoder")
            )
        return down

    def prior(self, channels: int, scaling: float) -> Prior:
        """The scale of its latents; ``scaling`` is diffusers' for a missing scaling_factor."""
        factor, shift = self.real("scaling_factor", scaling), self.real("shift_factor", 0.0)
        if factor <= 0:
            raise self.wrong("scaling_factor", Translatable("a positive number"))
        means = self.reals("latents_mean", channels, 0.0)
        stds = self.reals("latents_std", channels, 1.0)
        return Prior(tuple(shift + mean for mean in means), tuple(std / factor for std in stds))


def read_config(path: Path) -> Config:
    """The config.json ``path`` of an autoencoder that can paint. Raises CheckpointError."""
    with opened(path) as file:
        text = file.read()
    if looks_like_page(text[:512]):
        raise CheckpointError(
            "{path} is a web page, not a config.json; download it again.", path=path
        )
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise CheckpointError("{path} is not valid JSON; download it again.", path=path) from None
    kind = values.get("_class_name") if isinstance(values, dict) else None
    if kind not in CLASSES:
        raise CheckpointError(
            "{path} describes {kind}; only {names} of diffusers can paint.",
            path=path,
            kind=Translatable("no class of diffusers") if kind is None else repr(kind),
            names=", ".join(CLASSES),
        )
    return Config(path, values)
