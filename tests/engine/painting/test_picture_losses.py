"""The losses besides the prompts' have the published formulas, and change the picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.errors import ModelError, RequestError
from engine.painting.losses.aesthetic import VARIABLE, host_head, read_head
from engine.painting.losses.chosen import picture_losses
from engine.painting.losses.cutouts import aesthetic_loss, cosine_distance, prompt_loss
from engine.painting.losses.picture import (
    edge_loss,
    palette_loss,
    saturation_loss,
    symmetry_loss,
)
from engine.painting.recovery import BeforeStep
from engine.painting.synthesis import Synthesis
from engine.request.method.losses import PictureLosses
from engine.request.prompt import Prompt
from tests.engine.tiny import PLAIN, tiny_generator, tiny_perceptor, tiny_recipe

COLOURS = ((0.0, 0.0, 0.5), (1.0, 0.8, 0.0), (1.0, 1.0, 1.0))
EVERY = PictureLosses(0.5, 0.5, 1.0, "both", 1.0, COLOURS, 1.0, None)


def _picture(height: int = 40, width: int = 60) -> Tensor:
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(4))
    return picture.double().requires_grad_(True)


def test_symmetry_is_pixrays() -> None:
    out = _picture()
    assert symmetry_loss(out, (-1,), 2.0) == 2 * nn.MSELoss()(out, torch.flip(out, [3]))
    down = nn.MSELoss()(out, torch.flip(out, [2]))
    both = (nn.MSELoss()(out, torch.flip(out, [3])) + down) / 2
    torch.testing.assert_close(symmetry_loss(out, (-1, -2), 1.0), both)


def test_the_palette_is_pixrays() -> None:
    out, palette = _picture(), torch.tensor(COLOURS).double()
    pixels = out.permute(0, 2, 3, 1).reshape(-1, 3)
    best = torch.cdist(palette, pixels, p=2).argmin(dim=0)
    expected = torch.mean(torch.norm(pixels - palette[best], 2, dim=1))
    torch.testing.assert_close(palette_loss(out, palette, 1.0), expected)
    assert float(palette_loss(palette[1].view(1, 3, 1, 1).expand(1, 3, 4, 4), palette, 9.0)) == 0


def test_saturation_is_pixrays() -> None:
    """Hasler and Suesstrunk's colourfulness; pixray's deviation is that of a sample."""
    out = _picture()
    pixels = out.permute(0, 2, 3, 1).reshape(-1, 3)
    rg = pixels[:, 0] - pixels[:, 1]
    yb = 0.5 * (pixels[:, 0] + pixels[:, 1]) - pixels[:, 2]
    deviation = torch.sqrt(rg.std() ** 2 + yb.std() ** 2)
    mean = torch.sqrt(rg.mean() ** 2 + yb.mean() ** 2)
    expected = -(deviation + 0.3 * mean)
    torch.testing.assert_close(saturation_loss(out, 1.0), expected, rtol=1e-3, atol=0)


@pytest.mark.parametrize("colour", [torch.tensor([1.0, 0.5, 0.0]), None])
def test_the_edge_is_the_outer_twentieth(colour: Tensor | None) -> None:
    out = _picture()
    border = torch.ones(40, 60, dtype=torch.bool)
    border[2:38, 3:57] = False
    pixels = out[0][:, border]
    wanted = pixels.mean(dim=1) if colour is None else colour.double()
    expected = nn.MSELoss()(pixels, wanted[:, None].expand_as(pixels))
    torch.testing.assert_close(
        edge_loss(out, None if colour is None else colour.double(), 3.0), 3 * expected
    )


@pytest.mark.parametrize("tone", [0.0, 0.5, 1.0])
def test_a_picture_of_one_tone_has_a_finite_gradient(tone: float) -> None:
    out = torch.full((1, 3, 20, 20), tone, requires_grad=True)
    losses = picture_losses(tiny_recipe(losses=EVERY), True, out)
    assert list(losses) == ["smoothness", "saturation", "symmetry", "palette", "edge"]
    sum(loss(out) for loss in losses.values()).backward()  # type: ignore[union-attr]  # not 0
    assert out.grad is not None
    assert out.grad.isfinite().all()


def test_nothing_is_made_of_losses_that_are_off() -> None:
    assert picture_losses(tiny_recipe(), True, torch.zeros(())) == {}
    smooth = tiny_recipe(smoothness=1.0)
    assert list(picture_losses(smooth, True, torch.zeros(()))) == ["smoothness"]
    assert picture_losses(smooth, False, torch.zeros(())) == {}
    asked = dataclasses.replace(smooth, losses=PictureLosses(smoothness=2.0))
    assert list(picture_losses(asked, False, torch.zeros(()))) == ["smoothness"]
    off = dataclasses.replace(smooth, losses=PictureLosses(smoothness=0.0))
    assert picture_losses(off, True, torch.zeros(())) == {}


def test_augclip_is_the_mean_cosine_and_the_mean_of_the_views_comes_first() -> None:
    """FuseDream's AugmentLoss is -cosine, the mean over the views."""
    views = nn.functional.normalize(torch.randn(50, 8, dtype=torch.float64), dim=1)
    words = nn.functional.normalize(torch.randn(8, dtype=torch.float64), dim=0)
    loss = prompt_loss(views, words, 1.0, distance="augclip")
    torch.testing.assert_close(loss, 1 - (views @ words).mean())
    torch.testing.assert_close(loss, 1 - views.mean(dim=0) @ words)
    assert float(cosine_distance(words, words)) == pytest.approx(0)
    torch.testing.assert_close(prompt_loss(views, words, -0.5, distance="augclip"), -0.5 * loss)


def _synthesis(**changes: Any) -> Synthesis:
    recipe = tiny_recipe(**{"augmentation": PLAIN, "learning_rate": 0.3, **changes})
    return Synthesis(tiny_generator(), tiny_perceptor(), [Prompt("a red star")], recipe, 7)


GREYS = ((0.3, 0.3, 0.3), (0.7, 0.7, 0.7))
MEASURES = {
    "symmetry": lambda picture: symmetry_loss(picture, (-1,), 1.0),
    "palette": lambda picture: palette_loss(picture, torch.tensor(GREYS), 1.0),
    "edge": lambda picture: edge_loss(picture, torch.tensor(COLOURS[1]), 1.0),
    "saturation": lambda picture: saturation_loss(picture, 1.0),
}


@pytest.mark.parametrize("name", MEASURES)
def test_each_loss_changes_what_it_says(name: str) -> None:
    strong: dict[str, Any] = {name: 20.0}
    if name == "palette":
        strong["colours"] = GREYS
    if name == "edge":
        strong["border"] = COLOURS[1]
    found = []
    for losses in (PictureLosses(), PictureLosses(**strong)):
        synthesis = _synthesis(losses=losses, iterations=12)
        while synthesis.iteration < 12:
            synthesis.step()
        assert (name in synthesis.losses) == bool(losses.__dict__[name])
        found.append(float(MEASURES[name](synthesis.look().image[None])))
    assert found[1] < found[0] - 0.05 * abs(found[0])


class _Layer(nn.Module):
    """How others save it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)


@pytest.mark.parametrize("layer", [nn.Linear(24, 1), _Layer(24)])
def test_an_aesthetic_head_rates_the_cutouts(
    layer: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "head.pth"
    torch.save(layer.state_dict(), path)
    monkeypatch.setenv(VARIABLE, str(path))
    perceptor = tiny_perceptor()
    head = host_head(perceptor)
    vectors = nn.functional.normalize(torch.randn(5, 24), dim=1)
    linear = getattr(layer, "linear", layer)
    expected = (linear(vectors) - 10).square().mean() * 0.02  # as in pixray
    torch.testing.assert_close(aesthetic_loss(vectors, head.weight, head.bias, 3.0), 3 * expected)
    recipe = tiny_recipe(losses=PictureLosses(aesthetic=2.0))
    synthesis = Synthesis(tiny_generator(), perceptor, [Prompt("aesthetic")], recipe, 7, head=head)
    losses = synthesis.step().losses
    assert set(losses) == {"total", '"aesthetic"', "aesthetic"}
    assert losses["total"] == pytest.approx(losses["aesthetic"] + losses['"aesthetic"'])


def test_a_head_that_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    perceptor = tiny_perceptor()
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(RequestError, match="no aesthetic head here"):
        host_head(perceptor)
    path = tmp_path / "head.pth"
    monkeypatch.setenv(VARIABLE, str(path))
    torch.save(nn.Linear(512, 1).state_dict(), path)
    with pytest.raises(RequestError, match=r"512 numbers.*24"):
        host_head(perceptor)
    torch.save(nn.Linear(24, 2).state_dict(), path)
    with pytest.raises(ModelError, match="not an aesthetic head"):
        read_head(path)


ALL: dict[str, Any] = {
    "losses": EVERY,
    "optimiser": "radam",
    "ema": 0.8,
    "schedule": "cosine",
    "cooling": 0.1,
    "distance": "augclip",
    "starts": 3,
    "mixed": 2,
    "augmentation": dataclasses.replace(PLAIN, sharpness=0.5, elastic=0.5, resized=0.5),
}


def test_a_step_with_all_of_it_can_be_undone_and_looked_at_in_passes() -> None:
    whole, parts = _synthesis(**ALL), _synthesis(**ALL)
    for synthesis in (whole, parts):
        synthesis.step()
    before, state = BeforeStep(parts), parts.state_dict()
    parts.step()
    before.restore()
    after = parts.state_dict()
    assert torch.equal(after["latent"], state["latent"])
    assert torch.equal(after["average"]["sum"], state["average"]["sum"])
    assert after["average"]["missing"] == state["average"]["missing"]
    for name, value in state["optimiser"].items():
        assert torch.equal(after["optimiser"][name], value)
    parts.recovery.plan(2)
    assert parts.step().losses == pytest.approx(whole.step().losses, rel=1e-5)
    torch.testing.assert_close(parts.latent.z.grad, whole.latent.z.grad, rtol=1e-3, atol=1e-6)
