"""What the weights of a CLIP don't show: attention heads, activation, normalisation of pictures.

Another number of heads or the other activation gives other vectors without any error. So nothing
is assumed: OpenAI's own files are recognised, and for all others someone has to say it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import CheckpointError, ModelError
from engine.models.part_settings import check_names
from engine.models.perceptors.clip_sizes import ClipSizes

OPENAI = "openai"
"""The name of the architecture that OpenAI's code gives to any sizes."""
NORMALISATIONS: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    OPENAI: ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "inception": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""The mean and the standard deviation of pictures in training, by channel."""
_QUICK = "-quickgelu"
_RESOLUTION = re.compile(r"-(\d{3})$")


@dataclass(frozen=True)
class Published:
    """The sizes of a published architecture, and its number of heads in the picture tower."""

    embed_dim: int
    patch: int | None
    vision_width: int
    vision_layers: int | tuple[int, ...]
    vision_heads: int
    text_width: int
    text_layers: int = 12

    def fits(self, sizes: ClipSizes) -> bool:
        """Whether ``sizes`` are its own, in any resolution."""
        return (
            sizes.embed_dim,
            sizes.patch,
            sizes.vision_width,
            sizes.vision_layers,
            sizes.text_width,
            sizes.text_layers,
        ) == (
            self.embed_dim,
            self.patch,
            self.vision_width,
            self.vision_layers,
            self.text_width,
            self.text_layers,
        )


# Those with OpenAI's text tower and tokenizer in openai/CLIP and in OpenCLIP's model_configs
# (2026-06). All have text heads of 64.
PUBLISHED = {
    "RN50": Published(1024, None, 64, (3, 4, 6, 3), 32, 512),
    "RN101": Published(512, None, 64, (3, 4, 23, 3), 32, 512),
    "RN50x4": Published(640, None, 80, (4, 6, 10, 6), 40, 640),
    "RN50x16": Published(768, None, 96, (6, 8, 18, 8), 48, 768),
    "RN50x64": Published(1024, None, 128, (3, 15, 36, 10), 64, 1024),
    "ViT-S-32": Published(384, 32, 384, 12, 6, 384),
    "ViT-S-16": Published(384, 16, 384, 12, 6, 384),
    "ViT-M-32": Published(512, 32, 512, 12, 8, 512),
    "ViT-M-16": Published(512, 16, 512, 12, 8, 512),
    "ViT-B-32": Published(512, 32, 768, 12, 12, 512),
    "ViT-B-16": Published(512, 16, 768, 12, 12, 512),
    "ViT-B-32-plus": Published(640, 32, 896, 12, 14, 640),
    "ViT-B-16-plus": Published(640, 16, 896, 12, 14, 640),
    "ViT-L-16": Published(768, 16, 1024, 24, 16, 768),
    "ViT-L-14": Published(768, 14, 1024, 24, 16, 768),
    "ViT-H-16": Published(1024, 16, 1280, 32, 16, 1024, 24),
    "ViT-H-14": Published(1024, 14, 1280, 32, 16, 1024, 24),
    "ViT-g-14": Published(1024, 14, 1408, 40, 16, 1024, 24),
    "ViT-bigG-14": Published(1280, 14, 1664, 48, 16, 1280, 32),
    "ViT-e-14": Published(1280, 14, 1792, 56, 16, 1280, 36),
}


@dataclass(frozen=True)
class ClipArchitecture:
    """What is missing in :class:`ClipSizes` to compute a CLIP's vectors."""

    vision_heads: int
    text_heads: int
    quick_gelu: bool
    mean: tuple[float, ...] = NORMALISATIONS[OPENAI][0]
    std: tuple[float, ...] = NORMALISATIONS[OPENAI][1]
    interpolation: str = "bicubic"


@dataclass(frozen=True)
class ClipStatement:
    """What a catalogue entry's settings say about a checkpoint; None for what they don't."""

    architecture: str | None = None
    quick_gelu: bool | None = None
    normalisation: str | None = None


NOTHING_SAID = ClipStatement()
AS_OPENAI_MAKES_IT = ClipStatement(OPENAI, quick_gelu=True)


def read_statement(settings: Mapping[str, Any]) -> ClipStatement:
    """The settings as a statement; raises ModelError for a wrong one."""
    check_names(settings, ("architecture", "quick_gelu", "normalisation"))
    name, quick = settings.get("architecture"), settings.get("quick_gelu")
    if name is not None and name != OPENAI and _base(str(name)) not in PUBLISHED:
        raise ModelError(
            "There is no architecture called {name}; choose one of {names}, with -quickgelu after "
            "it if it has that.",
            name=repr(name),
            names=", ".join((OPENAI, *PUBLISHED)),
        )
    if quick is not None and not isinstance(quick, bool):
        raise ModelError(
            "The setting `quick_gelu` must be true or false, not {value}.", value=repr(quick)
        )
    normalisation = settings.get("normalisation")
    if normalisation is not None and normalisation not in NORMALISATIONS:
        raise ModelError(
            "The setting `normalisation` must be one of {names}, not {value}.",
            names=", ".join(NORMALISATIONS),
            value=repr(normalisation),
        )
    implied = True if name is not None and (name == OPENAI or name.endswith(_QUICK)) else None
    if implied and quick is False:
        raise ModelError(
            "The architecture {name} has QuickGELU; remove `quick_gelu`, or choose another.",
            name=name,
        )
    return ClipStatement(name, implied or quick, normalisation)


def official_architecture(sizes: ClipSizes, stated: ClipStatement) -> ClipArchitecture:
    """The architecture of OpenAI's own file; CheckpointError if something else is stated."""
    if stated.architecture not in (None, OPENAI):
        _named(sizes, stated.architecture)
    if stated.quick_gelu is False or stated.normalisation not in (None, OPENAI):
        raise CheckpointError(
            "The checkpoint is OpenAI's own, which has QuickGELU and OpenAI's normalisation; "
            "remove `quick_gelu` and `normalisation`."
        )
    return _openai_architecture(sizes)


def _openai_architecture(sizes: ClipSizes) -> ClipArchitecture:
    """What OpenAI's code gives to a CLIP of these sizes: heads of about 64, and QuickGELU."""
    vision = sizes.vision_width if sizes.patch else sizes.vision_width * 32
    if not (_has_heads(vision) and _has_heads(sizes.text_width)):
        raise CheckpointError(
            "The checkpoint is not an OpenAI-format CLIP: its widths {width} and "
            "{text_width} can't be divided into heads of 64.",
            width=sizes.vision_width,
            text_width=sizes.text_width,
        )
    return ClipArchitecture(vision // 64, sizes.text_width // 64, quick_gelu=True)


def stated_architecture(sizes: ClipSizes, stated: ClipStatement) -> ClipArchitecture:
    """The architecture of a CLIP of these sizes that is not OpenAI's own file.

    Raises CheckpointError, which says what to add, if something is neither stated nor certain.
    """
    if stated.architecture == OPENAI:
        mean, std = NORMALISATIONS[stated.normalisation or OPENAI]
        return replace(_openai_architecture(sizes), mean=mean, std=std)
    name = _named(sizes, stated.architecture)
    if stated.quick_gelu is None:
        raise CheckpointError(
            "The checkpoint has the sizes of {name}, but doesn't show whether its activation is "
            "QuickGELU or GELU: set `quick_gelu` in its catalogue entry (`imagine-models add "
            "--quick-gelu` or `--no-quick-gelu`), or give its open_clip_config.json as `config` "
            "(`--perceptor-config`).",
            name=name,
        )
    mean, std = normalisation(name, stated.quick_gelu, stated.normalisation)
    heads = PUBLISHED[name].vision_heads
    return ClipArchitecture(heads, sizes.text_width // 64, stated.quick_gelu, mean, std)


def _named(sizes: ClipSizes, stated: str | None) -> str:
    """The published architecture that has these sizes."""
    fitting = published_name(sizes)
    if stated is not None:
        side = _RESOLUTION.search(stated.removesuffix(_QUICK))
        if _base(stated) != fitting or (side and int(side[1]) != sizes.resolution):
            raise CheckpointError(
                "The checkpoint is not a {name}: its picture tower is {width} wide with {layers} "
                "layers for {resolution} pixels, its text tower {text_width} wide.",
                name=stated,
                width=sizes.vision_width,
                layers=str(sizes.vision_layers),
                resolution=sizes.resolution,
                text_width=sizes.text_width,
            )
    if fitting is None:
        raise CheckpointError(
            "The checkpoint doesn't show its number of attention heads, and no published CLIP has "
            "its sizes: give its open_clip_config.json as `config` in its catalogue entry "
            "(`imagine-models add --perceptor-config`), or set `architecture` to openai "
            "(`--architecture openai`) if OpenAI's code made it."
        )
    return fitting


def published_name(sizes: ClipSizes) -> str | None:
    """The published architecture with these sizes, if any."""
    return next((name for name, each in PUBLISHED.items() if each.fits(sizes)), None)


def normalisation(
    name: str | None, quick_gelu: bool, stated: str | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean and standard deviation of pictures for the published architecture ``name``.

    Raises CheckpointError if there are two and none is ``stated``.
    """
    if stated is None and name == "ViT-L-14" and not quick_gelu:
        # The only one: laion2b_s32b_b82k has Inception's, the others OpenAI's.
        raise CheckpointError(
            "OpenCLIP has published {name} with two normalisations of pictures: set "
            "`normalisation` in its catalogue entry (`imagine-models add --normalisation`) to "
            "inception for laion2b_s32b_b82k, to openai for the others.",
            name=name,
        )
    return NORMALISATIONS[stated or OPENAI]


def _base(name: str) -> str:
    """The name without what the weights also show, or what is said separately."""
    return _RESOLUTION.sub("", name.removesuffix(_QUICK))


def _has_heads(width: int) -> bool:
    """Whether OpenAI's CLIP can have this width, which it divides into heads of about 64."""
    return width >= 64 and width % (width // 64) == 0
