"""Growing a generator: more codes, channels and blocks that at first compute the same.

After "Net2Net: accelerating learning via knowledge transfer" (Chen et al. 2016). Channels are
doubled in place, so each group of the group normalisation has each of its channels twice, and the
same mean and variance as before.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from engine.models.generators.taming import VQModel, rescaled

_ZERO_AT_FIRST = tuple(
    f".{layer}.{part}"
    for layer in ("conv2", "proj_out", "nin_shortcut")
    for part in ("weight", "bias")
)


class GrowthError(ValueError):
    """The larger architecture cannot hold the smaller one."""


@torch.no_grad()
def grow(weights: Mapping[str, Tensor], larger: VQModel, generator: torch.Generator) -> None:
    """Give ``larger`` the ``weights`` of a smaller VQModel, so that it computes the same.

    Channels of a level can be doubled; each copy passes on a random share of the original, so that
    the two learn different things. A block that the smaller model lacks adds nothing at first.
    Codes that it lacks stay as they are in ``larger``: see :func:`more_codes`. Raises GrowthError
    if the shapes do not allow that.
    """
    own = larger.state_dict()
    unknown = set(weights) - set(own)
    if unknown:
        raise GrowthError(f"The larger model has no {sorted(unknown)[0]}.")
    for name, value in own.items():
        if name == "quantize.embedding.weight":
            value[: len(weights[name])] = weights[name]
        elif name in weights:
            value.copy_(_doubled(name, weights[name], value, generator))
        elif name.endswith(".nin_shortcut.weight"):
            # The smaller model passes the channels on unchanged, without a convolution.
            passed_on = torch.eye(min(value.shape[:2]))[:, :, None, None]
            value.copy_(_doubled(name, passed_on, value, generator))
        elif name.endswith(_ZERO_AT_FIRST):
            value.zero_()


def _doubled(name: str, small: Tensor, large: Tensor, generator: torch.Generator) -> Tensor:
    """``small`` with its channels doubled if ``large`` has twice as many."""
    times = [after // before for before, after in zip(small.shape, large.shape, strict=True)]
    if (
        [after // each for after, each in zip(large.shape, times, strict=True)] != list(small.shape)
        or any(each not in (1, 2) for each in times[:2])
        or times[2:] != [1] * (small.dim() - 2)
    ):
        raise GrowthError(f"{name} is {list(small.shape)}; it cannot become {list(large.shape)}.")
    grown = small
    if times[0] == 2:
        grown = grown.repeat_interleave(2, dim=0)
        if ".q." in name:
            # q k doubles with the channels, and attention divides by the root of their number.
            grown = grown * 0.5**0.5
    if len(times) > 1 and times[1] == 2:
        shares = 0.5 + 0.3 * (2 * torch.rand(small.shape[:2], generator=generator) - 1)
        shares = torch.stack([shares, 1 - shares], dim=2).flatten(1)
        shares = shares.repeat_interleave(times[0], dim=0)
        grown = grown.repeat_interleave(2, dim=1) * shares.view(
            *shares.shape, *[1] * (small.dim() - 2)
        )
    return grown


@torch.no_grad()
def more_codes(
    codebook: Tensor, tokens: Tensor, count: int, generator: torch.Generator, rounds: int = 4
) -> Tensor:
    """A codebook of ``count`` codes: ``codebook`` [K, D] and new ones far from all of them.

    The new ones start at tokens [N, D], drawn with the probability of their squared distance to
    the nearest code (Arthur and Vassilvitskii 2007, "k-means++", in one draw), and then do
    ``rounds`` of k-means in which the first K codes stay.
    """
    new = count - len(codebook)
    if new <= 0:
        return codebook[:count].clone()
    error = nearest(tokens, codebook)[1]
    rows = torch.multinomial(
        error.clamp(min=1e-9), new, replacement=new > len(tokens), generator=generator
    )
    grown = torch.cat([codebook, tokens[rows]])
    for _ in range(rounds):
        chosen = nearest(tokens, grown)[0]
        sums = torch.zeros_like(grown).index_add_(0, chosen, tokens)
        counts = torch.bincount(chosen, minlength=count).to(sums.dtype)
        moved = counts > 0
        moved[: len(codebook)] = False
        grown[moved] = sums[moved] / counts[moved, None]
    return grown


def nearest(tokens: Tensor, codebook: Tensor, chunk: int = 4096) -> tuple[Tensor, Tensor]:
    """The nearest of the codes [K, D] to each token [N, D], and its squared distance."""
    chosen, distances = [], []
    for part in tokens.split(chunk):
        distance = (codebook**2).sum(1) - 2 * part @ codebook.T
        least, code = distance.min(dim=1)
        chosen.append(code)
        distances.append((least + (part**2).sum(1)).clamp(min=0))
    return torch.cat(chosen), torch.cat(distances)


@torch.no_grad()
def fold_scale(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same generator with codes of standard deviation 1, so that one learning rate suits all.

    The pictures of codes and the codes of a picture do not change.
    """
    return {**weights, **rescaled(weights, weights["quantize.embedding.weight"].std())}
