"""From a checkpoint's tensors to a Generator or a Perceptor, in float32 on the CPU.

The modules are made without a value in their weights and then given the checkpoint's tensors:
one copy of the weights, no random draw, a few milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.errors import CheckpointError
from engine.models.checkpoints import looks_like_page, without_prefix
from engine.models.generator import Generator, VQModel
from engine.models.packages import clip_model, clip_tokenizer
from engine.models.perceptor import Perceptor
from engine.sentence import Sentence

_NET2NET_PREFIX = "first_stage_model."
_GENERATOR_PARTS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.",
                    "quantize.embedding.", "quantize.embed.", "quantize.proj.")
_TARGETS = {"VQModel": False, "VQNoDiscModel": False, "GumbelVQ": True}  # -> whether Gumbel
_WHOLE_NUMBERS = ("ch", "out_ch", "num_res_blocks", "in_channels", "resolution", "z_channels")
_FILLING = ("normal_", "uniform_", "kaiming_uniform_", "xavier_uniform_", "kaiming_normal_")
_CLIP_EXTRAS = ("input_resolution", "context_length", "vocab_size")


def read_config(path: Path) -> dict[str, Any]:
    """The yaml beside a taming checkpoint, as plain values. Raises CheckpointError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise CheckpointError("{path} cannot be read: {reason}.", path=path,
                              reason=error.strerror) from None
    if looks_like_page(text[:512]):
        raise CheckpointError("{path} is a web page, not a yaml file; fetch it again.", path=path)
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError):
        raise CheckpointError("{path} is no yaml file; fetch it again.", path=path) from None
    if not isinstance(config, dict):
        raise CheckpointError("{path} has no `model:`; give the yaml of the checkpoint.", path=path)
    return config


def build_generator(state_dict: Mapping[str, Tensor], config: Mapping[str, Any]) -> Generator:
    """A Generator of a taming-format state dict and its yaml.

    Both may be a VQModel's, a GumbelVQ's or a Net2Net transformer's around one of them; the
    training losses' tensors are left out. Raises CheckpointError where they do not fit.
    """
    kind, params = _first_stage(config)
    ddconfig = _ddconfig(params)
    codes, width = (_whole(params, key) for key in ("n_embed", "embed_dim"))
    own = {name: tensor for name, tensor in without_prefix(state_dict, _NET2NET_PREFIX).items()
           if name.startswith(_GENERATOR_PARTS)}
    with torch.device("meta"), _Uninitialised():
        model = VQModel(ddconfig, codes, width, gumbel=_TARGETS[kind])
    _fill(model, own, Sentence("a {kind} as its yaml describes it", kind=kind))
    return Generator(model).eval().requires_grad_(False)


def build_perceptor(state_dict: Mapping[str, Tensor]) -> Perceptor:
    """A Perceptor of an OpenAI-format CLIP's state dict, sizes read off the shapes.

    As CLIP's own ``build_model``, but kept in float32, as fp16 gives NaN now and then. Beside
    ``token_embedding.weight`` [n, width] there may be ``token_embedding.rows`` [n]: then only
    these rows of the vocabulary are there, and the Perceptor knows which words it knows.
    Raises CheckpointError where the tensors are not a CLIP's.
    """
    tensors = {name: tensor for name, tensor in state_dict.items()
               if name not in _CLIP_EXTRAS and not name.endswith(".attn_mask")}
    known = _scatter_embedding(tensors)
    sizes = _clip_sizes(tensors)
    # Not on meta: CLIP's constructor also makes its attention mask, which no checkpoint has.
    with _Uninitialised():
        clip = clip_model().CLIP(**sizes)
    _fill(clip, tensors, Sentence("an OpenAI-format CLIP"))
    return Perceptor(clip, known).eval().requires_grad_(False)


def _first_stage(config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """(class name, parameters) of the autoencoder that a taming yaml describes."""
    stage = config.get("model", config)
    while isinstance(stage, dict) and isinstance(stage.get("params"), dict):
        inner = stage["params"].get("first_stage_config")
        if inner is None:
            kind = str(stage.get("target", "")).rpartition(".")[2]
            if kind not in _TARGETS:
                raise CheckpointError("The yaml describes a `{kind}`; what can paint is a {names}.",
                                      kind=kind, names=", ".join(_TARGETS))
            return kind, stage["params"]
        stage = inner
    raise CheckpointError("The yaml has no `model:` with `target:` and `params:`; give the one "
                          "that was published beside the checkpoint.")


def _whole(values: Mapping[str, Any], key: str, most: int = 1 << 20) -> int:
    value = values.get(key)
    if type(value) is not int or not 1 <= value <= most:
        raise CheckpointError("The yaml's `{key}` should be a whole number from 1 to {most}, not "
                              "{value}.", key=key, most=most, value=repr(value))
    return value


def _ddconfig(params: Mapping[str, Any]) -> dict[str, Any]:
    ddconfig = params.get("ddconfig")
    if not isinstance(ddconfig, dict):
        raise CheckpointError("The yaml has no `ddconfig:` under `params:`.")
    for key in _WHOLE_NUMBERS:
        _whole(ddconfig, key, most=64 if key == "num_res_blocks" else 1 << 14)
    for key, most in (("ch_mult", 12), ("attn_resolutions", 64)):
        row = ddconfig.get(key)
        if not isinstance(row, list) or len(row) > most or any(type(n) is not int for n in row):
            raise CheckpointError("The yaml's `{key}` should be a list of whole numbers, not "
                                  "{row}.", key=key, row=repr(row))
    groups = _whole(ddconfig, "norm_groups") if "norm_groups" in ddconfig else 32
    if not ddconfig["ch_mult"] or any(
            not 1 <= n <= 64 or ddconfig["ch"] * n % groups for n in ddconfig["ch_mult"]):
        raise CheckpointError("The yaml's `ch` times each `ch_mult` should be a multiple of "
                              "{groups}.", groups=groups)
    if ddconfig["ch"] % groups:
        raise CheckpointError("The yaml's `ch` should be a multiple of {groups}.", groups=groups)
    if ddconfig["in_channels"] != 3 or ddconfig["out_ch"] != 3:
        raise CheckpointError("The yaml describes a model of something other than RGB pictures: "
                              "`in_channels` and `out_ch` should be 3.")
    # The two flags that change shapes or what comes out; a VQGAN has neither set.
    return {**ddconfig, "double_z": bool(ddconfig.get("double_z", True)), "give_pre_end": False}


def _fill(module: nn.Module, tensors: dict[str, Tensor], what: str) -> None:
    """Give ``module``, made without values, the ``tensors`` as its own, in its own dtypes."""
    wanted = module.state_dict()
    for name in wanted:
        if name.endswith("num_batches_tracked"):  # counts training steps; old files lack it
            tensors.setdefault(name, torch.zeros((), dtype=torch.int64))
    missing = [name for name in wanted if name not in tensors]
    if missing:
        raise CheckpointError("The checkpoint is not {what}: it lacks {names}.", what=what,
                              names=_some(missing))
    strange = [name for name in tensors if name not in wanted]
    if strange:
        raise CheckpointError("The checkpoint is not {what}: it has {names} besides.", what=what,
                              names=_some(strange))
    own: dict[str, Tensor] = {}
    for name, like in wanted.items():
        tensor = tensors[name]
        if tensor.shape != like.shape:
            raise CheckpointError("The checkpoint is not {what}: {name} is {shape}, not {like}.",
                                  what=what, name=name, shape=list(tensor.shape),
                                  like=list(like.shape))
        # Copied, as what was read may be the file itself, mapped into memory.
        own[name] = torch.empty(like.shape, dtype=like.dtype).copy_(tensor)
        # A sum is as finite as its terms, and six times as fast as asking each.
        if not own[name].sum().isfinite():
            raise CheckpointError("The checkpoint holds numbers that are not finite in {name}; "
                                  "fetch it again.", name=name)
    module.load_state_dict(own, assign=True)


class _Uninitialised(TorchFunctionMode):
    """Leaves out the random start of weights that a checkpoint is about to replace.

    On the meta device, too: a first random number there makes PyTorch import its compiler,
    which takes 1.2 s.
    """

    def __torch_function__(self, func: Callable[..., Any], types: Any,
                           args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
                           ) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in _FILLING:
            return args[0] if args else kwargs["tensor"]
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest


def _scatter_embedding(tensors: dict[str, Tensor]) -> Tensor | None:
    """Spread an embedding of few rows over the vocabulary, in place; which rows those are."""
    rows = tensors.pop("token_embedding.rows", None)
    if rows is None:
        return None
    weight = _of_rank(tensors, "token_embedding.weight", 2)
    size = len(clip_tokenizer().encoder)
    rows = rows.long()
    if rows.shape != weight.shape[:1] or not len(rows) or rows.unique().numel() != len(rows) or (
            rows.min() < 0 or rows.max() >= size):
        raise CheckpointError("The checkpoint's token_embedding.rows should name one token of "
                              "{size} for each row of token_embedding.weight.", size=size)
    whole = torch.zeros(size, weight.shape[1])
    whole[rows] = weight.float()
    tensors["token_embedding.weight"] = whole
    known = torch.zeros(size, dtype=torch.bool)
    known[rows] = True
    return known


def _has_heads(width: int) -> bool:
    """Whether OpenAI's CLIP can be so wide: it has a head for each 64, all of them alike."""
    return width >= 64 and width % (width // 64) == 0


def _of_rank(tensors: Mapping[str, Tensor], name: str, rank: int) -> Tensor:
    tensor = tensors.get(name)
    if tensor is None:
        raise CheckpointError("The checkpoint is not an OpenAI-format CLIP: it lacks {name}.",
                              name=name)
    if tensor.ndim != rank or not tensor.numel():
        raise CheckpointError("The checkpoint is not an OpenAI-format CLIP: {name} is {shape}.",
                              name=name, shape=list(tensor.shape))
    return tensor


def _clip_sizes(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of CLIP's constructor, from the shapes of its weights."""
    vocabulary, text_width = _of_rank(tensors, "token_embedding.weight", 2).shape
    if vocabulary != len(clip_tokenizer().encoder):
        raise CheckpointError("The checkpoint's vocabulary has {vocabulary} entries; OpenAI's "
                              "tokenizer has {theirs}.", vocabulary=vocabulary,
                              theirs=len(clip_tokenizer().encoder))
    first = _of_rank(tensors, "visual.conv1.weight", 4)
    layers: int | tuple[int, ...]
    patch: int | None = None
    if "visual.proj" in tensors:  # a vision transformer
        width, patch = first.shape[0], first.shape[-1]
        grid = _side(_of_rank(tensors, "visual.positional_embedding", 2))
        resolution = patch * grid
        layers = _count(tensors, "visual.transformer.resblocks.")
    else:  # a ModifiedResNet, which divides the side by 32 before its attention pool
        width = _of_rank(tensors, "visual.layer1.0.conv1.weight", 4).shape[0]
        resolution = 32 * _side(_of_rank(tensors, "visual.attnpool.positional_embedding", 2))
        layers = tuple(_count(tensors, f"visual.layer{stage}.") for stage in range(1, 5))
    fits = _has_heads(width) if patch else width % 2 == 0
    if not (fits and _has_heads(text_width)):
        raise CheckpointError("The checkpoint is not an OpenAI-format CLIP: its widths {width} and "
                              "{text_width} are not multiples of a head's 64.", width=width,
                              text_width=text_width)
    return {"embed_dim": _of_rank(tensors, "text_projection", 2).shape[1],
            "image_resolution": resolution, "vision_layers": layers, "vision_width": width,
            "vision_patch_size": patch,
            "context_length": _of_rank(tensors, "positional_embedding", 2).shape[0],
            "vocab_size": vocabulary, "transformer_width": text_width,
            "transformer_heads": text_width // 64,
            "transformer_layers": _count(tensors, "transformer.resblocks.")}


def _side(positions: Tensor) -> int:
    """The side of the square grid that position embeddings [1 + side^2, width] are for."""
    side = math.isqrt(positions.shape[0] - 1)
    if side < 1 or side**2 + 1 != positions.shape[0]:
        raise CheckpointError("The checkpoint is not an OpenAI-format CLIP: its picture positions, "
                              "{count}, make no square and one.", count=positions.shape[0])
    return side


def _count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbered layers there are under ``prefix``."""
    return len({name[len(prefix):].split(".")[0] for name in tensors if name.startswith(prefix)})
