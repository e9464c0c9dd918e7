"""Slopes written out: they are autograd's own, and training can move the gates they go through."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.models.perceptor import Perceptor, new_clip
from engine.training import slopes
from engine.training.perceptor import ARCHITECTURE
from engine.training.slopes import see, see_slopes

SMALL = {**ARCHITECTURE, "vision_width": 8, "vision_layers": (2, 1, 1, 1), "embed_dim": 32,
         "text_width": 64}


@pytest.fixture
def perceptor(monkeypatch: pytest.MonkeyPatch) -> Perceptor:
    """A small one in float32, whose normalisations have seen pictures."""
    monkeypatch.setattr(slopes, "bf16_is_fast", lambda: False)
    torch.manual_seed(1)
    perceptor = Perceptor(new_clip(**SMALL))
    with torch.no_grad():
        for name, parameter in perceptor.named_parameters():
            if ".bn" in name or "downsample.1" in name:
                parameter.uniform_(0.5, 1.5)
        for _ in range(20):
            perceptor.encode_image(torch.rand(8, 3, 64, 64))
    return perceptor.eval()


def _inputs() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(2)
    texts = torch.nn.functional.normalize(torch.randn(5, 32, generator=rng), dim=1)
    return torch.rand(5, 3, 64, 64, generator=rng), texts


def _by_weights(perceptor: Perceptor, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    visual = dict(perceptor.clip.visual.named_parameters())
    slopes = torch.autograd.grad(loss, list(visual.values()), allow_unused=True,
                                 materialize_grads=True)
    return dict(zip(visual, slopes, strict=True))


def test_what_is_seen_and_its_slopes_are_autograds_own(perceptor: Perceptor) -> None:
    pictures, texts = _inputs()
    torch.testing.assert_close(see(perceptor, pictures), perceptor.encode_image(pictures))
    images, ours = see_slopes(perceptor, pictures, texts, edge=0.0)
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


def test_slopes_can_be_had_of_weights_that_rest(perceptor: Perceptor) -> None:
    pictures, texts = _inputs()
    _, moving = see_slopes(perceptor, pictures, texts)
    _, resting = see_slopes(perceptor.requires_grad_(False), pictures, texts)
    torch.testing.assert_close(resting, moving)


def test_a_gates_edge_tells_what_a_shift_that_opens_it_changes(perceptor: Perceptor) -> None:
    pictures, texts = _inputs()
    way = torch.rand(pictures.shape, generator=torch.Generator().manual_seed(3))
    shift = perceptor.clip.visual.bn1.bias

    def pointing(edge: float) -> torch.Tensor:
        return (see_slopes(perceptor, pictures, texts, edge)[1] * way).sum()

    sharp, soft = (_by_weights(perceptor, pointing(edge))["bn1.bias"] for edge in (0.0, 0.5))
    along = soft / soft.norm()
    with torch.no_grad():
        shift += 0.1 * along
        up = pointing(0.0)
        shift -= 0.2 * along
        change = (up - pointing(0.0)) / 0.2
    # By autograd, to which all gates stay as they are, it would be a third of that.
    assert abs(soft @ along - change) < abs(sharp @ along - change) / 3


def test_a_gate_derives_as_a_slope_as_wide_as_its_edge() -> None:
    before = torch.tensor([-2.0, -0.3, 0.3, 2.0], requires_grad=True)
    slope = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    passed = slopes._Gate.apply(slope, before, 0.5)
    torch.testing.assert_close(passed, torch.tensor([0.0, 0.0, 3.0, 4.0]))
    by_slope, by_before = torch.autograd.grad(passed.sum(), [slope, before])
    torch.testing.assert_close(by_slope, torch.tensor([0.0, 0.0, 1.0, 1.0]))
    torch.testing.assert_close(by_before, torch.tensor([0.0, 2.0, 3.0, 0.0]))
