"""The names that diffusers gives to the tensors of taming's networks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from engine.models.state_dict import check_names

_BLOCKS = (
    (r"^(encoder)\.down\.(\d+)\.block\.(\d+)\.", r"\1.down_blocks.\2.resnets.\3."),
    (r"^(encoder)\.down\.(\d+)\.attn\.(\d+)\.", r"\1.down_blocks.\2.attentions.\3."),
    (r"^(encoder)\.down\.(\d+)\.downsample\.", r"\1.down_blocks.\2.downsamplers.0."),
    (r"^(decoder)\.up\.(\d+)\.block\.(\d+)\.", r"\1.up_blocks.\2.resnets.\3."),
    (r"^(decoder)\.up\.(\d+)\.attn\.(\d+)\.", r"\1.up_blocks.\2.attentions.\3."),
    (r"^(decoder)\.up\.(\d+)\.upsample\.", r"\1.up_blocks.\2.upsamplers.0."),
    (r"\.mid\.block_1\.", ".mid_block.resnets.0."),
    (r"\.mid\.block_2\.", ".mid_block.resnets.1."),
    (r"\.mid\.attn_1\.", ".mid_block.attentions.0."),
    (r"\.norm_out\.", ".conv_norm_out."),
    (r"\.nin_shortcut\.", ".conv_shortcut."),
)
_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
_PART = re.compile(r"(\.attentions\.\d+\.)(norm|q|k|v|proj_out)\.")
# Before 2023 the linear layers of attention had other names.
_OLD = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_OLD_PART = re.compile(r"(\.attentions\.\d+\.)(query|key|value|proj_attn)\.")
_LINEAR = re.compile(r"\.attentions\.\d+\.to_[a-z]+(?:\.0)?\.weight$")


def diffusers_name(name: str, levels: int) -> str:
    """diffusers' name of the tensor that taming calls ``name`` in a network of ``levels``.

    diffusers counts the decoder's levels from the smallest picture, taming from the largest.
    """
    if found := re.match(r"decoder\.up\.(\d+)\.", name):
        name = f"decoder.up.{levels - 1 - int(found[1])}.{name[found.end() :]}"
    for pattern, replacement in _BLOCKS:
        name = re.sub(pattern, replacement, name)
    return _PART.sub(lambda part: f"{part[1]}{_ATTENTION[part[2]]}.", name)


def taming_tensors(
    tensors: Mapping[str, Tensor], wanted: Iterable[str], levels: int, what: str
) -> dict[str, Tensor]:
    """A checkpoint's ``tensors`` by taming's names, of which the network has the ``wanted``.

    ``what`` names the network. Raises CheckpointError with diffusers' names of those that are
    missing or additional.
    """
    given = {
        _OLD_PART.sub(lambda part: f"{part[1]}{_OLD[part[2]]}.", name): tensor
        for name, tensor in tensors.items()
    }
    names = {diffusers_name(name, levels): name for name in wanted}
    check_names(names, given, what)
    return {
        names[name]: tensor[..., None, None]
        if _LINEAR.search(name) and tensor.dim() == 2
        else tensor
        for name, tensor in given.items()
    }
