"""Training of the embedded generator: a small VQGAN for the small world.

Losses: L1 and the L1 of differences between neighbours (edges) at three scales, the
commitment to the chosen codes, and from ``adversarial_after`` on a patch discriminator with
the hinge loss (Esser et al. 2021, with their adaptive weight left out: the world is flat, a
small fixed weight does).

The codebook follows the tokens by moving averages (van den Oord et al. 2017, appendix A.1),
and codes that no token chose for a while are put where tokens are. The first ``quantise_after``
steps train without it: quantised from the start, a small encoder collapses to one point.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.codebook import embed_codes, nearest_codes
from engine.models.generators.taming import VQModel
from training.common.averaging import WeightAverage
from training.common.gradient_step import step_down
from training.common.precision import bf16_where_fast
from training.common.schedule import warm_cosine
from training.world.pool import Pool

# Tokens of 8 x 8 px: one code cannot tell a pair of colours and the edge between them on 16 x 16
# px (at equal time an L1 of 0.15 against 0.10), and few channels are enough for flat colours.
DDCONFIG: dict[str, Any] = {
    "double_z": False, "z_channels": 64, "resolution": 128, "in_channels": 3, "out_ch": 3,
    "ch": 16, "ch_mult": [1, 2, 2, 6], "num_res_blocks": 1, "attn_resolutions": [16],
    "dropout": 0.0, "norm_groups": 4}
CODES, CODE_WIDTH = 2048, 64


@dataclass(frozen=True)
class GeneratorTraining:
    """The numbers of a run.

    It sees 64 px crops, 4 for 1, for the first share ``whole_after`` of its ``total`` steps,
    and trains against the discriminator from the share ``adversarial_after`` on. Of what it sees
    the share ``typical`` is drawn as paintings are to be (training.world.typical), ``styled`` is
    in a style: a style's grain is mostly the same, then, and is learned.
    """

    batch: int = 8
    pool_pairs: int = 3500
    typical: float = 0.8
    styled: float = 0.6
    learning_rate: float = 1e-3
    quantise_after: int = 200
    commitment: float = 0.25
    whole_after: float = 0.6
    adversarial_after: float = 0.85
    adversarial: float = 0.05
    edges: float = 2.0
    revive_every: int = 20
    total: int = 7000
    seed: int = 12


def new_discriminator() -> nn.Sequential:
    """Patches of about 34 px -> real or painted; spectrally normalised (Miyato et al. 2018)."""
    widths = (3, 32, 64, 128)
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        convolution = nn.Conv2d(before, after, 4, stride=2, padding=1)
        layers += [nn.utils.parametrizations.spectral_norm(convolution), nn.LeakyReLU(0.2)]
    layers.append(nn.utils.parametrizations.spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))
    return nn.Sequential(*layers)


@torch.no_grad()
def initialise(model: nn.Module) -> None:
    """Weights that let a picture's colour through from the first step on.

    PyTorch's own shrink it by a third at every convolution, and a small autoencoder then
    spends its first thousand steps on one mean picture. Residual branches start at zero.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            branch = name.endswith(("conv2", "proj_out"))
            fan_in = module.weight[0].numel()
            module.weight.normal_(0.0, 0.0 if branch else fan_in**-0.5)
            if module.bias is not None:
                module.bias.zero_()


class GeneratorTrainer:
    """One training run: :meth:`step` it, save it, resume it."""

    def __init__(self, settings: GeneratorTraining, pool: Pool) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.pool = pool
        self.model = VQModel(DDCONFIG, CODES, CODE_WIDTH)
        initialise(self.model)
        self.average = WeightAverage(self.model)
        self.discriminator = new_discriminator()
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=settings.learning_rate,
                                          betas=(0.9, 0.99))
        self.critic = torch.optim.Adam(self.discriminator.parameters(), lr=4e-4, betas=(0.5, 0.9))
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.counts = torch.zeros(CODES)
        self.sums = torch.zeros(CODES, CODE_WIDTH)
        self.iteration = 0

    def _pictures(self) -> Tensor:
        settings = self.settings
        whole = self.iteration > settings.whole_after * settings.total
        pictures, _ = self.pool.batch(settings.batch // 2 if whole else settings.batch * 2)
        if whole:
            return pictures
        left, top = torch.randint(0, self.pool.side - 63, (2,), generator=self.generator).tolist()
        return pictures[..., top : top + 64, left : left + 64].contiguous()

    def step(self) -> dict[str, float]:
        """One step on one batch; its losses and the share of codes in use."""
        self.iteration += 1
        pixels = self._pictures() * 2 - 1
        with bf16_where_fast():
            h = self.model.prequantised(pixels)
        h = h.float()
        quantised = self.iteration > self.settings.quantise_after
        codes = nearest_codes(h.detach(), self.codebook)
        height, width = h.shape[-2:]
        zq = embed_codes(codes, self.codebook, height, width) if quantised else h
        commitment = (h - zq.detach()).square().mean() / h.detach().var()
        zq = h + (zq - h).detach()
        with bf16_where_fast():
            painted = self.model.decode(zq)
        painted = painted.float()
        plain = (painted - pixels).abs().mean()
        edges = edge_loss(painted, pixels)
        loss = plain + self.settings.edges * edges
        loss = loss + self.settings.commitment * commitment
        figures = {"l1": plain.item(), "edges": edges.item(), "commitment": commitment.item(),
                   "deviation": h.std().item()}
        adversarial = self.iteration > self.settings.adversarial_after * self.settings.total
        if adversarial:
            fooled = -self.discriminator(painted).mean()
            loss = loss + self.settings.adversarial * fooled
            figures["fooled"] = fooled.item()
        step_down(self.model, self.optimiser, loss,
                  warm_cosine(self.settings.learning_rate, self.iteration, self.settings.total))
        if adversarial:
            figures["critic"] = self._train_critic(pixels, painted.detach())
        if self.iteration >= self.settings.quantise_after:
            self._follow(h.detach(), codes)
        self.average.update(self.model)
        figures["codes"] = (self.counts > 0.05).float().mean().item()
        return figures

    @property
    def codebook(self) -> Tensor:
        """The code vectors [CODES, CODE_WIDTH], moved in place by :meth:`_follow`."""
        weight: Tensor = self.model.quantize.embedding.weight.data
        return weight

    def _train_critic(self, real: Tensor, painted: Tensor) -> float:
        loss = (F.relu(1 - self.discriminator(real)).mean()
                + F.relu(1 + self.discriminator(painted)).mean())
        self.critic.zero_grad(set_to_none=True)
        loss.backward()
        self.critic.step()
        return loss.item()

    @torch.no_grad()
    def _follow(self, h: Tensor, codes: Tensor) -> None:
        """Move the codes to the mean of the tokens that chose them; revive the unused."""
        tokens = h.flatten(2).transpose(1, 2).reshape(-1, CODE_WIDTH)
        chosen = codes.flatten()
        self.counts.mul_(0.99).index_add_(0, chosen, torch.full((len(chosen),), 0.01))
        self.sums.mul_(0.99).index_add_(0, chosen, 0.01 * tokens)
        alive = self.counts > 1e-4
        self.codebook[alive] = self.sums[alive] / self.counts[alive, None]
        late = self.iteration > 0.8 * self.settings.total
        if self.iteration % self.settings.revive_every or late:
            return
        dead = (self.counts < 0.02).nonzero().flatten()
        rows = torch.randint(len(tokens), (len(dead),), generator=self.generator)
        noise = torch.randn(len(dead), CODE_WIDTH, generator=self.generator)
        revived = tokens[rows] + 0.02 * tokens.std() * noise
        self.codebook[dead] = revived
        self.counts[dead] = 0.05
        self.sums[dead] = 0.05 * revived

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to go on."""
        return {"model": self.model.state_dict(), "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(), "critic": self.critic.state_dict(),
                "discriminator": self.discriminator.state_dict(), "counts": self.counts,
                "sums": self.sums, "iteration": self.iteration,
                "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.critic.load_state_dict(state["critic"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.counts.copy_(state["counts"])
        self.sums.copy_(state["sums"])
        self.iteration = int(state["iteration"])
        self.generator.set_state(state["generator"])


def edge_loss(painted: Tensor, real: Tensor) -> Tensor:
    """Mean L1 between differences of neighbouring pixels, at full, half and quarter size."""
    total = painted.new_zeros(())
    for scale in range(3):
        for axis in (-1, -2):
            total = total + (painted.diff(dim=axis) - real.diff(dim=axis)).abs().mean()
        if scale < 2:
            painted, real = F.avg_pool2d(painted, 2), F.avg_pool2d(real, 2)
    return total / 3
