"""The optimisation (paper, section 2): step it, look into it, save it, restore it.

One loop for generating and editing: they differ in the start alone. Nothing here opens a
file, prints, or knows who watches.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.adam import Adam
from engine.cutouts import cut, draw_cutouts
from engine.errors import NumericalError, RequestError
from engine.latent import CodebookLatent, Latent, QuantisedLatent, random_codes
from engine.losses import clamp_with_gradient, prompt_loss, regulariser_loss
from engine.models.generator import Generator
from engine.models.perceptor import Perceptor
from engine.prompt import Prompt
from engine.recipe import Recipe

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Iterate:
    """One moment of a painting.

    ``image`` [3, H, W] in 0..1 is the picture after ``iteration`` updates (0: the start),
    ``losses`` what was measured on it (the last iterate's is that of the one before),
    ``seconds`` the time spent stepping so far.
    """

    iteration: int
    image: Tensor
    losses: dict[str, float]
    seconds: float

    def to_pil(self) -> Image.Image:
        """The picture as an RGB image of 8 bits a channel."""
        from PIL import Image

        pixels = (self.image.detach().clamp(0, 1) * 255).round().to("cpu", torch.uint8)
        return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


class Synthesis:
    """A painting in the making.

    ``start`` is a picture [1, 3, H, W] in 0..1 with the recipe's size, or None for uniformly
    random codes. Width and height must be multiples of the generator's ``factor``. Every random
    draw comes from ``self.rng``, seeded with ``seed`` before z is drawn: the same arguments
    give the same pictures, bit for bit, on the same kind of device with as many threads.
    """

    def __init__(self, generator: Generator, perceptor: Perceptor, prompts: Sequence[Prompt],
                 recipe: Recipe, seed: int, start: Tensor | None = None) -> None:
        factor = generator.factor
        if recipe.width % factor or recipe.height % factor:
            raise RequestError(f"The size {recipe.width}x{recipe.height} does not fit the model; "
                               f"both sides must be multiples of {factor}.")
        self.generator = generator
        self.perceptor = perceptor
        self.prompts = tuple(prompts)
        self.recipe = recipe
        self.seed = seed
        self.rng = torch.Generator().manual_seed(seed)
        self.iteration = 0
        self.seconds = 0.0
        self.losses: dict[str, float] = {}
        height, width = recipe.height // factor, recipe.width // factor
        if start is None:
            codes = random_codes(generator, height, width, self.rng)
        else:
            codes = generator.encode(start.to(generator.codebook), self.rng)
        self.latent: Latent
        if recipe.latent == "codebook":
            self.latent = CodebookLatent(generator, codes, height, width)
        else:
            spread = recipe.spread if start is None else 1.0
            self.latent = QuantisedLatent(generator, codes, height, width, recipe.clamp, spread)
        towards_start = recipe.regulariser.towards == "start"
        self.anchor = self.latent.z.detach().clone() if towards_start else None
        self.optimiser = self._new_optimiser()
        with torch.no_grad():
            self.targets = perceptor.encode_text([prompt.words for prompt in prompts])

    def _new_optimiser(self) -> Adam:
        rate = self.recipe.learning_rate
        if self.recipe.step == "codebook":
            rate *= self.generator.codebook.std().item()
        return Adam(self.latent.z, rate, self.recipe.betas)

    def step(self) -> Iterate:
        """Paint the present picture, measure it, improve the latent once.

        Returns the picture that was measured, so that a preview costs no second decode. Raises
        NumericalError, with the latent as it was, where the loss is not finite.
        """
        began = time.perf_counter()
        recipe = self.recipe
        if recipe.restart_every and self.iteration and self.iteration % recipe.restart_every == 0:
            self.optimiser = self._new_optimiser()
        picture = self._decode()
        numbers = draw_cutouts(recipe.augmentation, recipe.width, recipe.height,
                               self.perceptor.resolution, self.rng)
        images = self.perceptor.encode_image(cut(picture, numbers, self.perceptor.resolution))
        losses = [prompt_loss(images, target, prompt.weight, prompt.stop)
                  for prompt, target in zip(self.prompts, self.targets, strict=True)]
        named = {str(prompt): loss for prompt, loss in zip(self.prompts, losses, strict=True)}
        alpha = recipe.regulariser.alpha(self.iteration, recipe.iterations)
        if alpha:
            named["regulariser"] = regulariser_loss(self.latent.z, self.anchor, alpha)
            losses.append(named["regulariser"])
        total = torch.stack(losses).sum()
        self.latent.z.grad = None
        total.backward()
        self._check(total)
        self.optimiser.step()
        self.latent.after_step()
        self.losses = {"total": total.item(), **{name: x.item() for name, x in named.items()}}
        self.seconds += time.perf_counter() - began
        iterate = Iterate(self.iteration, picture.detach()[0], self.losses, self.seconds)
        self.iteration += 1
        return iterate

    def look(self) -> Iterate:
        """The picture as it is now, changing nothing (a codebook latent's draw included)."""
        began = time.perf_counter()
        before = self.rng.get_state()
        with torch.no_grad():
            picture = self._decode()
        self.rng.set_state(before)
        seconds = self.seconds + time.perf_counter() - began
        return Iterate(self.iteration, picture[0], self.losses, seconds)

    def _decode(self) -> Tensor:
        return clamp_with_gradient(self.generator.decode(self.latent(self.rng)))

    def _check(self, total: Tensor) -> None:
        gradient = self.latent.z.grad
        assert gradient is not None
        if not (total.isfinite() and gradient.isfinite().all()):
            raise NumericalError(
                f"The loss was no longer a number at iteration {self.iteration}; "
                "a smaller learning rate or full precision (float32) helps.")

    def notices(self) -> list[str]:
        """Sentences about what of the prompts the perceptor could not read."""
        sentences = []
        for prompt in self.prompts:
            tokens = self.perceptor.tokenize(prompt.words)
            if tokens.unknown:
                words = ", ".join(f"\"{word}\"" for word in tokens.unknown[:8])
                plural = "s" if len(tokens.unknown) > 1 else ""
                sentences.append(f"This model does not know the word{plural} {words} "
                                 "and painted without.")
            if tokens.cut:
                sentences.append(
                    f"The prompt \"{prompt.words[:40]}...\" is {tokens.cut} tokens longer than the "
                    f"{self.perceptor.context_length - 2} this model reads; its end was left out.")
        return sentences

    def state_dict(self) -> dict[str, Any]:
        """The job's state: z, Adam's moments, the random generator, the iteration."""
        return {"iteration": self.iteration, "seconds": self.seconds, "losses": dict(self.losses),
                "latent": self.latent.z.detach().clone(), "anchor": self.anchor,
                "optimiser": self.optimiser.state_dict(), "rng": self.rng.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict` of a Synthesis made with the same arguments.

        Raises RequestError where the latent's shape is another.
        """
        latent = state["latent"]
        if latent.shape != self.latent.z.shape:
            raise RequestError(f"The saved state is for a latent of shape {tuple(latent.shape)}, "
                               f"not {tuple(self.latent.z.shape)}; resume with the same model "
                               "and size.")
        with torch.no_grad():
            self.latent.z.copy_(latent)
        anchor = state["anchor"]
        self.anchor = None if anchor is None else anchor.to(self.latent.z)
        self.optimiser = self._new_optimiser()
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.set_state(state["rng"])
        self.iteration = int(state["iteration"])
        self.seconds = float(state["seconds"])
        self.losses = dict(state["losses"])
