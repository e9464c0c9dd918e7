"""From a training state to a checkpoint in taming's format, with weights in fp16."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from training.common.stage import save_atomically
from training.generator.growing import fold_scale

_NOTE = "# norm_groups is ours: see engine/models/packages.py\n"


def export_state(state: Path, checkpoint: Path) -> Path:
    """Write ``checkpoint`` and the yaml of the same name from a saved state of a run."""
    trained: dict[str, Any] = torch.load(state, weights_only=True)
    weights: dict[str, Tensor] = dict(trained["average"]["weights"])
    # The codebook is itself an average; one more would bring back codes that were revived since.
    weights["quantize.embedding.weight"] = trained["model"]["quantize.embedding.weight"]
    return export(weights, trained["ddconfig"], checkpoint)


def export(weights: Mapping[str, Tensor], ddconfig: Mapping[str, Any], checkpoint: Path) -> Path:
    """Write weights with codes of deviation 1 to ``checkpoint``, and the yaml next to it."""
    folded = {name: value.half().contiguous() for name, value in fold_scale(weights).items()}
    save_atomically({"state_dict": folded}, checkpoint)
    codes, width = folded["quantize.embedding.weight"].shape
    config = {"model": {"target": "taming.models.vqgan.VQModel", "params": {
        "embed_dim": width, "n_embed": codes, "ddconfig": dict(ddconfig)}}}
    checkpoint.with_suffix(".yaml").write_text(_NOTE + yaml.safe_dump(config, sort_keys=False),
                                               encoding="utf-8")
    return checkpoint
