"""OpenCLIP's models that are not in OpenAI's format, by OpenCLIP's own code.

ConvNeXt and other networks of timm, EVA, CoCa, CLIPA, and text towers with another tokenizer. What
has OpenAI's picture tower gets our own fast one; text towers run as they are. OpenCLIP is imported
when such a model is loaded (extra ``open-clip``).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.packages import open_clip_package
from engine.models.part_settings import check_names
from engine.models.perceptors.base import Perceptor, unit
from engine.models.perceptors.clip_architecture import NORMALISATIONS, read_statement
from engine.models.perceptors.config_files import read_json
from engine.models.perceptors.open_clip_config import read_open_clip_config, read_preprocessing
from engine.models.perceptors.openai_clip import MAX_SCALE
from engine.models.perceptors.picture_tower import PictureResNet, PictureTransformer
from engine.models.perceptors.picture_tower.layers import is_worth_rounding
from engine.models.perceptors.piece_tokens import special_id
from engine.models.perceptors.tokenizing import Tokenizer, clip_tokens
from engine.models.perceptors.transformers_text import PREFIX, transformers_text
from engine.models.pieces import read_pieces
from engine.models.state_dict import Uninitialised, fill
from engine.models.tensor_names import unwrapped
from engine.translatable import Translatable

# Of a text tower that another replaces.
_SMALLEST = {"context_length": 1, "vocab_size": 1, "width": 1, "heads": 1, "layers": 1}


class OpenClipPerceptor(Perceptor):
    """A model of OpenCLIP as a Perceptor."""

    def __init__(
        self,
        model: Any,
        *,
        resolution: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        interpolation: str,
        tokenizer: Tokenizer,
        width: int,
    ) -> None:
        super().__init__(
            resolution=resolution,
            width=width,
            mean=mean,
            std=std,
            tokenizer=tokenizer,
            interpolation=interpolation,
        )
        model.visual = _picture_tower(model.visual, resolution)
        self.model = model

    @property
    def scale(self) -> float:
        """The learned factor of cosines; at most 100 if it was trained with a softmax, as CLIP."""
        scale = float(self.model.logit_scale.exp())
        return scale if self.model.logit_bias is not None else min(MAX_SCALE, scale)

    def encode_tokens(self, ids: Tensor) -> Tensor:
        """Unit vectors [B, D] of token rows [B, context_length]."""
        return unit(self.model.encode_text(ids.to(self.device)))

    def encode_image(self, cutouts: Tensor) -> Tensor:
        """Unit vectors [N, D] of pictures [N, 3, S, S] in 0..1, S being ``resolution``."""
        seen = self.model.visual((cutouts - self.mean) / self.std)
        return unit(seen[0] if isinstance(seen, tuple) else seen)  # CoCa's has tokens as well

    def encode_in_bf16(self) -> None:
        """Round the weights of our own transformer to bf16, unless it is tiny."""
        tower = self.model.visual
        if isinstance(tower, PictureTransformer) and is_worth_rounding(tower):
            tower.compute_in_bf16()


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> OpenClipPerceptor:
    """The perceptor of a ``config`` and a ``checkpoint``; see engine.models.kinds.

    A text tower with a tokenizer of its own needs its ``tokenizer`` and ``tokenizer_config``. The
    setting ``normalisation`` counts if the config has none.
    """
    check_names(settings, ("normalisation",))
    stated = read_statement(settings).normalisation
    config = read_open_clip_config(files["config"])
    preprocessing = read_preprocessing(config)
    if preprocessing is None and stated is None:
        raise CheckpointError(
            "The config has no `preprocess_cfg`: use the open_clip_config.json that was published "
            "with the checkpoint, or set `normalisation` in its catalogue entry (`imagine-models "
            "add --normalisation`)."
        )
    mean, std, interpolation = preprocessing or (*NORMALISATIONS[stated or ""], "bicubic")
    model_config = copy.deepcopy(config.get("model_cfg", config))
    size = model_config["vision_cfg"].get("image_size", 224)
    tokenizer = _tokenizer(files, model_config["text_cfg"])
    model = _model(model_config, unwrapped(read_tensors(files["checkpoint"])))
    perceptor = OpenClipPerceptor(
        model,
        resolution=size[0] if isinstance(size, list) else size,
        mean=mean,
        std=std,
        interpolation=interpolation,
        tokenizer=tokenizer,
        width=model_config["embed_dim"],
    )
    return perceptor.eval().requires_grad_(False)


def _model(config: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
    """The model of a ``model_cfg`` with its weights, as OpenCLIP's ``create_model`` makes it."""
    package = open_clip_package()
    text, vision = config["text_cfg"], config["vision_cfg"]
    tower = None
    if text.get("hf_model_name"):
        if "multimodal_cfg" in config:
            raise CheckpointError(
                "The config is of a CoCa whose text tower is a network of Hugging Face's "
                "transformers, which can't be used; only OpenCLIP's own text towers can in a CoCa."
            )
        with Uninitialised():
            tower = transformers_text(text, config["embed_dim"], tensors)
        config |= {"custom_text": True, "text_cfg": _SMALLEST}
        # transformers saved it until 4.31.
        tensors.pop(f"{PREFIX}embeddings.position_ids", None)
    vision["timm_model_pretrained"] = False  # it would be downloaded
    custom = config.pop("custom_text", False)
    if custom:
        kind = package.CoCa if "multimodal_cfg" in config else package.CustomTextCLIP
        tensors = package.model.convert_to_custom_text_state_dict(tensors)
    else:
        kind = package.CLIP
    if config.get("init_logit_bias") is not None:  # as OpenCLIP does for older checkpoints
        tensors.setdefault("logit_bias", torch.zeros(()))
    try:
        with Uninitialised():
            model = kind(**config)
    except (TypeError, ValueError, RuntimeError, AssertionError, KeyError) as error:
        raise CheckpointError(
            "OpenCLIP can't make a model of the config ({reason}); use the one that was published "
            "with the checkpoint, and a newer open_clip_torch if it is new.",
            reason=str(error) or type(error).__name__,
        ) from None
    if tower is not None:
        model.text = tower
    fill(model, tensors, Translatable("the OpenCLIP model of its config"))
    return model


def _picture_tower(visual: Any, resolution: int) -> nn.Module:
    """Our own tower if ``visual`` is OpenAI's architecture, else itself, with channels last."""
    package = open_clip_package()
    visual.input_resolution = resolution
    if isinstance(visual, package.model.ModifiedResNet):
        return PictureResNet(visual.eval())
    if isinstance(visual, package.model.VisionTransformer) and _is_openai_s(visual):
        return PictureTransformer(visual)
    network: nn.Module = visual.to(memory_format=torch.channels_last)
    return network


def _is_openai_s(visual: Any) -> bool:
    blocks = visual.transformer.resblocks
    plain = all(
        isinstance(block.attn, nn.MultiheadAttention)
        and isinstance(block.ls_1, nn.Identity)
        and isinstance(block.ls_2, nn.Identity)
        for block in blocks
    )
    return (
        plain
        and isinstance(visual.ln_pre, nn.LayerNorm)
        and visual.attn_pool is None
        and visual.pool_type == "tok"
        and not visual.final_ln_after_pool
    )


def _tokenizer(files: Mapping[str, Path], text: Mapping[str, Any]) -> Tokenizer:
    """OpenAI's tokenizer, or the one that the text tower was trained with."""
    length, name = text.get("context_length", 77), text.get("hf_tokenizer_name")
    own = text.get("tokenizer_kwargs") or {}
    unknown = {"clean", "strip_sep_token"} ^ {"clean", "strip_sep_token", *own}
    if text.get("tokenizer_mode") or unknown:
        raise CheckpointError(
            "The config's tokenizer has settings that are not known here: {names}.",
            names=", ".join(sorted({*unknown, str(text.get("tokenizer_mode"))} - {"None"})),
        )
    if name is None:
        return clip_tokens(length)
    if "tokenizer" not in files or "tokenizer_config" not in files:
        raise CheckpointError(
            "The model reads words with the tokenizer {name}: put its tokenizer.json and "
            "tokenizer_config.json in the same folder as the checkpoint.",
            name=name,
        )
    said = read_json(files["tokenizer_config"])
    pieces = read_pieces(files["tokenizer"], own.get("clean", "whitespace"))
    pad = special_id(pieces, said, "pad_token")
    end = pieces.end
    if own.get("strip_sep_token"):
        separator = special_id(pieces, said, "sep_token")
        end = tuple(0 if each == separator else each for each in end)
    return Tokenizer(pieces, length, pieces.start, end, pad)
