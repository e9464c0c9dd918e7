"""A perceptor made of an ImageNet classifier: pictures and words as distributions over its classes.

The image tower is EfficientNet-Lite (Tan and Le 2019; Google's Lite models, 2020). The text tower
is a small transformer that predicts the classes a text is about. A distribution p is represented by
the unit vector sqrt(p). The cosine of two such vectors is their Bhattacharyya coefficient; the
angle between them, whose square is the loss (paper, section 2), is half the Fisher-Rao distance of
the distributions (Rao 1945; Amari and Nagaoka 2000, section 2.2). Words that name no class are
close to several, as in ConSE (Norouzi et al. 2014).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.kernels.inverted_residual import InvertedResidual, inverted_residual, padding
from engine.models.part_settings import check_names, number
from engine.models.perceptors.base import Join, Member, Perceptor
from engine.models.perceptors.looks import LooksNetwork, LooksPerceptor, LooksWords
from engine.models.perceptors.text_tower import TextTower, masked_mean, read_tower
from engine.models.perceptors.tokenizing import clip_tokens
from engine.models.state_dict import Uninitialised, fill
from engine.translatable import Translatable

MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3
CLASSES = 1000
# (blocks, kernel, stride of the first, expansion, channels) of each stage of Lite0: EfficientNet-B0
# without squeeze and excitation, swish replaced by ReLU6.
# fmt: off
_STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
           (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
# fmt: on
_STEM, _FEATURES = 32, 1280
_PICTURES, _WORDS = "picture.", "text."


class Convolution(nn.Conv2d):
    """A convolution with TensorFlow's padding: the output's side is ceil(side / stride)."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, D, ceil(H / stride), ceil(W / stride)]."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        (above, below), (left, right) = (padding(side, kernel, stride) for side in x.shape[-2:])
        if above == below == left == right:
            return F.conv2d(x, self.weight, self.bias, self.stride, above, 1, self.groups)
        x = F.pad(x, (left, right, above, below))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, 1, self.groups)

    def tensors(self) -> tuple[Tensor, Tensor]:
        """The weight and the bias."""
        assert self.bias is not None
        return self.weight, self.bias


class Block(nn.Module):
    """An inverted residual (Sandler et al. 2018) with its batch norms folded."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = Convolution(inputs, wide, 1) if expansion > 1 else None
        self.depthwise = Convolution(wide, wide, kernel, stride, groups=wide)
        self.project = Convolution(wide, outputs, 1)
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, D, ceil(H / stride), ceil(W / stride)]."""
        # The kernel computes in the weights' precision; training uses autocast.
        autocast = torch.is_autocast_enabled(x.device.type)
        if not autocast and not any(weight.requires_grad for weight in self.parameters()):
            return inverted_residual(x, self._frozen())
        wide = x if self.expand is None else F.relu6(self.expand(x))
        out: Tensor = self.project(F.relu6(self.depthwise(wide)))
        return x + out if self.skips else out

    def _frozen(self) -> InvertedResidual:
        return InvertedResidual(
            None if self.expand is None else self.expand.tensors(),
            self.depthwise.tensors(),
            self.project.tensors(),
            self.depthwise.stride[0],
            self.skips,
        )


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 with its batch norms folded into the convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, _STEM, 3, 2)
        self.blocks = nn.ModuleList()
        inputs = _STEM
        for count, kernel, stride, expansion, outputs in _STAGES:
            for i in range(count):
                self.blocks.append(Block(inputs, outputs, kernel, 1 if i else stride, expansion))
                inputs = outputs
        self.head = Convolution(inputs, _FEATURES, 1)
        self.classes = nn.Linear(_FEATURES, CLASSES)

    def features(self, pictures: Tensor) -> Tensor:
        """Normalised pictures [N, 3, H, W] -> the classifier's features [N, 1280]."""
        return self._places(pictures).mean(dim=(2, 3))

    def places(self, pictures: Tensor) -> Tensor:
        """Normalised pictures [N, 3, H, W] -> logits of each place [N, 1000, H / 32, W / 32].

        Their mean over the places is :meth:`forward`, since its last layer is linear (Zhou et al.
        2016, class activation maps).
        """
        features = self._places(pictures)
        return F.conv2d(features, self.classes.weight[:, :, None, None], self.classes.bias)

    def _places(self, pictures: Tensor) -> Tensor:
        # Depthwise convolutions are several times faster with channels last.
        x = self.stem(pictures.contiguous(memory_format=torch.channels_last))
        x = F.relu6(x, inplace=True)
        for block in self.blocks:
            x = block(x)
        return F.relu6(self.head(x), inplace=True)

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalised pictures [N, 3, H, W] -> logits [N, 1000]."""
        logits: Tensor = self.classes(self.features(pictures))
        return logits


@dataclass(frozen=True)
class Looks:
    """What sees looks in pictures and in words, how much they count beside the classes, and when.

    See LooksPerceptor for ``styles``.
    """

    network: LooksNetwork
    words: LooksWords
    weight: float
    styles: Join


class ClassifierPerceptor(Perceptor):
    """The classifier and the text tower as a Perceptor of ``width`` 1,000.

    ``temperature`` divides the classifier's logits. Its probabilities reach 1 long before a
    picture is good, and then the loss stops improving it; flatter probabilities keep improving it
    for longer. Being convolutional, it takes pictures of any side.

    It computes in float32 with every precision: in bf16 the cosine between a cutout's gradient and
    the one in float32 is 0.62 to 0.94, and 0.72 to 0.92 for the picture's.
    """

    any_side = True

    def __init__(
        self,
        classifier: EfficientNetLite0,
        tower: TextTower,
        *,
        known: Tensor,
        resolution: int = 224,
        temperature: float = 4.0,
        looks: Looks | None = None,
    ) -> None:
        super().__init__(
            resolution=resolution,
            width=CLASSES,
            mean=MEAN,
            std=STD,
            tokenizer=clip_tokens(tower.sizes.context, known),
        )
        self.classifier = classifier
        self.tower = tower
        self.temperature = temperature
        self.looks: LooksPerceptor | None = None
        self.looks_weight = 0.0
        if looks is not None:
            self.looks_weight = looks.weight
            self.looks = LooksPerceptor(
                looks.network,
                looks.words,
                self._read,
                tokenizer=self.tokenizer,
                resolution=resolution,
                styles=looks.styles,
            )

    @property
    def members(self) -> tuple[Member, ...]:
        """Itself and, if it has them, the looks."""
        own = super().members
        return own if self.looks is None else (*own, Member(self.looks, self.looks_weight))

    @property
    def scale(self) -> float:
        """20, which spreads cosines of 0..1 about as much as CLIP's scale spreads its own."""
        return 20.0

    def encode_tokens(self, ids: Tensor) -> Tensor:
        """Unit vectors [B, 1000] of token rows [B, context_length]: roots of probabilities.

        Zeros where a text names nothing but looks, if it has a network of looks.
        """
        states, mask = self._read(ids)
        vectors = self._classes(states, mask)
        if self.looks is None:
            return vectors
        return vectors.masked_fill(self.looks.are_all(states, mask)[:, None], 0.0)

    def _read(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        return self.tower.read(ids.to(self.device))

    def _classes(self, states: Tensor, mask: Tensor) -> Tensor:
        return _root(self.tower.head(masked_mean(states, mask)))

    def encode_image(self, cutouts: Tensor) -> Tensor:
        """Unit vectors [N, 1000] of pictures [N, 3, S, S] in 0..1: roots of probabilities."""
        return _root(self._logits(cutouts) / self.temperature)

    def read_image(self, pictures: Tensor) -> Tensor:
        """The same without the temperature: these probabilities are accurate for photographs."""
        return _root(self._logits(pictures))

    def score_places(self, picture: Tensor, words: str) -> Tensor:
        """The mean logit of the classes that ``words`` mean, less that of all, at each place.

        In [1, 1, H / 32, W / 32]. A place sees what a sub-image around it would show, and all of
        them take one pass. Logits, since of the probabilities most are nearly 0.
        """
        meant = self._classes(*self._read(self.tokenize(words).ids[None]))[0].square()
        logits = self.classifier.places((picture - self.mean) / self.std)
        weights = (meant - 1 / CLASSES).to(logits)
        return F.conv2d(logits, weights[None, :, None, None])

    def _logits(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.classifier((pictures - self.mean) / self.std)
        return logits


def _root(logits: Tensor) -> Tensor:
    """sqrt(softmax(logits)), which are unit vectors, in at least float32."""
    precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return (precise.log_softmax(dim=-1) / 2).exp()


_OF_LOOKS = ("looks_weight", "styles_from", "styles_times", "styles_enough")


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> ClassifierPerceptor:
    """The perceptor of a ``checkpoint``; see engine.models.kinds.

    Settings are ``resolution`` (32 to 1024 pixels), ``temperature`` (0.1 to 100) and, with a file
    of ``looks``, their weight ``looks_weight`` (0 to 100). In a painting from nothing a style joins
    after the share ``styles_from`` (0 to 1) of the iterations, and pulls with ``styles_times`` (0
    to 100) that weight until its cosine is the share ``styles_enough`` (0 to 1) of the largest.
    """
    of_looks = _OF_LOOKS if "looks" in files else ()
    check_names(settings, ("resolution", "temperature", *of_looks))
    resolution = round(number(settings, "resolution", 224, 32, 1024))
    temperature = number(settings, "temperature", 4.0, 0.1, 100)
    tensors = read_tensors(files["checkpoint"])
    known, tower = read_tower(_under(tensors, _WORDS))
    with torch.device("meta"), Uninitialised():
        classifier = EfficientNetLite0()
    fill(classifier, _under(tensors, _PICTURES), Translatable("an EfficientNet-Lite0"))
    classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types
    perceptor = ClassifierPerceptor(
        classifier,
        tower,
        known=known,
        resolution=resolution,
        temperature=temperature,
        looks=_read_looks(files, tower, settings),
    )
    return perceptor.eval().requires_grad_(False)


def _read_looks(
    files: Mapping[str, Path], tower: TextTower, settings: Mapping[str, Any]
) -> Looks | None:
    if "looks" not in files:
        return None
    weight = number(settings, "looks_weight", 0.5, 0, 100)
    styles = Join(
        after=number(settings, "styles_from", 0.3, 0, 1),
        times=number(settings, "styles_times", 3.0, 0, 100),
        enough=number(settings, "styles_enough", 0.8, 0, 1),
    )
    tensors = read_tensors(files["looks"])
    with Uninitialised():
        network, words = LooksNetwork(), LooksWords(tower.sizes.width)
    what = Translatable("a network of looks")
    try:
        fill(network, _under(tensors, _PICTURES), what)
        fill(words, _under(tensors, _WORDS), what)
    except CheckpointError as error:
        raise CheckpointError("{path}: {what}", path=files["looks"], what=error.message) from None
    return Looks(network, words, weight, styles)


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    own = {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
    if not own:
        raise CheckpointError(
            "The checkpoint has no tensors under `{prefix}`, so it isn't a "
            "classifier with a text tower.",
            prefix=prefix,
        )
    return own
