"""A generator as it ships: a checkpoint in taming's format, with weights in fp16."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from engine.models.checkpoints import read_tensors
from engine.models.generators.taming import VQGenerator, build_generator
from engine.models.generators.taming_yaml import read_config
from training.common.stage import read_state, save_atomically
from training.generator.growing import fold_scale
from training.generator.trainer import CODEBOOK, exported_weights

_NOTE = "# norm_groups is ours: see engine/models/packages.py\n"


def export_state(state: Path, checkpoint: Path, *, unit_codes: bool) -> Path:
    """Write ``checkpoint``, and the yaml of the same name, from a saved state of a run.

    With ``unit_codes`` the codes get a standard deviation of 1. Raises CheckpointError if there is
    no such state.
    """
    trained = read_state(state)
    weights = exported_weights(trained["average"]["weights"], trained["model"][CODEBOOK])
    if unit_codes:
        weights = fold_scale(weights)
    return export(weights, trained["ddconfig"], checkpoint)


def export(weights: Mapping[str, Tensor], ddconfig: Mapping[str, Any], checkpoint: Path) -> Path:
    """Write ``weights`` to ``checkpoint``, and the yaml next to it."""
    halves = {name: value.half().contiguous() for name, value in weights.items()}
    save_atomically({"state_dict": halves}, checkpoint)
    codes, width = halves[CODEBOOK].shape
    config = {
        "model": {
            "target": "taming.models.vqgan.VQModel",
            "params": {"embed_dim": width, "n_embed": codes, "ddconfig": dict(ddconfig)},
        }
    }
    checkpoint.with_suffix(".yaml").write_text(
        _NOTE + yaml.safe_dump(config, sort_keys=False), encoding="utf-8"
    )
    return checkpoint


def read_exported(folder: Path) -> VQGenerator:
    """The generator in ``folder``; CheckpointError if it is missing."""
    return build_generator(
        read_tensors(folder / "generator.ckpt"), read_config(folder / "generator.yaml")
    )
