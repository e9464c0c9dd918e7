"""OpenCLIP's text towers that are a network of Hugging Face's transformers: RoBERTa and mT5.

OpenCLIP's configs only name the network, whose own config OpenCLIP downloads. Here its sizes are
read from the weights, and what weights don't show comes from the published configs of the networks
that OpenCLIP's configs name. The tower is OpenCLIP's ``HFTextEncoder``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.models.packages import transformers_module
from engine.models.tensor_names import without_prefix
from engine.translatable import Translatable

PREFIX = "text.transformer."
_WHAT = Translatable("OpenCLIP's model of its config")
# The network's module and the attention heads, by the name in OpenCLIP's configs.
_ROBERTAS = {
    "roberta-base": ("roberta", "Roberta", 12),
    "xlm-roberta-base": ("xlm_roberta", "XLMRoberta", 12),
    "xlm-roberta-large": ("xlm_roberta", "XLMRoberta", 16),
}
_MT5S = ("mt5-base", "mt5-xl")
_EPSILON = 1e-5  # of RoBERTa's LayerNorms; the class has another default


class TransformersText(nn.Module):
    """A network of transformers, the mean of its tokens without the padding, and a projection."""

    def __init__(self, transformer: nn.Module, projection: nn.Module, pad: int) -> None:
        super().__init__()
        self.transformer = transformer
        self.proj = projection
        self.pad = pad

    def forward(self, ids: Tensor) -> Tensor:
        """Token rows [B, L] -> vectors [B, D]."""
        mask = (ids != self.pad).long()
        tokens = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
        mean = (tokens * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(-1, keepdim=True)
        vectors: Tensor = self.proj(mean)
        return vectors


def transformers_text(
    config: Mapping[str, Any], width: int, tensors: Mapping[str, Tensor]
) -> TransformersText:
    """The text tower of a ``text_cfg`` with vectors of ``width``, of the sizes of ``tensors``.

    It has no weights yet. Raises CheckpointError for a network that can't be built.
    """
    name = str(config["hf_model_name"]).rpartition("/")[2]
    own = without_prefix(tensors, PREFIX)
    if name in _ROBERTAS:
        network, pad = _roberta(own, *_ROBERTAS[name])
    elif name in _MT5S:
        network, pad = _mt5(own)
    else:
        raise CheckpointError(
            "The config's text tower is {name} of Hugging Face's transformers, which can't be "
            "used; of those only {names} can, and OpenCLIP's own text towers.",
            name=config["hf_model_name"],
            names=", ".join((*_ROBERTAS, *_MT5S)),
        )
    if config.get("hf_pooler_type", "mean_pooler") != "mean_pooler":
        raise CheckpointError(
            "The config's text tower pools its tokens by {name}, which is not known here; only "
            "mean_pooler is.",
            name=repr(config["hf_pooler_type"]),
        )
    return TransformersText(network, _projection(config, network.config.hidden_size, width), pad)


def _projection(config: Mapping[str, Any], before: int, after: int) -> nn.Module:
    kind = config.get("hf_proj_type", "mlp")
    if kind == "linear":
        return nn.Linear(before, after, bias=False)
    if kind == "mlp":
        hidden = (before + after) // 2
        return nn.Sequential(
            nn.Linear(before, hidden, bias=False), nn.GELU(), nn.Linear(hidden, after, bias=False)
        )
    if kind is None and before == after:
        return nn.Identity()
    raise CheckpointError(
        "The config's text tower has a projection of the kind {kind} from {before} to {after} "
        "numbers, which is not known here.",
        kind=repr(kind),
        before=before,
        after=after,
    )


def _roberta(tensors: Mapping[str, Tensor], module: str, network: str, heads: int) -> Any:
    """The network, without its own pooling, and the id of the padding."""
    words, width = _shape(tensors, "embeddings.word_embeddings.weight")
    positions, _ = _shape(tensors, "embeddings.position_embeddings.weight")
    types, _ = _shape(tensors, "embeddings.token_type_embeddings.weight")
    hidden, _ = _shape(tensors, "encoder.layer.0.intermediate.dense.weight")
    package = transformers_module(f"models.{module}.modeling_{module}")
    config = getattr(package, f"{network}Config")(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=_count(tensors, "encoder.layer."),
        num_attention_heads=heads,
        intermediate_size=hidden,
        max_position_embeddings=positions,
        type_vocab_size=types,
        layer_norm_eps=_EPSILON,
        pad_token_id=1,
    )
    return getattr(package, f"{network}Model")(config, add_pooling_layer=False), 1


def _mt5(tensors: Mapping[str, Tensor]) -> Any:
    words, width = _shape(tensors, "embed_tokens.weight")
    attention = "block.0.layer.0.SelfAttention"
    buckets, heads = _shape(tensors, f"{attention}.relative_attention_bias.weight")
    inner, _ = _shape(tensors, f"{attention}.q.weight")
    hidden, _ = _shape(tensors, "block.0.layer.1.DenseReluDense.wi_0.weight")
    package = transformers_module("models.mt5.modeling_mt5")
    config = package.MT5Config(
        vocab_size=words,
        d_model=width,
        d_kv=inner // heads,
        d_ff=hidden,
        num_layers=_count(tensors, "block."),
        num_heads=heads,
        relative_attention_num_buckets=buckets,
        feed_forward_proj="gated-gelu",
    )
    return package.MT5EncoderModel(config).encoder, 0


def _shape(tensors: Mapping[str, Tensor], name: str) -> tuple[int, int]:
    tensor = tensors.get(name)
    if tensor is None or tensor.dim() != 2 or not tensor.numel():
        raise CheckpointError(
            "The checkpoint is not {what}: it doesn't have {names}.",
            what=_WHAT,
            names=PREFIX + name,
        )
    return tensor.shape[0], tensor.shape[1]


def _count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """How many layers there are under ``prefix``."""
    numbers = {name[len(prefix) :].partition(".")[0] for name in tensors if name.startswith(prefix)}
    return sum(number.isdigit() for number in numbers)
