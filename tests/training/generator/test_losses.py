from __future__ import annotations

import pytest
import torch

from training.generator.codebook import CodebookTraining, FollowingCodebook
from training.generator.latents import slow_latents
from training.generator.losses import Critic, colour_loss, critic_loss, edge_loss, grid_share

CODEBOOK = CodebookTraining(
    start=0.3, moved_above=0.003, unused_below=0.003, revived=0.03, counted_above=0.003, decay=0.5
)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_edges_ignore_a_shift_of_brightness_and_see_a_blur():
    real = torch.rand(2, 3, 16, 16, generator=generator())
    assert edge_loss(real + 0.1, real) == pytest.approx(0, abs=1e-6)
    assert edge_loss(real.mean((2, 3), keepdim=True).expand_as(real), real) > 0.5


def test_colours_ignore_noise_and_see_a_shift_of_brightness():
    real = torch.rand(2, 3, 64, 64, generator=generator())
    shuffled = real.flip(-1).unflatten(-1, (8, 8)).flip(-2).flatten(-2)  # within the squares
    assert colour_loss(shuffled, real) == pytest.approx(0, abs=1e-5)
    assert colour_loss(real + 0.1, real) == pytest.approx(0.1, abs=1e-5)


def test_a_critic_learns_to_tell_noise_from_flat_pictures():
    torch.manual_seed(0)
    critic = Critic((3, 8, 8))
    optimiser = torch.optim.Adam(critic.parameters(), lr=3e-3)
    real, painted = torch.rand(4, 3, 32, 32), torch.full((4, 3, 32, 32), 0.5)
    before = critic_loss(critic, real, painted).item()
    for _ in range(30):
        optimiser.zero_grad()
        critic_loss(critic, real, painted).backward()
        optimiser.step()
    assert critic_loss(critic, real, painted).item() < 0.7 * before


def test_a_grid_is_distinguished_from_noise_slopes_and_shifted_edges():
    tile = torch.rand(1, 3, 8, 8, generator=generator()).repeat(1, 1, 8, 8)
    noise = torch.rand(1, 3, 64, 64, generator=generator())
    slope = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    shares = [grid_share(each).item() for each in (tile, tile * 0.3, noise, slope)]
    assert shares[0] > 0.95
    assert shares[1] > 0.9
    assert shares[2] == pytest.approx(1 / 9, abs=0.03)
    assert shares[3] == pytest.approx(1 / 9)


def test_slow_latents_consist_of_codes_with_interpolated_colours():
    codebook = torch.randn(20, 5, generator=generator())
    zq = codebook[torch.randint(20, (2, 8, 8), generator=generator())].permute(0, 3, 1, 2)
    slow, colours = slow_latents(zq, zq[:, :3] * 0.5, codebook, 3, generator())
    assert slow.shape == (3, 5, 8, 8)
    for token in slow.transpose(0, 1).flatten(1).T:
        assert (codebook == token).all(dim=1).any()
    repeated = [(each.diff(dim=-1) == 0).all(dim=1).float().mean() for each in (slow, zq)]
    assert repeated[0] > 2 * repeated[1]
    assert zq.min() * 0.5 <= colours.min() <= colours.max() <= zq.max() * 0.5
    # In the corners there are tokens themselves, with the colours that they have.
    torch.testing.assert_close(colours[..., 0, 0], slow[:, :3, 0, 0] * 0.5)


def test_codes_follow_their_tokens_and_unused_ones_are_revived():
    codebook = torch.tensor([[0.0, 0.0], [9.0, 9.0]])
    followed = FollowingCodebook(codebook, CODEBOOK)
    tokens = torch.tensor([[1.0, 1.0], [1.0, 3.0]])
    for _ in range(12):
        followed.follow(tokens, torch.tensor([0, 0]))
    torch.testing.assert_close(codebook[0], torch.tensor([1.0, 2.0]), atol=0.01, rtol=0)
    assert followed.share_used() == 0.5
    followed.revive(tokens, generator())
    assert (codebook[1] == tokens).all(dim=1).any()
    assert followed.share_used() == 1
