"""A text tower: a small transformer from CLIP's tokens to logits over a classifier's classes.

It has BERT's post-LN architecture (Devlin et al. 2018), so that training can start from the layers
of a sentence encoder. The embedding is factorised (ALBERT, Lan et al. 2020) and has rows only for
the tokens of the training data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.models.packages import clip_tokenizer
from engine.models.perceptors.base import known_tokens
from engine.models.state_dict import Uninitialised, fill
from engine.translatable import Translatable

HEAD_WIDTH = 32  # MiniLM's
UNKNOWN = 0  # the row of all tokens without a row of their own


@dataclass(frozen=True)
class TowerSizes:
    """The sizes of a tower; ``rows`` counts the tokens with a row of their own."""

    rows: int
    embedding: int = 64
    width: int = 384
    layers: int = 3
    inner: int = 768
    context: int = 77
    classes: int = 1000


class Layer(nn.Module):
    """One post-LN transformer layer."""

    def __init__(self, sizes: TowerSizes) -> None:
        super().__init__()
        width = sizes.width
        self.qkv = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=1e-12)
        self.inner = nn.Linear(width, sizes.inner)
        self.outer = nn.Linear(sizes.inner, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``x`` [B, L, W] attends where ``mask`` [B, L] is true."""
        q, k, v = self.qkv(x).unflatten(2, (3, -1, HEAD_WIDTH)).permute(2, 0, 3, 1, 4)
        heads = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
        x = self.attention_norm(x + self.joined(heads.transpose(1, 2).flatten(2)))
        after: Tensor = self.norm(x + self.outer(F.gelu(self.inner(x))))
        return after


class TextTower(nn.Module):
    """CLIP's token ids [B, L] -> logits [B, classes] of the classes that a text is about.

    ``rows`` [sizes.rows] are the ids of the tokens with a row, in increasing order.
    """

    table: Tensor

    def __init__(self, sizes: TowerSizes, rows: Tensor) -> None:
        super().__init__()
        self.sizes = sizes
        table = torch.full((len(clip_tokenizer().encoder),), UNKNOWN)
        table[rows] = torch.arange(1, sizes.rows + 1)
        self.register_buffer("table", table, persistent=False)
        self.tokens = nn.Embedding(sizes.rows + 1, sizes.embedding)
        self.up = nn.Linear(sizes.embedding, sizes.width)
        self.positions = nn.Parameter(torch.zeros(sizes.context, sizes.width))
        self.norm = nn.LayerNorm(sizes.width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.head = nn.Linear(sizes.width, sizes.classes)

    def knows(self, ids: Tensor) -> Tensor:
        """Whether each token has a row of its own; words with other tokens are unknown."""
        return self.table[ids] != UNKNOWN

    def states(self, ids: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        """The state [B, L, W] of each token [B, L]; only those where ``mask`` is true count.

        ``rows`` replace those of the ids; training makes some of them unknown.
        """
        x = self.up(self.tokens(self.table[ids] if rows is None else rows))
        x = self.norm(x + self.positions[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, mask)
        states: Tensor = x
        return states

    def read(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The states [B, L, W] of token rows [B, context], and where they have tokens [B, L]."""
        ends = ids.argmax(dim=1, keepdim=True)  # the end token has the largest id
        ids = ids[:, : int(ends.max()) + 1]
        mask = torch.arange(ids.shape[1], device=ids.device)[None] <= ends
        return self.states(ids, mask), mask

    def pool(self, ids: Tensor, mask: Tensor, rows: Tensor | None = None) -> Tensor:
        """The mean of the :meth:`states` [B, W] where ``mask`` is true."""
        return masked_mean(self.states(ids, mask, rows), mask)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits [B, classes] of tokens [B, L] with start and end; L is at most the context."""
        logits: Tensor = self.head(self.pool(ids, mask))
        return logits


def masked_mean(states: Tensor, mask: Tensor) -> Tensor:
    """The mean [B, W] of ``states`` [B, L, W] where ``mask`` [B, L] is true."""
    weights = mask[:, :, None].to(states.dtype)
    mean: Tensor = (states * weights).sum(1) / weights.sum(1)
    return mean


def read_tower(tensors: Mapping[str, Tensor]) -> tuple[Tensor, TextTower]:
    """The known tokens [vocabulary] and the tower of a state dict that includes ``rows``.

    Raises CheckpointError if the tensors are not a tower's.
    """
    own = dict(tensors)
    rows = own.pop("rows", None)
    shapes = {name: tuple(value.shape) for name, value in own.items()}
    try:
        (count, embedding), (context, width) = shapes["tokens.weight"], shapes["positions"]
        (inner, _), (classes, _) = shapes["layers.0.inner.weight"], shapes["head.weight"]
    except (KeyError, ValueError):
        raise CheckpointError(
            "The checkpoint has no text tower: its embedding, its positions or "
            "its layers are missing."
        ) from None
    known = None if rows is None else known_tokens(rows, count - 1)
    if rows is None or known is None or width % HEAD_WIDTH:
        raise CheckpointError(
            "The checkpoint's text tower must have a different token, out of "
            "{size}, for each row of its embedding, and a width that is a "
            "multiple of {head}.",
            size=len(clip_tokenizer().encoder),
            head=HEAD_WIDTH,
        )
    layers = len({name.split(".")[1] for name in own if name.startswith("layers.")})
    sizes = TowerSizes(count - 1, embedding, width, layers, inner, context, classes)
    with Uninitialised():
        tower = TextTower(sizes, rows.long())
    fill(tower, own, Translatable("a text tower"))
    return known, tower
