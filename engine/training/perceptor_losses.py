"""What the perceptor's training minimises: words matched, shapes told apart, slopes turned."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.training.captions import Claim
from engine.training.scene import Scene


def match_matrix(scenes: list[Scene], claims: list[Claim]) -> Tensor:
    """[scenes, claims] of 0 and 1: which captions are true of which pictures."""
    return torch.tensor([[float(claim.true_of(scene)) for claim in claims] for scene in scenes])


def contrastive_loss(images: Tensor, wrong: Tensor, texts: Tensor, truth: Tensor, scale: Tensor,
                     nearly: Tensor | None = None) -> tuple[Tensor, float]:
    """CLIP's loss with several right answers (Khosla et al. 2020, eq. 2, both ways round).

    ``images`` [N, D], ``wrong`` [W, D] and ``texts`` [N, D] are unit vectors; ``truth`` [N, N]
    has a 1 wherever a caption is true of a picture, its own among them. No caption is true of
    the wrong ones: they only compete for each caption, but for those that ``nearly`` [W] marks.
    Returns the loss and the share of pictures whose likeliest caption is a right one.
    """
    logits = scale * images @ texts.T
    against = scale * wrong @ texts.T
    if nearly is not None:
        against = against.masked_fill(nearly[:, None], -1e4)
    by_image = -(F.log_softmax(logits, 1) * truth).sum(1) / truth.sum(1)
    ranked = F.log_softmax(torch.cat([logits, against]), 0)
    by_text = -(ranked[: len(images)] * truth).sum(0) / truth.sum(0)
    found = truth.gather(1, logits.argmax(1, keepdim=True))
    return (by_image.mean() + by_text.mean()) / 2, found.mean().item()


def family_loss(images: Tensor, texts: Tensor, sizes: list[int],
                scale: float = 30.0) -> tuple[Tensor, float]:
    """CLIP's loss within each family, and the share of pictures given their own caption.

    The first ``images`` and ``texts`` [N, D] are the families', ``sizes`` of them each. Among all
    the others' captions, telling shapes apart is learned several times slower, and which of two
    things is which and where hardly at all.
    """
    losses, right, start = [], 0.0, 0
    for size in sizes:
        members = slice(start, start + size)
        logits = scale * images[members] @ texts[members].T
        own = torch.arange(size)
        losses.append((F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2)
        right += (logits.argmax(1) == own).float().sum().item()
        start += size
    return torch.stack(losses).mean(), right / max(1, start)


def alignment(slope: Tensor, way: Tensor, near: float = 3.0) -> tuple[Tensor, Tensor]:
    """The cosine [N] between each slope and way [N, 3, S, S], and how much each counts [N].

    The mean of five cosines: at three scales, squares of 1, 2 and 4 pixels averaged, as the
    generator paints tokens, so a slope need not be right pixel by pixel; and of what the second
    and the third leave out of the one before, as most of a way is colour, and without them next
    to nothing of a slope is detail. Where the way is shorter than ``near`` (L2, pixels in 0..1)
    its direction is chance: the weight falls from 1 to 0.
    """
    slope, way = slope.float(), way.float()
    weight = (way.flatten(1).norm(dim=1) / near).clamp(max=1.0)
    cosines = [F.cosine_similarity(ours.flatten(1), theirs.flatten(1), dim=1, eps=1e-6)
               for ours, theirs in zip(_bands(slope), _bands(way), strict=True)]
    return torch.stack(cosines).mean(0), weight


def settled(slope: Tensor, way: Tensor, resting: Tensor) -> Tensor:
    """How well slopes [N, 3, S, S] agree with the ways in length, too: a cosine, -1 to 1.

    All of them together are one vector, and so are all ways; to ``resting`` [M, 3, S, S], the
    slopes at finished pictures, belong ways of length 0. So it is what denoising score matching
    (Vincent 2011) minimises, but for the one length of all. The mean of three scales, squares of
    1, 2 and 4 pixels averaged. Where finished pictures are no place of rest, a painting goes past
    them.
    """
    cosines = []
    for side in (1, 2, 4):
        ours, theirs, rest = (F.avg_pool2d(each.float(), side) for each in (slope, way, resting))
        length = (ours.square().sum() + rest.square().sum()).sqrt() * theirs.norm()
        cosines.append((ours * theirs).sum() / length)
    return torch.stack(cosines).mean()


def _bands(pictures: Tensor) -> list[Tensor]:
    """``pictures``, halved, quartered, and what is lost each time."""
    half = F.avg_pool2d(pictures, 2)
    quarter = F.avg_pool2d(half, 2)
    lost = [large - F.interpolate(small, scale_factor=2)
            for large, small in ((pictures, half), (half, quarter))]
    return [pictures, half, quarter, *lost]
