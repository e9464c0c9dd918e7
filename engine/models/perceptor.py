"""The perceptor: a CLIP, which says how well pictures and words match (paper, section 2.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.packages import clip_model, clip_tokenizer

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
_START, _END = "<|startoftext|>", "<|endoftext|>"
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True)
class Tokens:
    """A text as the perceptor reads it.

    ``ids`` [context_length] is padded with zeros; ``unknown`` are the words left out because
    the perceptor was never shown them; ``cut`` is the number of tokens beyond its context.
    """

    ids: Tensor
    unknown: tuple[str, ...] = ()
    cut: int = 0


class Perceptor(nn.Module):
    """An OpenAI-format CLIP that maps words and pictures to unit vectors of ``width`` D.

    ``known`` [vocabulary], where given, marks the tokens it was trained on; without it every
    token counts as known.
    """

    def __init__(self, clip: Any, known: Tensor | None = None) -> None:
        super().__init__()
        self.clip = clip
        self.resolution: int = clip.visual.input_resolution
        self.context_length: int = clip.context_length
        self.width: int = clip.text_projection.shape[1]
        self.known = known
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.mean.device

    def tokenize(self, text: str) -> Tokens:
        """Split ``text`` into tokens; never fails, whatever the text."""
        tokenizer = clip_tokenizer()
        unknown: list[str] = []
        body: list[int] = tokenizer.encode(text)
        if self.known is not None:
            unknown = [word for word in _WORD.findall(text) if not self._knows(word)]
            body = [token for token in body if self.known[token]]
        room = self.context_length - 2
        ids = torch.zeros(self.context_length, dtype=torch.long)
        row = [tokenizer.encoder[_START], *body[:room], tokenizer.encoder[_END]]
        ids[: len(row)] = torch.tensor(row)
        return Tokens(ids, tuple(dict.fromkeys(unknown)), max(0, len(body) - room))

    def _knows(self, word: str) -> bool:
        assert self.known is not None
        return bool(self.known[clip_tokenizer().encode(word)].all())

    def encode_text(self, texts: list[str]) -> Tensor:
        """Unit vectors [len(texts), D] of ``texts``."""
        return self.encode_tokens(torch.stack([self.tokenize(text).ids for text in texts]))

    def encode_tokens(self, ids: Tensor) -> Tensor:
        """Unit vectors [B, D] of token rows [B, context_length]."""
        return _unit(self.clip.encode_text(ids.to(self.device)))

    def encode_image(self, cutouts: Tensor) -> Tensor:
        """Unit vectors [N, D] of pictures [N, 3, S, S] in 0..1, S being ``resolution``."""
        features = self.clip.encode_image((cutouts - self.mean) / self.std)
        return _unit(features)


def _unit(features: Tensor) -> Tensor:
    """Vectors [N, D] of any precision as unit vectors in at least float32."""
    precise = features.to(torch.promote_types(features.dtype, torch.float32))
    return nn.functional.normalize(precise, dim=-1)


def new_clip(*, embed_dim: int, resolution: int, vision_width: int,
             vision_layers: int | tuple[int, int, int, int], text_width: int, text_layers: int,
             context_length: int, patch: int | None = None) -> Any:
    """An untrained OpenAI-format CLIP in float32.

    With a vision transformer of ``vision_layers`` layers and patches of ``patch`` pixels, or with
    CLIP's modified ResNet, of so many blocks in each of its four stages.
    """
    return clip_model().CLIP(
        embed_dim=embed_dim, image_resolution=resolution, vision_layers=vision_layers,
        vision_width=vision_width, vision_patch_size=patch, context_length=context_length,
        vocab_size=len(clip_tokenizer().encoder), transformer_width=text_width,
        transformer_heads=text_width // 64, transformer_layers=text_layers)
