"""Averaged weights of a training run -> the files that the package ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from engine.errors import CheckpointError
from engine.models.packages import clip_tokenizer
from training.common.stage import save_atomically
from training.generator.drawn import CODE_WIDTH, CODES, DDCONFIG
from training.world.captions import describe
from training.world.sampling import Mix, sample_scene

SHIPPED = Path(__file__).parents[2] / "engine/models/weights/drawn"


def _state(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise CheckpointError(f"There is no training state at {path}; train that model first.")
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state


def known_tokens(mix: Mix, captions: int = 20_000, seed: int = 5) -> list[int]:
    """The tokens that captions of ``mix`` are made of, in order, start and end included."""
    rng = np.random.default_rng(seed)
    tokenizer = clip_tokenizer()
    tokens = {tokenizer.encoder["<|startoftext|>"], tokenizer.encoder["<|endoftext|>"]}
    for _ in range(captions):
        tokens.update(tokenizer.encode(describe(sample_scene(rng, mix), rng)[0]))
    return sorted(tokens)


def export_perceptor(run: Path, folder: Path = SHIPPED) -> Path:
    """Write ``perceptor.pt``: an OpenAI-format state dict in fp16, with the rows it learned.

    Of the 49,408 rows of the token embedding only those of known words are kept, beside their
    numbers in ``token_embedding.rows``.
    """
    trained = _state(run / "words.pt")
    weights: dict[str, Tensor] = trained["average"]["weights"]
    state = {name.removeprefix("clip."): value.half() for name, value in weights.items()}
    rows = torch.tensor(known_tokens(Mix(**trained["mix"])))
    state["token_embedding.weight"] = state["token_embedding.weight"][rows].clone()
    state["token_embedding.rows"] = rows
    save_atomically(state, folder / "perceptor.pt")
    return folder / "perceptor.pt"


def export_generator(run: Path, folder: Path = SHIPPED) -> Path:
    """Write ``generator.ckpt`` and ``generator.yaml`` in taming's format, weights in fp16."""
    trained = _state(run / "generator.pt")
    weights: dict[str, Tensor] = trained["average"]["weights"]
    # The codebook is followed, not trained: its present rows, not an average of the past.
    weights["quantize.embedding.weight"] = trained["model"]["quantize.embedding.weight"]
    state = {name: value.half() for name, value in weights.items()}
    save_atomically({"state_dict": state}, folder / "generator.ckpt")
    config: dict[str, Any] = {"model": {"target": "taming.models.vqgan.VQModel", "params": {
        "embed_dim": CODE_WIDTH, "n_embed": CODES, "ddconfig": DDCONFIG}}}
    (folder / "generator.yaml").write_text(
        "# norm_groups is ours: see engine/models/packages.py\n"
        + yaml.safe_dump(config, sort_keys=False))
    return folder / "generator.ckpt"
