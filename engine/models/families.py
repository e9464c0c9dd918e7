"""Recognises what a checkpoint is by the names of its tensors, to say why it can't be used."""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.translatable import Translatable

VQGAN = Translatable("a VQGAN")
CLIP = Translatable("a CLIP")
# The first that matches; each is more specific than the later ones.
_FAMILIES = (
    (
        r"\bdiffusion_model\.|^(?:model\.)?(?:input_blocks|down_blocks|double_blocks)\.\d",
        Translatable("a diffusion model"),
    ),
    (
        r"\b(?:vision_model|text_model)\.(?:encoder|embeddings|head)\.",
        Translatable("a model in the layout of Hugging Face's transformers"),
    ),
    (
        r"\bvisual\.trunk\.",
        Translatable("an OpenCLIP model whose picture tower is a timm network"),
    ),
    (
        r"\b(?:text\.(?:transformer|token_embedding)|text_decoder)\.",
        Translatable("an OpenCLIP model with another text tower than OpenAI's"),
    ),
    (r"\bvisual\.(?:conv1|class_embedding|transformer|layer1)\b", CLIP),
    (
        r"\b(?:encoder\.down_blocks|decoder\.up_blocks)\.",
        Translatable("an autoencoder in the layout of Hugging Face's diffusers"),
    ),
    (r"\bquantize\.", VQGAN),
    (r"\b(?:post_)?quant_conv\.", Translatable("a KL autoencoder, which has no codebook")),
    (
        r"^transformer\.(?:tok_emb|blocks)\b",
        Translatable("a transformer over codes, without the VQGAN that paints them"),
    ),
)


def family_of(names: Iterable[str]) -> Translatable | None:
    """What the checkpoint with tensors of these ``names`` is; None if it is not recognised."""
    all_names = list(names)
    for pattern, family in _FAMILIES:
        if any(re.search(pattern, name) for name in all_names):
            return family
    return None
