"""A perceptor of looks: what style a picture has, what light and weather, and what colours.

A small network says it of a picture, as distributions over the styles and over the lights. Which
colours it has is counted: each pixel is shared among the colour terms near to it. As in
:mod:`efficientnet_lite` a distribution p is the unit vector sqrt(p), and a picture has those of all
three next to each other. A text has a part for what it names, and none otherwise; one that names no
look has no vector, so it pulls nowhere here. Nothing is seen of what a picture shows: that is the
classifier's part.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.perceptors.base import Join, Perceptor
from engine.models.perceptors.tokenizing import Tokenizer

STYLES = (
    *("photograph", "charcoal", "pencil", "watercolour", "oil", "pixel art", "mosaic"),
    *("woodcut", "blueprint", "stained glass", "neon", "black and white", "comic", "other"),
)
LIGHTS = ("daylight", "night", "dusk", "fog", "snow", "rain", "underwater")
# The basic colour terms of English (Berlin and Kay 1969), each with colours that it names, in sRGB.
COLOURS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "red": ((200, 20, 30), (130, 15, 20), (245, 20, 15)),
    "orange": ((245, 130, 25), (255, 160, 10)),
    "yellow": ((250, 220, 40), (200, 170, 30)),
    "green": ((40, 150, 50), (20, 80, 30), (130, 190, 60)),
    "blue": ((30, 80, 190), (20, 35, 110), (100, 165, 225)),
    "purple": ((110, 40, 140), (150, 100, 190)),
    "pink": ((240, 130, 170), (220, 60, 130), (250, 190, 205)),
    "brown": ((115, 70, 35), (75, 45, 25)),
    "black": ((12, 12, 12),),
    "white": ((247, 247, 247),),
    "grey": ((128, 128, 128), (80, 80, 80), (185, 185, 185)),
}
THING = "thing"
"""What is no look: a text without it names nothing but looks."""
NAMED = (
    *(style for style in STYLES if style not in {"photograph", "other"}),
    *(light for light in LIGHTS if light != "daylight"),
    *COLOURS,
    THING,
)
"""What the words of a text can name."""
TERMS = (*STYLES, *LIGHTS, *COLOURS)
"""What the numbers of a vector are."""
_GROUPS = (len(STYLES), len(LIGHTS), len(COLOURS))
SHARES = (0.5, 0.2, 0.3)
"""How much each group counts. A light takes hold sooner than a style, and would hide the thing."""
_CHANNELS = (24, 48, 96, 128)
_LEAST = -0.4  # from this logit on a text names a look
_LEAST_OF_THING = -0.8  # or a thing: to miss one costs more ("orange" is a fruit, too)
_TEMPERATURE = 2.0  # of the network's logits; at 1 a look is certain long before it shows
_NEAR = 0.1  # the standard deviation of what a colour term names, in OKLab
_OF_ITS_COLOUR = 0.35  # the share of a picture that has the colour of the thing it shows
_COARSEST = 64  # px; colours are counted in a picture of about this side


class LooksNetwork(nn.Module):
    """Pictures [N, 3, S, S] in 0..1 of any side -> logits of styles [N, 14] and lights [N, 7].

    Styles are textures, so it reads means and deviations of its channels (Gatys et al. 2015), of
    fine and of coarse ones.
    """

    def __init__(self) -> None:
        super().__init__()
        inputs = (3, *_CHANNELS)
        self.layers = nn.ModuleList(
            nn.Conv2d(i, o, 3, stride=2, padding=1) for i, o in zip(inputs, _CHANNELS, strict=False)
        )
        self.joined = nn.Linear(2 * sum(_CHANNELS) + 6, 96)
        self.answers = nn.Linear(96, len(STYLES) + len(LIGHTS))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        x = (pictures - 0.5) * 4
        seen = [x.mean((2, 3)), _deviation(x)]
        for layer in self.layers:
            x = F.silu(layer(x))
            seen += [x.mean((2, 3)), _deviation(x)]
        answers = self.answers(F.silu(self.joined(torch.cat(seen, 1))))
        styles, lights = answers.split((len(STYLES), len(LIGHTS)), 1)
        return styles, lights


class LooksWords(nn.Module):
    """The states of a text's tokens [B, L, W] -> logits [B, len(NAMED)] that it names each look.

    Each is named where the token that speaks most for it does.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, 128)
        self.tokens = nn.Linear(128, len(NAMED))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """See the class; ``mask`` [B, L] is true for the text's tokens."""
        logits = self.tokens(F.gelu(self.inner(states)))
        most: Tensor = logits.masked_fill(~mask[:, :, None], -1e4).amax(1)
        return most


class LooksPerceptor(Perceptor):
    """The looks of pictures and words, as vectors of the TERMS.

    ``read`` gives the states [B, L, W] of token rows [B, context_length], and where they have
    tokens [B, L]. Words that name a style join as ``styles`` says: a style is easier to paint than
    a thing, and a picture that begins with it stays without the thing.
    """

    any_side = True
    only_words = True

    def __init__(
        self,
        network: LooksNetwork,
        words: LooksWords,
        read: Callable[[Tensor], tuple[Tensor, Tensor]],
        *,
        tokenizer: Tokenizer,
        resolution: int,
        styles: Join,
    ) -> None:
        super().__init__(
            resolution=resolution,
            width=len(TERMS),
            mean=(0.0,) * 3,
            std=(1.0,) * 3,
            tokenizer=tokenizer,
        )
        self.network = network
        self.words = words
        self.read = read
        self.styles = styles
        # Copies to a device during a step would make it wait.
        self.register_buffer("to_cones", torch.tensor(_TO_CONES), persistent=False)
        self.register_buffer("to_lab", torch.tensor(_TO_LAB), persistent=False)
        terms = torch.tensor([[float(term == name) for term in TERMS] for name in NAMED])
        self.register_buffer("terms", terms, persistent=False)  # [30, 32]
        means = [colour for colours in COLOURS.values() for colour in colours]
        owners = [i for i, colours in enumerate(COLOURS.values()) for _ in colours]
        colours = torch.tensor(means).view(1, -1, 3, 1).transpose(1, 2) / 255
        places = _oklab(colours, self.to_cones, self.to_lab)[0, ..., 0]
        self.register_buffer("places", places.T.contiguous(), persistent=False)  # [M, 3]
        self.register_buffer(
            "owners", F.one_hot(torch.tensor(owners)).float(), persistent=False
        )  # [M, 11]

    to_cones: Tensor
    to_lab: Tensor
    terms: Tensor
    places: Tensor
    owners: Tensor

    @property
    def scale(self) -> float:
        """20, as the classifier's."""
        return 20.0

    def named(self, states: Tensor, mask: Tensor) -> Tensor:
        """Which of NAMED the texts of such states name, as booleans [B, len(NAMED)]."""
        logits: Tensor = self.words(states, mask)
        least = torch.full_like(logits, _LEAST)
        least[:, NAMED.index(THING)] = _LEAST_OF_THING
        return logits > least

    def are_all(self, states: Tensor, mask: Tensor) -> Tensor:
        """Whether the texts name looks and nothing else, [B]."""
        named = self.named(states, mask)
        return named.any(1) & ~named[:, NAMED.index(THING)]

    def encode_tokens(self, ids: Tensor) -> Tensor:
        """Unit vectors [B, 32] of what token rows name; zeros where they name no look."""
        named = self.named(*self.read(ids)).float()
        styles, lights, colours = (
            F.normalize(part, p=1, dim=1) for part in (named @ self.terms).split(_GROUPS, dim=1)
        )
        others = (1 - _OF_ITS_COLOUR) / len(COLOURS) * colours.sum(1, keepdim=True)
        colours = _OF_ITS_COLOUR * colours + others
        return F.normalize(torch.cat([styles, lights, colours], dim=1).sqrt(), dim=1)

    def joins(self, vector: Tensor) -> Join:
        """``styles`` if the words name a style; light and colours pull from the start.

        What is ``enough`` is a share of the largest cosine that a picture can have with the words.
        """
        parts = vector.split(_GROUPS)
        if not bool(parts[0].any()):
            return Join()
        named = [share for share, part in zip(SHARES, parts, strict=True) if bool(part.any())]
        most = sum(map(math.sqrt, named)) / math.sqrt(len(named))
        return self.styles._replace(enough=self.styles.enough * most)

    def encode_image(self, cutouts: Tensor) -> Tensor:
        """Unit vectors [N, 32] of pictures [N, 3, S, S] in 0..1."""
        styles, lights = (
            ((logits.float() / _TEMPERATURE).log_softmax(1) / 2).exp()
            for logits in self.network(cutouts)
        )
        groups = zip((styles, lights, self._colours(cutouts)), SHARES, strict=True)
        return torch.cat([group * math.sqrt(share) for group, share in groups], dim=1)

    def _colours(self, cutouts: Tensor) -> Tensor:
        """The roots of the shares [N, 11] of the colour terms."""
        times = max(1, cutouts.shape[-1] // _COARSEST)
        small = F.avg_pool2d(cutouts.float(), times)
        small = _oklab(small, self.to_cones, self.to_lab).flatten(2).transpose(1, 2)  # [N, P, 3]
        apart = (small.unsqueeze(2) - self.places).square().sum(-1)  # [N, P, M]
        shares = (-apart / (2 * _NEAR**2)).softmax(-1) @ self.owners
        return (shares.mean(1) + 1e-4).sqrt() / math.sqrt(1 + 1e-4 * len(COLOURS))


def _deviation(x: Tensor) -> Tensor:
    return (x.var((2, 3), correction=0) + 1e-3).sqrt()


def _oklab(pictures: Tensor, to_cones: Tensor, to_lab: Tensor) -> Tensor:
    """sRGB [N, 3, ...] in 0..1 -> OKLab (Ottosson 2020), in which distances are as people see."""
    linear = torch.where(
        pictures <= 0.04045, pictures / 12.92, ((pictures.clamp(min=0.04) + 0.055) / 1.055) ** 2.4
    )
    cones = torch.einsum("ij,nj...->ni...", to_cones, linear)
    return torch.einsum("ij,nj...->ni...", to_lab, cones.clamp(min=1e-4) ** (1 / 3))


_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
