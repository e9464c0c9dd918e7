"""Tiny perceptors with random weights, in the layouts that Hugging Face's hub and OpenCLIP have.

The names and shapes are written down here from the published code (transformers' `modeling_clip.py`
and `modeling_siglip.py`, timm's `vision_transformer.py`), not taken from the engine's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.models import Perceptor
from engine.models.kinds import GENERATORS
from engine.painting.synthesis import Synthesis
from engine.request.prompt import Prompt
from tests.engine.tiny import check_resumes, tiny_recipe

Tensors = dict[str, Tensor]


class _Names:
    """Collects random tensors by name."""

    def __init__(self, seed: int) -> None:
        self.rng = torch.Generator().manual_seed(seed)
        self.tensors: Tensors = {}

    def normal(self, name: str, *shape: int, std: float = 0.2) -> None:
        self.tensors[name] = torch.randn(shape, generator=self.rng) * std

    def linear(self, name: str, before: int, after: int) -> None:
        self.normal(f"{name}.weight", after, before, std=before**-0.5)
        self.normal(f"{name}.bias", after)

    def norm(self, name: str, width: int) -> None:
        self.normal(f"{name}.weight", width)
        self.tensors[f"{name}.weight"] += 1
        self.normal(f"{name}.bias", width)

    def layer(self, name: str, width: int, hidden: int) -> None:
        """An encoder layer of transformers."""
        for part in ("q", "k", "v"):
            self.linear(f"{name}.self_attn.{part}_proj", width, width)
        self.linear(f"{name}.self_attn.out_proj", width, width)
        self.norm(f"{name}.layer_norm1", width)
        self.norm(f"{name}.layer_norm2", width)
        self.linear(f"{name}.mlp.fc1", width, hidden)
        self.linear(f"{name}.mlp.fc2", hidden, width)

    def timm_block(self, name: str, width: int, hidden: int) -> None:
        self.norm(f"{name}.norm1", width)
        self.linear(f"{name}.attn.qkv", width, 3 * width)
        self.linear(f"{name}.attn.proj", width, width)
        self.norm(f"{name}.norm2", width)
        self.linear(f"{name}.mlp.fc1", width, hidden)
        self.linear(f"{name}.mlp.fc2", hidden, width)

    def open_clip_block(self, name: str, width: int, hidden: int) -> None:
        self.norm(f"{name}.ln_1", width)
        self.normal(f"{name}.attn.in_proj_weight", 3 * width, width, std=width**-0.5)
        self.normal(f"{name}.attn.in_proj_bias", 3 * width)
        self.linear(f"{name}.attn.out_proj", width, width)
        self.norm(f"{name}.ln_2", width)
        self.linear(f"{name}.mlp.c_fc", width, hidden)
        self.linear(f"{name}.mlp.c_proj", hidden, width)


def clip_tensors(seed: int = 0) -> Tensors:
    """A ``CLIPModel``: pictures of 16 px in patches of 8, 48 wide; texts 32 wide; vectors of 24."""
    own = _Names(seed)
    vision, text = "vision_model.", "text_model."
    own.normal(f"{vision}embeddings.class_embedding", 48)
    own.normal(f"{vision}embeddings.patch_embedding.weight", 48, 3, 8, 8, std=0.1)
    own.normal(f"{vision}embeddings.position_embedding.weight", 5, 48)
    own.norm(f"{vision}pre_layrnorm", 48)
    own.norm(f"{vision}post_layernorm", 48)
    own.normal(f"{text}embeddings.token_embedding.weight", 49408, 32)
    own.normal(f"{text}embeddings.position_embedding.weight", 20, 32)
    own.norm(f"{text}final_layer_norm", 32)
    for i in range(2):
        own.layer(f"{vision}encoder.layers.{i}", 48, 72)
        own.layer(f"{text}encoder.layers.{i}", 32, 40)
    own.normal("visual_projection.weight", 24, 48)
    own.normal("text_projection.weight", 24, 32)
    own.tensors["logit_scale"] = torch.tensor(3.1)
    return own.tensors


def clip_config(**changes: Any) -> dict[str, Any]:
    """Its config.json, with ``changes`` to the top or, as "vision_config.hidden_act", to a part."""
    config: dict[str, Any] = {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": 24,
        "vision_config": {
            "model_type": "clip_vision_model",
            "hidden_size": 48,
            "intermediate_size": 72,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "image_size": 16,
            "patch_size": 8,
        },
        "text_config": {
            "model_type": "clip_text_model",
            "hidden_size": 32,
            "intermediate_size": 40,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": 20,
        },
    }
    return _changed(config, changes)


CLIP_PREPROCESSOR = {
    "image_mean": [0.4, 0.5, 0.6],
    "image_std": [0.2, 0.3, 0.25],
    "resample": 3,
    "size": {"shortest_edge": 16},
}


def write_transformers_clip(folder: Path, **changes: Any) -> Path:
    """A folder as ``CLIPModel.save_pretrained`` and its processor write it."""
    return _write(
        folder,
        ("model.safetensors", clip_tensors()),
        {"config.json": clip_config(**changes), "preprocessor_config.json": CLIP_PREPROCESSOR},
    )


SIGLIP_TEXT = {"hidden_size": 32, "intermediate_size": 40, "max_position_embeddings": 12}
VOCABULARY = 270


def siglip_tensors(seed: int = 0, *, naflex: bool = False) -> Tensors:
    """A ``SiglipModel``, or with ``naflex`` a ``Siglip2Model``: 16 px in patches of 8, 48 wide."""
    own = _Names(seed)
    vision, text = "vision_model.", "text_model."
    patches = (48, 3 * 8 * 8) if naflex else (48, 3, 8, 8)
    own.normal(f"{vision}embeddings.patch_embedding.weight", *patches, std=0.1)
    own.normal(f"{vision}embeddings.patch_embedding.bias", 48)
    own.normal(f"{vision}embeddings.position_embedding.weight", 4, 48)
    own.norm(f"{vision}post_layernorm", 48)
    own.normal(f"{vision}head.probe", 1, 1, 48)
    own.normal(f"{vision}head.attention.in_proj_weight", 144, 48, std=48**-0.5)
    own.normal(f"{vision}head.attention.in_proj_bias", 144)
    own.linear(f"{vision}head.attention.out_proj", 48, 48)
    own.norm(f"{vision}head.layernorm", 48)
    own.linear(f"{vision}head.mlp.fc1", 48, 72)
    own.linear(f"{vision}head.mlp.fc2", 72, 48)
    own.normal(f"{text}embeddings.token_embedding.weight", VOCABULARY, 32)
    own.normal(f"{text}embeddings.position_embedding.weight", 12, 32)
    own.norm(f"{text}final_layer_norm", 32)
    own.linear(f"{text}head", 32, 48)
    for i in range(2):
        own.layer(f"{vision}encoder.layers.{i}", 48, 72)
        own.layer(f"{text}encoder.layers.{i}", 32, 40)
    own.tensors |= {"logit_scale": torch.tensor([4.7]), "logit_bias": torch.tensor([-12.9])}
    return own.tensors


def siglip_config(*, naflex: bool = False, **changes: Any) -> dict[str, Any]:
    """Its config.json; what it leaves out is transformers' default."""
    config: dict[str, Any] = {
        "architectures": ["Siglip2Model" if naflex else "SiglipModel"],
        "model_type": "siglip2" if naflex else "siglip",
        "vision_config": {
            "hidden_size": 48,
            "intermediate_size": 72,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "patch_size": 8,
            **({"num_patches": 4} if naflex else {"image_size": 18}),
        },
        "text_config": {
            **SIGLIP_TEXT,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "vocab_size": VOCABULARY,
            "projection_size": 48,
        },
    }
    return _changed(config, changes)


def write_siglip(folder: Path, *, naflex: bool = False, **changes: Any) -> Path:
    """A folder as ``SiglipModel.save_pretrained`` and its processor write it.

    Its patches leave a margin, as those of so400m-patch14-384 do.
    """
    preprocessor = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 2}
    return _write(
        folder,
        ("model.safetensors", siglip_tensors(naflex=naflex)),
        {
            "config.json": siglip_config(naflex=naflex, **changes),
            "preprocessor_config.json": preprocessor,
            "tokenizer.json": gemma_tokenizer(),
            "tokenizer_config.json": {
                "tokenizer_class": "GemmaTokenizer",
                "eos_token": "<eos>",
                "pad_token": "<pad>",
            },
        },
    )


def open_clip_siglip_tensors(seed: int = 0) -> Tensors:
    """A ``CustomTextCLIP`` with timm's SigLIP: 2 blocks 48 wide, for 32 px in patches of 16."""
    own = _Names(seed)
    trunk, text = "visual.trunk.", "text."
    own.normal(f"{trunk}pos_embed", 1, 4, 48)
    own.normal(f"{trunk}patch_embed.proj.weight", 48, 3, 16, 16, std=0.05)
    own.normal(f"{trunk}patch_embed.proj.bias", 48)
    own.norm(f"{trunk}norm", 48)
    own.normal(f"{trunk}attn_pool.latent", 1, 1, 48)
    own.linear(f"{trunk}attn_pool.q", 48, 48)
    own.linear(f"{trunk}attn_pool.kv", 48, 96)
    own.linear(f"{trunk}attn_pool.proj", 48, 48)
    own.norm(f"{trunk}attn_pool.norm", 48)
    own.linear(f"{trunk}attn_pool.mlp.fc1", 48, 192)
    own.linear(f"{trunk}attn_pool.mlp.fc2", 192, 48)
    own.normal(f"{text}positional_embedding", 12, 32)
    own.normal(f"{text}token_embedding.weight", VOCABULARY, 32)
    own.norm(f"{text}ln_final", 32)
    own.linear(f"{text}text_projection", 32, 48)
    for i in range(2):
        own.timm_block(f"{trunk}blocks.{i}", 48, 192)
        own.open_clip_block(f"{text}transformer.resblocks.{i}", 32, 128)
    own.tensors |= {"logit_scale": torch.tensor(4.7), "logit_bias": torch.tensor(-12.9)}
    return own.tensors


def open_clip_siglip_config(**changes: Any) -> dict[str, Any]:
    """Its model_cfg; the engine knows the name's number of heads, 12."""
    config = {
        "embed_dim": 48,
        "init_logit_bias": -10,
        "custom_text": True,
        "vision_cfg": {
            "image_size": 32,
            "timm_model_name": "vit_base_patch16_siglip_224",
            "timm_model_pretrained": False,
            "timm_pool": "map",
            "timm_proj": "none",
        },
        "text_cfg": {
            "context_length": 12,
            "vocab_size": VOCABULARY,
            "hf_tokenizer_name": "timm/ViT-B-16-SigLIP2",
            "tokenizer_kwargs": {"clean": "canonicalize"},
            "width": 32,
            "heads": 4,
            "layers": 2,
            "no_causal_mask": True,
            "proj_bias": True,
            "pool_type": "last",
            "norm_kwargs": {"eps": 1e-6},
            "act_kwargs": {"approximate": "tanh"},
        },
    }
    return _changed(config, changes)


def write_open_clip_siglip(folder: Path, **changes: Any) -> Path:
    """A folder as OpenCLIP's repositories on Hugging Face's hub have it."""
    return _write(
        folder,
        ("open_clip_model.safetensors", open_clip_siglip_tensors()),
        {
            "open_clip_config.json": {
                "model_cfg": open_clip_siglip_config(**changes),
                "preprocess_cfg": {
                    "mean": [0.5] * 3,
                    "std": [0.5] * 3,
                    "interpolation": "bicubic",
                    "resize_mode": "squash",
                },
            },
            "tokenizer.json": t5_tokenizer(),
            "tokenizer_config.json": {
                "tokenizer_class": "T5Tokenizer",
                "eos_token": {"content": "</s>"},
                "pad_token": {"content": "</s>"},
            },
        },
    )


def t5_tokenizer() -> dict[str, Any]:
    """A tokenizer.json like T5's: pieces of SentencePiece, and an end."""
    pieces = ["<pad>", "</s>", "<unk>", "▁a", "▁red", "▁fox", "▁the", "▁", *"abcdefghinorstx"]
    special = [
        {
            "id": i,
            "content": pieces[i],
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i in range(3)
    ]
    end = {"SpecialToken": {"id": "</s>", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Metaspace",
            "replacement": "▁",
            "prepend_scheme": "always",
            "split": True,
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}}, end],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, end],
            "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
        },
        "decoder": None,
        "model": {
            "type": "Unigram",
            "unk_id": 2,
            "vocab": [
                [piece, -float(i > 2) * len(pieces) / len(piece)] for i, piece in enumerate(pieces)
            ],
            "byte_fallback": False,
        },
    }


def gemma_tokenizer() -> dict[str, Any]:
    """A tokenizer.json like Gemma's: merged letters, and a piece for every byte."""
    letters = ["▁", *"abcdefghinorstx", "re", "red", "fo", "fox"]
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", *letters]
    pieces += [f"<0x{byte:02X}>" for byte in range(256)]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": {piece: i for i, piece in enumerate(pieces)},
            "merges": ["r e", "re d", "f o", "fo x"],
        },
    }


def _changed(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    for name, value in changes.items():
        place, _, key = name.rpartition(".")
        (config[place] if place else config)[key] = value
    return config


def _write(folder: Path, weights: tuple[str, Tensors], files: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights[1], folder / weights[0])
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder


def check_paints(perceptor: Perceptor) -> None:
    """Fails unless each of two steps changes the picture, the second also from a saved state."""
    pixels = GENERATORS["pixels"].build({}, {"block": 4})
    one, other = (
        Synthesis(pixels, perceptor, [Prompt("a fox")], tiny_recipe(learning_rate=0.1), 3)
        for _ in range(2)
    )
    for _ in range(2):
        before = one.look().image
        check_resumes(one, other)
        assert not torch.equal(one.look().image, before)
