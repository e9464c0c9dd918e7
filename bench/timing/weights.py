"""Random weights in the published layout: files as people download them, with random numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from bench.reference import Autoencoder, new_clip
from engine.models import Models, load_catalogue, load_models

_NAME = "measured"


@dataclass(frozen=True)
class Sizes:
    """The sizes of a VQGAN, as in its yaml, and of a CLIP, as its class takes them."""

    ddconfig: dict[str, Any]
    n_embed: int
    embed_dim: int
    clip: dict[str, Any]


# VQGAN f16-16384 of ImageNet and CLIP ViT-B/32, those of the paper.
FULL = Sizes(
    {
        "double_z": False,
        "z_channels": 256,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 128,
        "ch_mult": [1, 1, 2, 2, 4],
        "num_res_blocks": 2,
        "attn_resolutions": [16],
        "dropout": 0.0,
    },
    16384,
    256,
    {
        "embed_dim": 512,
        "image_resolution": 224,
        "vision_layers": 12,
        "vision_width": 768,
        "vision_patch_size": 32,
        "context_length": 77,
        "transformer_width": 512,
        "transformer_heads": 8,
        "transformer_layers": 12,
    },
)
# The same networks, tiny, to try the measurements themselves.
SMALL = Sizes(
    {
        **FULL.ddconfig,
        "z_channels": 32,
        "resolution": 32,
        "ch": 32,
        "ch_mult": [1, 2],
        "num_res_blocks": 1,
    },
    64,
    32,
    {
        "embed_dim": 64,
        "image_resolution": 32,
        "vision_layers": 2,
        "vision_width": 64,
        "vision_patch_size": 8,
        "context_length": 16,
        "transformer_width": 64,
        "transformer_heads": 1,
        "transformer_layers": 1,
    },
)


def write_weights(folder: Path, sizes: Sizes) -> None:
    """Write both checkpoints, the yaml and a catalogue into ``folder``; 0.9 GB at full size.

    The codes are standard normal, as far apart as trained ones: those that taming starts training
    with are all but equal.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(31)
        autoencoder = Autoencoder(sizes.ddconfig, sizes.n_embed, sizes.embed_dim)
        autoencoder.codebook.data.normal_()
        clip = new_clip(sizes.clip)
    torch.save({"state_dict": autoencoder.state_dict()}, folder / "generator.ckpt")
    # OpenAI's files have these numbers among the weights; without them the engine would ask which
    # program the file is from.
    numbers = {
        "input_resolution": torch.tensor(sizes.clip["image_resolution"]),
        "context_length": torch.tensor(sizes.clip["context_length"]),
        "vocab_size": torch.tensor(clip.vocab_size),
    }
    torch.save({**clip.state_dict(), **numbers}, folder / "perceptor.pt")
    params = {
        "ddconfig": sizes.ddconfig,
        "n_embed": sizes.n_embed,
        "embed_dim": sizes.embed_dim,
    }
    config = {"model": {"target": "taming.models.vqgan.VQModel", "params": params}}
    (folder / "generator.yaml").write_text(yaml.safe_dump(config), "utf-8")
    (folder / "catalogue.toml").write_text(
        f"[generators.{_NAME}]\n"
        'checkpoint = { path = "generator.ckpt" }\n'
        'config = { path = "generator.yaml" }\n'
        f"[perceptors.{_NAME}]\n"
        'checkpoint = { path = "perceptor.pt" }\n'
        f"[models.{_NAME}]\n"
        f'generator = "{_NAME}"\nperceptor = "{_NAME}"\n',
        "utf-8",
    )


def load_published(folder: Path, sizes: Sizes) -> tuple[Autoencoder, Any]:
    """The packages' own networks with the weights in ``folder``."""
    autoencoder = Autoencoder(sizes.ddconfig, sizes.n_embed, sizes.embed_dim)
    autoencoder.load_state_dict(torch.load(folder / "generator.ckpt")["state_dict"])
    clip = new_clip(sizes.clip)
    tensors = torch.load(folder / "perceptor.pt")
    own = clip.state_dict()
    clip.load_state_dict({name: tensors[name] for name in own})
    return autoencoder, clip


def load_engine(folder: Path, device: str, precision: str) -> Models:
    """The engine's model with the same weights, loaded as any model of a catalogue is."""
    catalogue = load_catalogue(folder / "catalogue.toml")
    return load_models(_NAME, device=device, precision=precision, catalogue=catalogue)
