"""OpenAI's CLIP: vision transformers and modified ResNets (paper, section 2.2).

Checkpoints of OpenCLIP in the same format load, too, with their own heads and activation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.families import CLIP, family_of
from engine.models.packages import clip_model, clip_tokenizer
from engine.models.perceptors.base import Perceptor, known_tokens, unit
from engine.models.perceptors.clip_architecture import (
    NORMALISATIONS,
    NOTHING_SAID,
    OPENAI,
    ClipArchitecture,
    ClipStatement,
    official_architecture,
    read_statement,
    stated_architecture,
)
from engine.models.perceptors.clip_sizes import ClipSizes, clip_sizes, of_rank
from engine.models.perceptors.open_clip_config import (
    configured_architecture,
    read_open_clip_config,
)
from engine.models.perceptors.picture_tower import PictureTransformer, picture_tower
from engine.models.perceptors.picture_tower.layers import is_worth_rounding
from engine.models.perceptors.tokenizing import clip_tokens
from engine.models.state_dict import Uninitialised, fill
from engine.models.tensor_names import is_average, model_tensors, unwrapped
from engine.translatable import Translatable

MEAN, STD = NORMALISATIONS[OPENAI]
MAX_SCALE = 100.0  # the limit in CLIP's training
# Numbers that OpenAI's archives keep as tensors. No other program writes them; OpenAI's own drops
# them on loading.
_OPENAI_NUMBERS = ("input_resolution", "context_length", "vocab_size")
_ANCHOR = "visual.conv1.weight"


class ClipPerceptor(Perceptor):
    """An OpenAI-format CLIP as a Perceptor.

    The text tower is the package's, the picture tower our own (see
    engine.models.perceptors.picture_tower), with the weights that ``clip`` has.
    """

    def __init__(
        self,
        clip: Any,
        known: Tensor | None = None,
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = STD,
        interpolation: str = "bicubic",
    ) -> None:
        super().__init__(
            resolution=clip.visual.input_resolution,
            width=clip.text_projection.shape[1],
            mean=mean,
            std=std,
            tokenizer=clip_tokens(clip.context_length, known),
            interpolation=interpolation,
        )
        clip.visual = picture_tower(clip.visual)
        self.clip = clip

    @property
    def scale(self) -> float:
        """CLIP's learned scale of similarities, at most 100."""
        return min(MAX_SCALE, float(self.clip.logit_scale.exp()))

    def encode_tokens(self, ids: Tensor) -> Tensor:
        """Unit vectors [B, D] of token rows [B, context_length]."""
        return unit(_read_text(self.clip, ids.to(self.device)))

    def encode_image(self, cutouts: Tensor) -> Tensor:
        """Unit vectors [N, D] of pictures [N, 3, S, S] in 0..1, S being ``resolution``."""
        return unit(self.clip.visual((cutouts - self.mean) / self.std))

    def encode_in_bf16(self) -> None:
        """Round the weights of a transformer to bf16, unless it is tiny.

        A ResNet stays in float32: with random weights the cosine of its gradients to those in
        float32 was 0.986 for RN50, as many ReLUs switch at another place, and 0.99997 for ViT-B/32.
        """
        tower = self.clip.visual
        if isinstance(tower, PictureTransformer) and is_worth_rounding(tower):
            tower.compute_in_bf16()


def _read_text(clip: Any, ids: Tensor) -> Tensor:
    """The package's ``CLIP.encode_text``, which would take the picture tower's precision."""
    dtype = clip.text_projection.dtype
    tokens = clip.token_embedding(ids).to(dtype)
    tokens = tokens + clip.positional_embedding[: ids.shape[1]].to(dtype)
    tokens = clip.transformer(tokens.transpose(0, 1)).transpose(0, 1)
    tokens = clip.ln_final(tokens).to(dtype)
    # The end of the text has the largest id.
    vectors: Tensor = tokens[torch.arange(len(ids)), ids.argmax(dim=-1)] @ clip.text_projection
    return vectors


def new_clip(
    *,
    embed_dim: int,
    resolution: int,
    vision_width: int,
    vision_layers: int | tuple[int, int, int, int],
    text_width: int,
    text_layers: int,
    context_length: int,
    patch: int | None = None,
) -> Any:
    """An untrained OpenAI-format CLIP in float32.

    With ``patch``, in pixels, it has a vision transformer of ``vision_layers`` layers; without, a
    modified ResNet with ``vision_layers`` blocks in each of its four stages.
    """
    return clip_model().CLIP(
        embed_dim=embed_dim,
        image_resolution=resolution,
        vision_layers=vision_layers,
        vision_width=vision_width,
        vision_patch_size=patch,
        context_length=context_length,
        vocab_size=len(clip_tokenizer().encoder),
        transformer_width=text_width,
        transformer_heads=text_width // 64,
        transformer_layers=text_layers,
    )


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> ClipPerceptor:
    """The perceptor of a ``checkpoint``, and of OpenCLIP's ``config`` if there is one.

    See engine.models.kinds. For a checkpoint that is not OpenAI's own, either the config or the
    settings have to say what its weights don't show: ``architecture``, a name of ``PUBLISHED`` or
    "openai" for what OpenAI's code makes of any sizes; ``quick_gelu``; ``normalisation``.
    """
    stated = read_statement(settings)
    config = read_open_clip_config(files["config"]) if "config" in files else None
    return build_perceptor(read_tensors(files["checkpoint"]), stated, config)


def build_perceptor(
    state_dict: Mapping[str, Tensor],
    stated: ClipStatement = NOTHING_SAID,
    config: Mapping[str, Any] | None = None,
) -> ClipPerceptor:
    """A Perceptor from an OpenAI-format CLIP's state dict; its sizes follow from the shapes.

    Like CLIP's own ``build_model``, but in float32, since float16 sometimes gives NaN, and with
    the heads, activation and normalisation that ``stated`` or OpenCLIP's ``config`` says. If there
    is ``token_embedding.rows`` [n], then ``token_embedding.weight`` [n, width] has only these rows
    of the vocabulary, and other tokens are unknown. Raises CheckpointError for other tensors, and
    if something is neither certain nor said.
    """
    tensors, official = _clip_tensors(state_dict)
    known = _scatter_embedding(tensors)
    sizes = clip_sizes(tensors)
    if official:
        if config is not None:
            raise CheckpointError("The checkpoint is OpenAI's own and needs no config; remove it.")
        architecture = official_architecture(sizes, stated)
    elif config is not None:
        if stated.architecture is not None or stated.quick_gelu is not None:
            raise CheckpointError(
                "Both a config and `architecture` or `quick_gelu` are given; remove one of them."
            )
        architecture = configured_architecture(sizes, config, stated.normalisation)
    else:
        architecture = stated_architecture(sizes, stated)
    with Uninitialised():
        clip = assemble(sizes, architecture)
    fill(clip, tensors, Translatable("an OpenAI-format CLIP"))
    perceptor = ClipPerceptor(
        clip, known, architecture.mean, architecture.std, architecture.interpolation
    )
    return perceptor.eval().requires_grad_(False)


def is_openai_s_own(names: Collection[str]) -> bool:
    """Whether a checkpoint with tensors of these ``names`` is one of OpenAI's own files."""
    return all(name in names for name in _OPENAI_NUMBERS)


def _clip_tensors(state_dict: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], bool]:
    """The tensors of the CLIP in a checkpoint, and whether it is one of OpenAI's own files."""
    tensors = model_tensors(unwrapped(state_dict), _ANCHOR)
    official = is_openai_s_own(tensors)
    own = {
        name: tensor
        for name, tensor in tensors.items()
        if name not in _OPENAI_NUMBERS
        and name.rpartition(".")[2] != "attn_mask"
        and not is_average(name)
    }
    if _ANCHOR in own and "token_embedding.weight" in own:
        return own, official
    if any(is_average(name) and name.endswith("visualconv1weight") for name in tensors):
        raise CheckpointError(
            "The checkpoint has only averaged weights, under names without dots; save them under "
            "the model's own names."
        )
    family = family_of(tensors)
    if family is not None and family is not CLIP:
        raise CheckpointError(
            "The checkpoint is {family}; a perceptor's checkpoint must be an OpenAI-format CLIP.",
            family=family,
        )
    return own, official


def assemble(sizes: ClipSizes, architecture: ClipArchitecture) -> Any:
    """An untrained CLIP of these sizes, with any number of heads and either activation.

    Their constructor has only heads of 64 in the picture tower, QuickGELU, and perceptrons four
    times as wide as the rest; their modules for the towers have a number of heads.
    """
    package = clip_model()
    # Not on the meta device: the constructor also creates the attention mask, which no checkpoint
    # has. Its picture tower is replaced, so it is as small as possible.
    clip = package.CLIP(
        embed_dim=sizes.embed_dim,
        image_resolution=1,
        vision_layers=0,
        vision_width=64,
        vision_patch_size=1,
        context_length=sizes.context_length,
        vocab_size=len(clip_tokenizer().encoder),
        transformer_width=sizes.text_width,
        transformer_heads=architecture.text_heads,
        transformer_layers=sizes.text_layers,
    )
    _change_perceptrons(clip.transformer, sizes.text_hidden, architecture.quick_gelu)
    if sizes.patch is None:
        clip.visual = package.ModifiedResNet(
            layers=sizes.vision_layers,
            output_dim=sizes.embed_dim,
            heads=architecture.vision_heads,
            input_resolution=sizes.resolution,
            width=sizes.vision_width,
        )
    else:
        clip.visual = package.VisionTransformer(
            input_resolution=sizes.resolution,
            patch_size=sizes.patch,
            width=sizes.vision_width,
            layers=sizes.vision_layers,
            heads=architecture.vision_heads,
            output_dim=sizes.embed_dim,
        )
        assert sizes.vision_hidden is not None
        _change_perceptrons(clip.visual.transformer, sizes.vision_hidden, architecture.quick_gelu)
    return clip


def _change_perceptrons(transformer: Any, hidden: int, quick_gelu: bool) -> None:
    for block in transformer.resblocks:
        if hidden != block.mlp.c_fc.out_features:
            block.mlp.c_fc = nn.Linear(transformer.width, hidden)
            block.mlp.c_proj = nn.Linear(hidden, transformer.width)
        if not quick_gelu:
            block.mlp.gelu = nn.GELU()


def _scatter_embedding(tensors: dict[str, Tensor]) -> Tensor | None:
    """Expand an embedding of some rows to the vocabulary, in place; the mask of those rows."""
    rows = tensors.pop("token_embedding.rows", None)
    if rows is None:
        return None
    weight = of_rank(tensors, "token_embedding.weight", 2)
    size = len(clip_tokenizer().encoder)
    known = known_tokens(rows, len(weight))
    if known is None:
        raise CheckpointError(
            "The checkpoint's token_embedding.rows must have a different token, "
            "out of {size}, for each row of token_embedding.weight.",
            size=size,
        )
    whole = torch.zeros(size, weight.shape[1])
    whole[rows.long()] = weight.float()
    tensors["token_embedding.weight"] = whole
    return known
