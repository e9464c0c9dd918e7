"""The text tower's corpus and start, drawn beforehand for a machine without teacher and WordNet.

The whole corpus has hundreds of MB. Of its sentences as many are taken as fit, at random, but first
those that are needed for every token to be in one. The teacher's vectors are kept in 4 bits and the
tower in 8: their noise is small, and more sentences fit.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.models.perceptors.text_tower import TextTower, TowerSizes
from training.common.packing import pack, unpack
from training.words.corpus.prepare import Prepared
from training.words.natural import shrunk
from training.words.teacher import WIDTH
from training.words.validate import KINDS

_CHUNK = 2000  # sentences
_VALIDATED = 500  # held-out sentences of each kind
_START = "start.npz"
_FULL = 255  # a meaning's weights are shares of it


def draw_words(
    corpus: Prepared,
    tower: TextTower,
    rows: Tensor,
    into: Path,
    *,
    most_bytes: int,
    seed: int,
) -> int:
    """Write ``tower`` and as many sentences as fit to ``into``; returns how many sentences.

    ``rows`` are the ids of the tokens in the corpus; of all others the tower forgets the rows.

    Raises:
        ValueError: Not even the tower and one chunk fit into ``most_bytes``.
    """
    into.mkdir(parents=True, exist_ok=True)
    for old in into.glob("*.npz"):
        old.unlink()
    left = most_bytes - _write(into / _START, _packed_tower(tower, rows))
    drawn = 0
    starts = corpus.lengths.cumsum(0) - corpus.lengths
    for number, chosen in enumerate(_order(corpus, seed).split(_CHUNK)):
        path = into / f"chunk-{number:03d}.npz"
        left -= _write(path, _chunk(corpus, starts, chosen))
        if left < 0:
            path.unlink()
            break
        drawn += len(chosen)
    if not drawn:
        raise ValueError(
            f"The text tower and a few sentences need {(most_bytes - left) / 1e6:.1f} MB, more "
            f"than {most_bytes / 1e6:.1f} MB: raise --words-megabytes."
        )
    return drawn


def load_words(folder: Path) -> tuple[Prepared, TextTower, Tensor]:
    """The corpus, the tower to begin from, and its rows, that :func:`draw_words` wrote.

    The sentences have no texts. Raises FileNotFoundError if there are none.
    """
    tower, rows = _read_tower(folder / _START)
    parts = [_read_chunk(path) for path in sorted(folder.glob("chunk-*.npz"))]
    if not parts:
        raise FileNotFoundError(folder / "chunk-000.npz")
    tensors = {
        name: torch.cat([part[name] for part in parts]) for name in parts[0] if name != "kinds"
    }
    kinds = [kind for part in parts for kind in part["kinds"]]
    return Prepared(**tensors, kinds=kinds, texts=[]), tower, rows


def _order(corpus: Prepared, seed: int) -> Tensor:
    """All sentences [N]: some held-out ones, one for each token, the others of the training."""
    draw = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(corpus.lengths), generator=draw)
    held_out = corpus.held_out[shuffled]
    kinds = np.array(corpus.kinds)[shuffled.numpy()]
    validated = [
        shuffled[torch.from_numpy(kinds == kind) & held_out][:_VALIDATED] for kind in KINDS
    ]
    trained = shuffled[~held_out]
    rank = torch.full((len(corpus.lengths),), len(trained))
    rank[trained] = torch.arange(len(trained))
    first = np.full(int(corpus.tokens.max()) + 1, len(trained))
    np.minimum.at(first, corpus.tokens.numpy(), rank.repeat_interleave(corpus.lengths).numpy())
    needed = torch.zeros(len(trained) + 1, dtype=torch.bool)
    needed[torch.from_numpy(first)] = True
    needed = needed[:-1]
    return torch.cat([*validated, trained[needed], trained[~needed]])


def _chunk(corpus: Prepared, starts: Tensor, chosen: Tensor) -> dict[str, NDArray[Any]]:
    lengths = corpus.lengths[chosen]
    at = starts[chosen].repeat_interleave(lengths) + _counts(lengths)
    vectors = corpus.vectors[chosen]
    read = vectors.any(1)
    numbers, scales = pack(vectors[read], 4)
    weights = (corpus.weights[chosen].float() * _FULL).round().to(torch.uint8)
    # What has no weight is compressed away.
    classes = corpus.classes[chosen].masked_fill(weights == 0, 0)
    return {
        "tokens": corpus.tokens[at].numpy().astype(np.uint16),
        "lengths": lengths.numpy().astype(np.uint8),
        "classes": classes.numpy().astype(np.uint16),
        "weights": weights.numpy(),
        "read": read.numpy(),
        "vectors": numbers,
        "scales": scales,
        "held_out": corpus.held_out[chosen].numpy(),
        "kinds": np.array([corpus.kinds[i] for i in chosen.tolist()]),
    }


def _counts(lengths: Tensor) -> Tensor:
    """0, 1, ... for each of ``lengths``, one after the other [sum of lengths]."""
    starts = lengths.cumsum(0) - lengths
    return torch.arange(int(lengths.sum())) - starts.repeat_interleave(lengths)


def _read_chunk(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as kept:
        weights = torch.from_numpy(kept["weights"]).float()
        read = torch.from_numpy(kept["read"])
        vectors = torch.zeros(len(read), WIDTH, dtype=torch.float16)
        vectors[read] = unpack(kept["vectors"], kept["scales"], 4).half()
        return {
            "tokens": torch.from_numpy(kept["tokens"].astype(np.int32)),
            "lengths": torch.from_numpy(kept["lengths"].astype(np.int64)),
            "classes": torch.from_numpy(kept["classes"].astype(np.int16)),
            "weights": (weights / weights.sum(1, keepdim=True)).half(),
            "vectors": vectors,
            "held_out": torch.from_numpy(kept["held_out"]),
            "kinds": kept["kinds"].tolist(),
        }


def _packed_tower(tower: TextTower, rows: Tensor) -> dict[str, NDArray[Any]]:
    sizes, state = shrunk(tower, rows)
    kept: dict[str, NDArray[Any]] = {
        "sizes": np.array(list(asdict(sizes).values())),
        "rows": rows.numpy().astype(np.uint16),
    }
    for name, value in state.items():
        if value.dim() == 2:
            kept[f"state/{name}"], kept[f"scales/{name}"] = pack(value, 8)
        else:
            kept[f"state/{name}"] = value.float().numpy()
    return kept


def _read_tower(path: Path) -> tuple[TextTower, Tensor]:
    with np.load(path, allow_pickle=False) as kept:
        rows = torch.from_numpy(kept["rows"].astype(np.int64))
        tower = TextTower(TowerSizes(*kept["sizes"].tolist()), rows)
        state = {}
        for name in tower.state_dict():
            value, scales = kept[f"state/{name}"], f"scales/{name}"
            whole = scales not in kept
            state[name] = torch.from_numpy(value) if whole else unpack(value, kept[scales], 8)
        tower.load_state_dict(state)
    return tower, rows


def _write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> int:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    path.write_bytes(file.getvalue())
    return len(file.getvalue())
