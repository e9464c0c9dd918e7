"""SigLIP and SigLIP 2, in the layouts of Hugging Face's transformers and of OpenCLIP.

Zhai et al. 2023; Tschannen et al. 2025. SigLIP 2's NaFlex models see pictures of any shape; here
they see squares of their position embeddings' own size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.part_settings import check_names
from engine.models.perceptors.base import Perceptor, unit
from engine.models.perceptors.config_files import read_json
from engine.models.perceptors.open_clip_config import read_open_clip_config
from engine.models.perceptors.picture_tower.layers import is_worth_rounding
from engine.models.perceptors.piece_tokens import special_id
from engine.models.perceptors.siglip import config as siglip_config
from engine.models.perceptors.siglip import names
from engine.models.perceptors.siglip.config import SiglipConfig, sizes_of, widths
from engine.models.perceptors.siglip.networks import SiglipNetworks
from engine.models.perceptors.tokenizing import Tokenizer
from engine.models.perceptors.transformers_files import read_config, read_preprocessor
from engine.models.pieces import read_pieces
from engine.models.state_dict import fill
from engine.models.tensor_names import unwrapped
from engine.translatable import Translatable

# Tokens that tokenizers add and no text has, such as T5's <extra_id_0>.
_ADDED = 256


class SiglipPerceptor(Perceptor):
    """A SigLIP as a Perceptor: its picture tower is our own, with the weights of ``networks``."""

    def __init__(
        self,
        networks: SiglipNetworks,
        config: SiglipConfig,
        resolution: int,
        tokenizer: Tokenizer,
    ) -> None:
        super().__init__(
            resolution=resolution,
            width=networks.text.text_projection.out_features,
            mean=config.mean,
            std=config.std,
            tokenizer=tokenizer,
            interpolation=config.interpolation,
        )
        self.networks = networks

    @property
    def scale(self) -> float:
        """The learned factor of cosines in the sigmoid."""
        return float(self.networks.logit_scale.exp())

    def encode_tokens(self, ids: Tensor) -> Tensor:
        """Unit vectors [B, D] of token rows [B, context_length]."""
        return unit(self.networks.text(ids.to(self.device)))

    def encode_image(self, cutouts: Tensor) -> Tensor:
        """Unit vectors [N, D] of pictures [N, 3, S, S] in 0..1, S being ``resolution``."""
        return unit(self.networks.visual((cutouts - self.mean) / self.std))

    def encode_in_bf16(self) -> None:
        """Round the weights of the picture tower's layers to bf16, unless it is tiny."""
        tower = self.networks.visual
        if is_worth_rounding(tower):
            tower.compute_in_bf16()


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> SiglipPerceptor:
    """The perceptor of the files that engine.models.kinds names.

    The config is transformers' or OpenCLIP's; with transformers', a ``preprocessor`` has the
    normalisation of pictures, else it is 0.5 for mean and standard deviation.
    """
    check_names(settings, ())
    tensors = unwrapped(read_tensors(files["checkpoint"]))
    if "model_type" in read_json(files["config"]):
        whole = read_config(files["config"], ("siglip", "siglip2"))
        tensors = names.from_transformers(tensors)
        config = siglip_config.from_transformers(whole, widths(tensors))
    else:
        config = siglip_config.from_open_clip(read_open_clip_config(files["config"]))
        tensors = names.from_open_clip(tensors)
    if "preprocessor" in files:
        mean, std, interpolation = read_preprocessor(files["preprocessor"])
        config = replace(config, mean=mean, std=std, interpolation=interpolation)
    sizes = sizes_of(tensors, config)
    networks = SiglipNetworks(sizes)
    fill(networks, tensors, Translatable("a SigLIP"))
    tokenizer = _tokenizer(files, config, sizes.text.length, sizes.vocabulary)
    perceptor = SiglipPerceptor(networks, config, sizes.resolution, tokenizer)
    return perceptor.eval().requires_grad_(False)


def _tokenizer(
    files: Mapping[str, Path], config: SiglipConfig, length: int, vocabulary: int
) -> Tokenizer:
    """The text, its end, and padding up to ``length``, all of which the text tower attends to."""
    said = read_json(files["tokenizer_config"])
    cleaning = config.cleaning
    if cleaning is None:  # SigLIP's tokenizer takes no punctuation; SigLIP 2 was trained with it
        cleaning = "canonicalize" if said.get("tokenizer_class") == "SiglipTokenizer" else "lower"
    pieces = read_pieces(files["tokenizer"], cleaning)
    if abs(pieces.count - vocabulary) > _ADDED:
        raise CheckpointError(
            "The tokenizer {path} has {count} tokens, and the checkpoint {vocabulary}; use the one "
            "that was published with it.",
            path=files["tokenizer"],
            count=pieces.count,
            vocabulary=vocabulary,
        )
    end, pad = (special_id(pieces, said, f"{name}_token") for name in ("eos", "pad"))
    return Tokenizer(replace(pieces, limit=vocabulary), length, (), (end,), pad)
