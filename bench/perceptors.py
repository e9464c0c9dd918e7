"""Published perceptors with random weights: ``python -m bench.perceptors --json``.

``measured_mb`` and ``planned_mb`` are those of ``bench.memory``, for two iterations of natural's
generator with the perceptor. ``times_as_fast`` is how much longer the library's own picture tower
takes in float32, forward and backward, with the same weights: the median of the ratios of rounds in
one process. It needs OpenCLIP (extra ``dev``).
"""

from __future__ import annotations

import copy
import statistics
import time
from dataclasses import dataclass
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from bench.common.cli import AsJson, print_result
from bench.memory import measure_iterations
from bench.timing.apart import run_apart
from engine.models import Models, Perceptor, load_models
from engine.models.packages import open_clip_package
from engine.models.perceptors.open_clip import OpenClipPerceptor
from engine.models.perceptors.open_clip_config import is_in_openai_format
from engine.models.perceptors.openai_clip import build_perceptor
from engine.models.perceptors.siglip import SiglipPerceptor
from engine.models.perceptors.siglip import config as siglip_config
from engine.models.perceptors.siglip import names as siglip_names
from engine.models.perceptors.siglip.networks import SiglipNetworks
from engine.models.perceptors.tokenizing import Tokenizer, clip_tokens
from engine.models.reading import Vocabulary
from engine.models.state_dict import fill
from engine.request.recipe import make_recipe


@dataclass(frozen=True)
class Case:
    """A perceptor by the name of OpenCLIP's config, its precision, and how many cutouts it sees."""

    name: str
    precision: str = "float32"
    cutouts: int = 8


CASES = (
    Case("ViT-B-32-quickgelu", cutouts=16),
    Case("ViT-L-14-quickgelu"),
    Case("RN50x4-quickgelu"),
    Case("ViT-B-16-SigLIP", cutouts=16),
    Case("ViT-B-16-SigLIP", "bf16", cutouts=16),
    Case("convnext_base_w"),
    Case("EVA02-B-16"),
)
_ROUNDS = 5


class _Few(Vocabulary):
    """CLIP's tokens folded into SigLIP's smaller vocabulary; what they mean is not measured."""

    def encode(self, text: str) -> list[int]:
        return [token % 32_000 for token in super().encode(text)]


def perceptor_of(name: str) -> tuple[Perceptor, Any]:
    """The perceptor and OpenCLIP's model with the same random weights."""
    config = open_clip_package().get_model_config(name)
    model_config = copy.deepcopy(config)
    kind = open_clip_package().CLIP
    if model_config.pop("custom_text", False):
        kind = open_clip_package().CustomTextCLIP
    torch.manual_seed(1)
    model = kind(**model_config).eval().requires_grad_(False)
    tensors = model.state_dict()
    perceptor: Perceptor
    if siglip_config.is_siglip(config):
        said = siglip_config.from_open_clip(config)
        own = siglip_names.from_open_clip(tensors)
        sizes = siglip_config.sizes_of(own, said)
        networks = SiglipNetworks(sizes)
        fill(networks, own, "a SigLIP")
        tokenizer = Tokenizer(_Few(), sizes.text.length)
        perceptor = SiglipPerceptor(networks, said, sizes.resolution, tokenizer)
    elif is_in_openai_format(config):
        given = {"mean": [0.5] * 3, "std": [0.5] * 3}
        whole = {"model_cfg": config, "preprocess_cfg": given}
        perceptor = build_perceptor(tensors, config=whole)
    else:
        perceptor = OpenClipPerceptor(
            copy.deepcopy(model),
            resolution=config["vision_cfg"]["image_size"],
            mean=(0.5,) * 3,
            std=(0.5,) * 3,
            interpolation="bicubic",
            tokenizer=clip_tokens(77),
            width=config["embed_dim"],
        )
    return perceptor.eval().requires_grad_(False), model


def measure(case: Case) -> dict[str, object]:
    """Run ``case`` in this process, which must be a new one."""
    perceptor, model = perceptor_of(case.name)
    fast = _times_as_fast(case, perceptor, model.visual)
    del model
    natural = load_models("natural", device="cpu", precision=case.precision)
    models = Models(
        case.name, natural.generator, perceptor, {}, natural.device, precision=case.precision
    )
    recipe = make_recipe("default", {}, width=256, height=256, cutouts=case.cutouts)
    measured, planned = measure_iterations(models, recipe)
    return {
        "perceptor": case.name,
        "precision": case.precision,
        "cutouts": case.cutouts,
        "measured_mb": round(measured / 1e6),
        "planned_mb": round(planned / 1e6),
        "ratio": round(planned / measured, 2),
        "times_as_fast": round(fast, 2),
    }


def _times_as_fast(case: Case, perceptor: Perceptor, published: Any) -> float:
    side = perceptor.resolution
    if case.precision == "bf16":
        perceptor.encode_in_bf16()
    pictures = torch.rand(case.cutouts, 3, side, side)
    ratios = []
    for i in range(_ROUNDS + 1):  # the first one warms up
        theirs = _seconds(lambda x: published((x - 0.5) / 0.5), pictures)
        ours = _seconds(perceptor.encode_image, pictures)
        ratios += [theirs / ours] if i else []
    return statistics.median(ratios)


def _seconds(look: Any, pictures: Tensor) -> float:
    own = pictures.clone().requires_grad_()
    began = time.perf_counter()
    look(own).sum().backward()
    return time.perf_counter() - began


def main(
    name: Annotated[str, typer.Option(help="Only this perceptor.")] = "",
    as_json: AsJson = False,
) -> None:
    """Measure all cases, one after the other."""
    cases = [case for case in CASES if name in ("", case.name)]
    print_result({"rows": [run_apart(measure, case) for case in cases]}, as_json)


if __name__ == "__main__":
    typer.run(main)
