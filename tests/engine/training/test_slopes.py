"""Slopes written out: they are autograd's own, and so is what they derive to."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.models.perceptors.openai_clip import ClipPerceptor, new_clip
from engine.training.perceptor import ARCHITECTURE
from engine.training.slopes import see, see_slopes

SMALL = {**ARCHITECTURE, "vision_width": 64, "embed_dim": 32, "text_width": 64}


@pytest.fixture(params=[64, 16])
def perceptor(request: pytest.FixtureRequest) -> ClipPerceptor:
    """A small one, of one patch or of several."""
    torch.manual_seed(1)
    return ClipPerceptor(new_clip(**{**SMALL, "patch": request.param})).eval()


def _inputs() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(2)
    texts = torch.nn.functional.normalize(torch.randn(5, 32, generator=rng), dim=1)
    return torch.rand(5, 3, 64, 64, generator=rng), texts


def _by_weights(perceptor: ClipPerceptor, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    visual = dict(perceptor.clip.visual.named_parameters())
    slopes = torch.autograd.grad(loss, list(visual.values()), allow_unused=True,
                                 materialize_grads=True)
    return dict(zip(visual, slopes, strict=True))


def test_what_is_seen_and_its_slopes_are_autograds_own(perceptor: ClipPerceptor) -> None:
    pictures, texts = _inputs()
    torch.testing.assert_close(see(perceptor, pictures), perceptor.encode_image(pictures))
    images, ours = see_slopes(perceptor, pictures, texts)
    torch.testing.assert_close(images, see(perceptor, pictures))
    begun = pictures.clone().requires_grad_(True)
    with sdpa_kernel([SDPBackend.MATH]):
        (theirs,) = torch.autograd.grad((perceptor.encode_image(begun) * texts).sum(), begun,
                                        create_graph=True)
    torch.testing.assert_close(ours, theirs)
    way = torch.rand(pictures.shape, generator=torch.Generator().manual_seed(3))
    one, other = (_by_weights(perceptor, (slope * way).sum()) for slope in (ours, theirs))
    for name, derived in other.items():
        torch.testing.assert_close(one[name], derived, msg=name)


def test_slopes_can_be_had_of_weights_that_rest(perceptor: ClipPerceptor) -> None:
    pictures, texts = _inputs()
    _, moving = see_slopes(perceptor, pictures, texts)
    _, resting = see_slopes(perceptor.requires_grad_(False), pictures, texts)
    torch.testing.assert_close(resting, moving)
