"""The published cutouts, made of kornia's own modules with the published arguments.

``augmentations`` and ``inputs`` are the lists of the authors' MSE notebook and of nerdyrodent's
script; ColorJitter was the name of what kornia now calls ColorJiggle. Nothing here calls the code
that is tested; it is only given the numbers that it drew.
"""

from __future__ import annotations

from typing import Any

import kornia.augmentation as K
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor


def notebook() -> dict[str, Any]:
    """The augmentations of the authors' notebook, in order."""
    return {
        "flip": K.RandomHorizontalFlip(p=0.5),
        "affine": K.RandomAffine(degrees=30, translate=0.1, p=0.8, padding_mode="border"),
        "perspective": K.RandomPerspective(0.2, p=0.4),
        "jitter": K.ColorJiggle(hue=0.01, saturation=0.01, p=0.7),
    }


def nerdyrodent() -> dict[str, Any]:
    """The augmentations of nerdyrodent's default method, in order."""
    return {
        "affine": K.RandomAffine(
            degrees=15, translate=0.1, shear=5, p=0.7, padding_mode="zeros", keepdim=True
        ),
        "perspective": K.RandomPerspective(distortion_scale=0.7, p=0.7),
        "jitter": K.ColorJiggle(brightness=0.1, contrast=0.1, saturation=0.1, hue=0.1, p=0.7),
        "erasing": K.RandomErasing(
            scale=(0.1, 0.4), ratio=(0.3, 1 / 0.3), same_on_batch=True, p=0.7
        ),
    }


def rare(size: int) -> dict[str, Any]:
    """The augmentations of nerdyrodent's ``-augs`` that its default does not have, in our order."""
    return {
        "resized": K.RandomResizedCrop(
            size=(size, size), scale=(0.1, 1), ratio=(0.75, 4 / 3), cropping_mode="resample", p=0.5
        ),
        "elastic": K.RandomElasticTransform(p=0.7),
        "sharpness": K.RandomSharpness(sharpness=0.3, p=0.5),
    }


def crops(picture: Tensor, box: Tensor, size: int) -> Tensor:
    """Squares [N, 3, size, size] of whole pixels, resized by torch's antialiased bicubic."""
    _, _, height, width = picture.shape
    taken = []
    for left, top, across, down in box.tolist():
        x, y = round(left * width), round(top * height)
        part = picture[..., y : y + round(down * height), x : x + round(across * width)]
        taken.append(F.interpolate(part, (size, size), mode="bicubic", antialias=True))
    return torch.cat(taken)


def pooled(picture: Tensor, count: int, size: int) -> Tensor:
    """The whole picture, pooled by average and maximum as in nerdyrodent's script."""
    average, maximum = (
        torch.nn.AdaptiveAvgPool2d((size, size)),
        torch.nn.AdaptiveMaxPool2d((size, size)),
    )
    return torch.cat([(average(picture) + maximum(picture)) / 2 for _ in range(count)])


def parameters(numbers: Any, size: int, dtype: torch.dtype) -> dict[str, dict[str, Tensor]]:
    """The numbers as the parameters of kornia's modules."""
    n = len(numbers.box)
    shape = torch.tensor([n, 3, size, size])
    last = size - 1.0
    start = torch.tensor([[0, 0], [last, 0], [last, last], [0, last]]).expand(n, 4, 2)
    brightness, contrast, saturation, hue = numbers.colours.unbind(1)
    left, top, right, bottom = numbers.erase.unbind(1)
    zero = torch.zeros(n)
    found = {
        "flip": {"batch_prob": numbers.flipped},
        "affine": {
            "batch_prob": numbers.turned,
            "translations": numbers.translation,
            "center": torch.full((n, 2), size / 2 - 0.5),
            "scale": torch.ones(n, 2),
            "angle": numbers.angle,
            "shear_x": numbers.shear,
            "shear_y": zero,
        },
        "perspective": {
            "batch_prob": numbers.tilted,
            "start_points": start,
            "end_points": start + numbers.corners,
        },
        "jitter": {
            "batch_prob": numbers.jittered,
            "brightness_factor": brightness,
            "contrast_factor": contrast,
            "saturation_factor": saturation,
            "hue_factor": hue,
        },
        "erasing": {
            "batch_prob": right > left,
            "widths": right - left,
            "heights": bottom - top,
            "xs": left,
            "ys": top,
            "values": zero,
        },
    }
    if numbers.zoomed is not None:
        corner = (numbers.window * size).round()[:, None, :2]
        extent = (numbers.window * size).round()[:, None, 2:] - 1
        ends = torch.tensor([[0, 0], [1, 0], [1, 1], [0, 1]])
        sides = torch.full((n, 2), size)
        found["resized"] = {
            "batch_prob": numbers.zoomed,
            "src": corner + extent * ends,
            "dst": start,
            "input_size": sides,
            "output_size": sides,
        }
    if numbers.bent is not None:
        found["elastic"] = {"batch_prob": numbers.bent, "noise": numbers.ripple}
    if numbers.sharpened is not None:
        found["sharpness"] = {"batch_prob": numbers.sharpened, "sharpness": numbers.blend}
    whole = {
        name: {key: value.to(dtype) for key, value in values.items()}
        for name, values in found.items()
    }
    for values in whole.values():
        values["forward_input_shape"] = shape
    whole["jitter"]["order"] = torch.tensor(numbers.order)
    return whole


def augmented(cut_out: Tensor, modules: dict[str, Any], numbers: Any) -> Tensor:
    """Cutouts [N, 3, S, S] after kornia's modules with our numbers, and the noise."""
    given = parameters(numbers, cut_out.shape[-1], cut_out.dtype)
    for name, module in modules.items():
        cut_out = module(cut_out, params=dict(given[name]))
    if numbers.grain is not None:
        cut_out = cut_out + numbers.noise.to(cut_out)[:, None, None, None] * numbers.grain
    return cut_out


class Prompt(torch.nn.Module):
    """``Prompt`` of the notebooks and of nerdyrodent's script, with ReplaceGrad written out."""

    def __init__(self, embed: Tensor, weight: float = 1.0, stop: float = float("-inf")) -> None:
        super().__init__()
        self.embed = embed
        self.weight, self.stop = torch.as_tensor(weight), torch.as_tensor(stop)

    def forward(self, input: Tensor) -> Tensor:
        input_normed = F.normalize(input.unsqueeze(1), dim=2)
        embed_normed = F.normalize(self.embed.unsqueeze(0), dim=2)
        dists = input_normed.sub(embed_normed).norm(dim=2).div(2).arcsin().pow(2).mul(2)
        dists = dists * self.weight.sign()
        slopes = torch.maximum(dists, self.stop)
        held: Tensor = slopes + (dists - slopes).detach()  # replace_grad(dists, slopes)
        return self.weight.abs() * held.mean()


def resize_image(image: Image.Image, out_size: tuple[int, int]) -> Image.Image:
    """The same of the published scripts."""
    ratio = image.size[0] / image.size[1]
    area = min(image.size[0] * image.size[1], out_size[0] * out_size[1])
    size = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
    return image.resize(size, Image.Resampling.LANCZOS)
