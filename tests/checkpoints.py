"""Tiny models with random weights, in the formats of the published checkpoints."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import yaml
from torch import Tensor

from engine.models.generators.taming import VQModel
from engine.models.packages import clip_model

DDCONFIG: dict[str, Any] = {
    "double_z": False,
    "z_channels": 32,
    "resolution": 32,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 32,
    "ch_mult": [1, 2],
    "num_res_blocks": 1,
    "attn_resolutions": [16],
    "dropout": 0.0,
}
CODES, WIDTH = 40, 32


def vqgan_config(kind: str = "VQModel") -> dict[str, Any]:
    """The yaml of a tiny VQModel or GumbelVQ, with the keys that the published ones have."""
    params: dict[str, Any] = {
        "embed_dim": WIDTH,
        "n_embed": CODES,
        "monitor": "val/rec_loss",
        "ddconfig": DDCONFIG,
        "lossconfig": {"target": "taming.modules.losses.vqperceptual.DummyLoss"},
    }
    if kind == "GumbelVQ":
        params |= {
            "kl_weight": 1e-8,
            "temperature_scheduler_config": {
                "target": "taming.lr_scheduler.LambdaWarmUpCosineScheduler",
                "params": {},
            },
        }
    return {
        "model": {
            "base_learning_rate": 4.5e-6,
            "target": f"taming.models.vqgan.{kind}",
            "params": params,
        }
    }


def net2net_config(kind: str = "VQModel") -> dict[str, Any]:
    """The yaml of a transformer around the autoencoder."""
    return {
        "model": {
            "target": "taming.models.cond_transformer.Net2NetTransformer",
            "params": {
                "transformer_config": {"target": "taming.modules.transformer.mingpt.GPT"},
                "first_stage_config": vqgan_config(kind)["model"],
                "cond_stage_config": "__is_first_stage__",
            },
        }
    }


def vqgan_state(kind: str = "VQModel", seed: int = 0) -> dict[str, Tensor]:
    """The state dict of a tiny generator, with some tensors of the training losses."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = VQModel(DDCONFIG, CODES, WIDTH, gumbel=kind == "GumbelVQ")
        # Codes far apart, so that rounding never selects another one.
        for name, tensor in model.state_dict().items():
            if name in ("quantize.embedding.weight", "quantize.embed.weight"):
                tensor.normal_()
        return OrderedDict(
            model.state_dict()
            | {
                "loss.discriminator.main.0.weight": torch.randn(4, 3, 4, 4),
                "loss.perceptual_loss.lin0.model.1.weight": torch.randn(1, 64, 1, 1),
            }
        )


@contextlib.contextmanager
def lightning_of_2021() -> Iterator[dict[str, type]]:
    """Provide classes with the names of PyTorch Lightning 1.0, for pickling."""
    names = (
        "pytorch_lightning",
        "pytorch_lightning.callbacks",
        "pytorch_lightning.callbacks.model_checkpoint",
        "pytorch_lightning.utilities",
        "pytorch_lightning.utilities.parsing",
    )
    before = {name: sys.modules[name] for name in names if name in sys.modules}
    modules = {name: ModuleType(name) for name in names}
    classes: dict[str, type] = {}
    for module, name, base in (
        ("callbacks.model_checkpoint", "ModelCheckpoint", object),
        ("utilities.parsing", "AttributeDict", dict),
    ):
        classes[name] = type(name, (base,), {"__module__": f"pytorch_lightning.{module}"})
        setattr(modules[f"pytorch_lightning.{module}"], name, classes[name])
    sys.modules.update(modules)
    try:
        yield classes
    finally:
        for name in names:
            sys.modules.pop(name)
        sys.modules.update(before)


def write_lightning(path: Path, state: dict[str, Tensor], *, legacy: bool = False) -> Path:
    """A Lightning checkpoint like taming's: weights, and other objects that name classes."""
    with lightning_of_2021() as classes:
        settings = classes["AttributeDict"]()
        settings.learning_rate = 4.5e-6
        callbacks = {
            classes["ModelCheckpoint"]: {
                "monitor": "val/rec_loss",
                "best_model_score": torch.tensor(0.31),
                "best_model_path": "checkpoints/epoch=11.ckpt",
            }
        }
        torch.save(
            {
                "epoch": 12,
                "global_step": 320_000,
                "pytorch-lightning_version": "1.0.8",
                "callbacks": callbacks,
                "optimizer_states": [{"state": {}}],
                "lr_schedulers": [],
                "state_dict": state,
                "hyper_parameters": settings,
            },
            path,
            _use_new_zipfile_serialization=not legacy,
        )
    return path


def write_vqgan(
    folder: Path, kind: str = "VQModel", *, seed: int = 0, net2net: bool = False
) -> tuple[Path, Path]:
    """(checkpoint, yaml) of a tiny generator in ``folder``."""
    state, config = vqgan_state(kind, seed), vqgan_config(kind)
    if net2net:
        config = net2net_config(kind)
        state = {f"first_stage_model.{name}": tensor for name, tensor in state.items()}
        state["transformer.tok_emb.weight"] = torch.randn(5, 5)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.yaml"
    file.write_text(yaml.safe_dump(config))
    return write_lightning(folder / "last.ckpt", state), file


def tiny_clip(kind: str = "ViT", seed: int = 0) -> Any:
    """A CLIP for 32 px, "ViT" or "RN", in evaluation mode; fp16 where OpenAI's are."""
    vision: dict[str, Any] = (
        {"vision_layers": 2, "vision_width": 64, "vision_patch_size": 16, "embed_dim": 32}
        if kind == "ViT"
        else {
            "vision_layers": (1, 1, 1, 1),
            "vision_width": 8,
            "vision_patch_size": None,
            "embed_dim": 32,
        }
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        clip = clip_model().CLIP(
            image_resolution=32,
            context_length=77,
            vocab_size=49408,
            transformer_width=64,
            transformer_heads=1,
            transformer_layers=2,
            **vision,
        )
        for name, tensor in clip.state_dict().items():
            if name.endswith(("bn1.running_mean", "bn3.weight")):  # else a ResNet's are 0
                tensor.normal_(std=0.5)
    clip_model().convert_weights(clip)
    return clip.eval()


def clip_state(kind: str = "ViT", seed: int = 0) -> dict[str, Tensor]:
    """Its state dict, with the three numbers that OpenAI's have as well as the weights."""
    return tiny_clip(kind, seed).state_dict() | {
        "input_resolution": torch.tensor(32),
        "context_length": torch.tensor(77),
        "vocab_size": torch.tensor(49408),
    }


def write_clip_archive(path: Path, kind: str = "ViT", seed: int = 0) -> Path:
    """A traced TorchScript archive with the numbers as buffers, as OpenAI publishes CLIP."""
    clip = tiny_clip(kind, seed)
    for name, value in (("input_resolution", 32), ("context_length", 77), ("vocab_size", 49408)):
        if hasattr(clip, name):
            delattr(clip, name)
        clip.register_buffer(name, torch.tensor(value))
    words = torch.zeros(1, 77, dtype=torch.long)
    words[0, 1] = 49407
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns that sizes become constants
        traced = torch.jit.trace(clip, (torch.rand(1, 3, 32, 32), words), check_trace=False)
        traced.save(str(path))
    return path


def write_clip(path: Path, kind: str = "ViT", seed: int = 0) -> Path:
    """A plain state dict of a CLIP."""
    torch.save(clip_state(kind, seed), path)
    return path


OPEN_CLIP_HEADS = 5  # of 16, so that 80 / 64 is another number


def open_clip_state(seed: int = 0, hidden: int = 344, text_hidden: int = 256) -> dict[str, Tensor]:
    """A small ViT in OpenCLIP's layout: wide 80 with heads of 16, as ViT-g-14's have 88 of 1408."""
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int, std: float = 0.3) -> Tensor:
        return torch.randn(shape, generator=rng) * std

    def block(width: int, inner: int) -> dict[str, Tensor]:
        return {
            "ln_1.weight": 1 + normal(width),
            "ln_1.bias": normal(width),
            "attn.in_proj_weight": normal(3 * width, width),
            "attn.in_proj_bias": normal(3 * width),
            "attn.out_proj.weight": normal(width, width, std=0.1),
            "attn.out_proj.bias": normal(width),
            "ln_2.weight": 1 + normal(width),
            "ln_2.bias": normal(width),
            "mlp.c_fc.weight": normal(inner, width, std=0.2),
            "mlp.c_fc.bias": normal(inner),
            "mlp.c_proj.weight": normal(width, inner, std=0.1),
            "mlp.c_proj.bias": normal(width),
        }

    state = {
        "positional_embedding": normal(77, 64),
        "text_projection": normal(64, 24),
        "logit_scale": torch.tensor(2.7),
        "visual.class_embedding": normal(80),
        "visual.positional_embedding": normal(5, 80),
        "visual.proj": normal(80, 24),
        "visual.conv1.weight": normal(80, 3, 8, 8, std=0.1),
        "token_embedding.weight": normal(49408, 64),
        "ln_final.weight": 1 + normal(64),
        "ln_final.bias": normal(64),
    }
    for name in ("ln_pre", "ln_post"):
        state |= {f"visual.{name}.weight": 1 + normal(80), f"visual.{name}.bias": normal(80)}
    for i in range(2):
        for prefix, width, inner in (("visual.", 80, hidden), ("", 64, text_hidden)):
            at = f"{prefix}transformer.resblocks.{i}"
            state |= {f"{at}.{name}": tensor for name, tensor in block(width, inner).items()}
    return state


def open_clip_config(**changes: Any) -> dict[str, Any]:
    """Its JSON, with ``changes`` to the top or, as "vision_cfg.width", to a part."""
    config: dict[str, Any] = {
        "embed_dim": 24,
        "quick_gelu": False,
        "vision_cfg": {
            "image_size": 16,
            "layers": 2,
            "width": 80,
            "head_width": 16,
            "mlp_ratio": 4.3,
            "patch_size": 8,
        },
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 64,
            "heads": 2,
            "layers": 2,
        },
    }
    for name, value in changes.items():
        place, _, key = name.rpartition(".")
        (config[place] if place else config)[key] = value
    return config
