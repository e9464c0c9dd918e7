"""The optimisation (paper, section 2): step it, look into it, save it, restore it.

One loop for generating and editing: they differ in the start and the mask. Nothing here opens
a file, prints, or knows who watches.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.errors import NumericalError, RequestError
from engine.models import Generator, Perceptor
from engine.models.memory import is_memory_error
from engine.painting.cutouts import cut, draw_cutouts, plain_cutouts
from engine.painting.images import overlay, to_pil
from engine.painting.latent import new_latent
from engine.painting.losses import (
    clamp_with_gradient,
    prompt_loss,
    regulariser_loss,
    smoothness_loss,
    structure_loss,
)
from engine.painting.masking import Mask, composite, make_mask
from engine.painting.optimiser import Adam
from engine.painting.recovery import SNAPSHOT_EVERY, Recovery, Term, look_in_passes
from engine.request.prompt import Prompt
from engine.request.recipe import Recipe
from engine.translatable import Translatable

if TYPE_CHECKING:
    from PIL import Image

# What is measured beside the prompts: one that reads like these is named in quotation marks.
_MEASURES = ("total", "structure", "regulariser", "smoothness")
_WHOLE = torch.tensor([[0.0, 0.0, 1.0, 1.0]])


@dataclass(frozen=True)
class Iterate:
    """One moment of a painting.

    ``image`` [3, H, W] in 0..1 is the picture after ``iteration`` updates (0: the start),
    ``losses`` what was measured on it (the last iterate's is that of the one before), by prompt,
    with "total", and "structure", "regulariser" and "smoothness" where they are asked for;
    ``seconds`` the time spent stepping so far.
    """

    iteration: int
    image: Tensor
    losses: dict[str, float]
    seconds: float

    def to_pil(self) -> Image.Image:
        """The picture as an RGB image of 8 bits a channel."""
        return to_pil(self.image)


class Synthesis:
    """A painting in the making.

    ``start`` is a picture [1, 3, H, W] in 0..1 with the recipe's size, or None for uniformly
    random codes. Width and height must be multiples of the generator's ``factor``. Every random
    draw comes from ``self.rng``, seeded with ``seed`` before z is drawn: the same arguments
    give the same pictures, bit for bit, on the same kind of device with as many threads.

    An edit has a start, and may have more: ``mask`` [1, 1, H, W] in 0..1, whose part from 0.5
    on may change while the start's own pixels come back elsewhere (see engine.painting.masking),
    and ``keep``, the weight of the structure-preservation term (appendix H.2). ``remarks`` are
    sentences for the person, to be told with :meth:`notices`.
    """

    def __init__(self, generator: Generator, perceptor: Perceptor, prompts: Sequence[Prompt],
                 recipe: Recipe, seed: int, start: Tensor | None = None,
                 mask: Tensor | None = None, keep: float = 0.0,
                 remarks: Sequence[str] = ()) -> None:
        factor = generator.factor
        if recipe.width % factor or recipe.height % factor:
            raise RequestError("The size {width}x{height} does not fit the model; both sides must "
                               "be multiples of {factor}.", width=recipe.width,
                               height=recipe.height, factor=factor)
        self.generator = generator
        # What steps, and pulls on the latent with them, count in.
        self._unit = generator.scale if recipe.step == "codebook" else 1.0
        self.perceptor = perceptor
        self.prompts = tuple(prompts)
        self.recipe = recipe
        self.seed = seed
        self.rng = torch.Generator().manual_seed(seed)
        self.iteration = 0
        self.seconds = 0.0
        self.losses: dict[str, float] = {}
        self.recovery = Recovery()
        self.remarks = tuple(remarks)
        # A picture that is edited as a whole has a texture of its own, which is to stay.
        self.smoothness = recipe.smoothness if start is None or mask is not None else 0.0
        self.original = None if start is None else start.to(generator.reference)
        self.latent = new_latent(generator, recipe, self.original, self.rng)
        towards_start = recipe.regulariser.towards == "start"
        self.anchor = self.latent.z.detach().clone() if towards_start else None
        self.optimiser = self._new_optimiser()
        self.mask: Mask | None = None
        self.set_mask(mask)
        if mask is not None:
            self._begin_anew()
        self.keep = keep
        with torch.no_grad():
            self.targets = perceptor.encode_text([prompt.words for prompt in prompts])
            self._structure = None
            if keep and self.original is not None:
                whole = cut(self.original, plain_cutouts(_WHOLE), perceptor.resolution)
                self._structure = perceptor.encode_image(whole)[0]

    def set_mask(self, mask: Tensor | None) -> None:
        """Let only this part of the picture change from now on; None: all of it.

        What is frozen loses Adam's moments, which would go on moving it. Raises RequestError
        where nothing may change, or there is no start whose pixels could come back.
        """
        if mask is None:
            self.mask = None
            return
        if self.original is None:
            raise RequestError("A mask needs a picture to start from; give one.")
        self.mask = make_mask(mask.to(self.original), self.original, self.generator.factor,
                              local=self.generator.local)
        self.optimiser.mean *= self.mask.tokens
        self.optimiser.square *= self.mask.tokens

    def _begin_anew(self) -> None:
        """Start what may change as a new picture starts, from near the codebook's mean."""
        assert self.mask is not None
        self.latent.draw_near(self.recipe.spread, self.mask.tokens)

    def _new_optimiser(self) -> Adam:
        return Adam(self.latent.z, self._rate(), self.recipe.betas)

    def _rate(self) -> float:
        """The learning rate of this iteration."""
        return self.recipe.rate(self.iteration) * self._unit

    def step(self) -> Iterate:
        """Paint the present picture, measure it, improve the latent once.

        Returns the picture that was measured, so that a preview costs no second decode. Where
        memory runs out it looks at fewer cutouts a pass, from then on; where the loss is not
        finite it goes back to the last finite state, and to float32 where it was not in it.
        Raises OutOfMemoryError or NumericalError where that does not help.
        """
        began = time.perf_counter()
        while True:
            before = self.rng.get_state()
            try:
                return self._step(began)
            except NumericalError as error:
                trouble: Exception = error
            except (MemoryError, RuntimeError) as error:
                if not is_memory_error(error):
                    raise
                trouble = error
            trouble.__traceback__ = None  # it holds all that the step had in memory
            if isinstance(trouble, NumericalError):
                self.recovery.roll_back(self, trouble)
            else:
                self.rng.set_state(before)
                self.recovery.use_less_memory(self)

    def _step(self, began: float) -> Iterate:
        recipe = self.recipe
        state = self.state_dict() if self.iteration % SNAPSHOT_EVERY == 0 else None
        if recipe.restart_every and self.iteration and self.iteration % recipe.restart_every == 0:
            self.optimiser = self._new_optimiser()
        picture = self._decode()
        augmentation = recipe.augmentation_at(self.iteration)
        side = self.perceptor.resolution
        if augmentation.size and self.perceptor.any_side:
            side = augmentation.size
        numbers = draw_cutouts(augmentation, recipe.width, recipe.height, side, self.rng)
        names, terms = self._terms()
        gradient = None
        if self.recovery.passes == 1:
            images = self.perceptor.encode_image(cut(picture, numbers, side))
            losses = [term(images) for term in terms]
        else:
            losses, gradient = look_in_passes(picture, numbers, side, self.perceptor, terms,
                                              self.recovery.passes)
        named: dict[str, Tensor] = {}
        for name, loss in zip(names, losses, strict=True):
            named[name] = named[name] + loss if name in named else loss
        own: dict[str, Tensor] = {}  # what is measured on the latent and the picture themselves
        alpha = recipe.regulariser.alpha(self.iteration, recipe.iterations)
        if alpha:
            own["regulariser"] = regulariser_loss(self.latent.z, self.anchor,
                                                  alpha / self._unit**2)
        if self.smoothness:
            own["smoothness"] = smoothness_loss(picture, self.smoothness)
        named |= own
        total = torch.stack([*losses, *own.values()]).sum()
        self.latent.z.grad = None
        if gradient is None:
            total.backward()
        else:
            torch.autograd.backward([picture, *own.values()], [gradient, *(None for _ in own)])
        self._check(total)
        self.recovery.snapshot = state or self.recovery.snapshot
        measured = self.iteration
        self.improve()
        self.losses = {"total": total.item(), **{name: x.item() for name, x in named.items()}}
        self.seconds += time.perf_counter() - began
        return Iterate(measured, picture.detach()[0], self.losses, self.seconds)

    def improve(self) -> None:
        """Move the latent once against the gradient that it has; outside the mask nothing moves."""
        if self.mask is not None:
            assert self.latent.z.grad is not None
            self.latent.z.grad *= self.mask.tokens
        self.optimiser.rate = self._rate()
        self.optimiser.step()
        self.latent.after_step()
        self.iteration += 1

    def _terms(self) -> tuple[list[str], list[Term]]:
        """What is measured on the cutouts, by name."""
        names, terms = [], list[Term]()
        for prompt, target in zip(self.prompts, self.targets, strict=True):
            names.append(f'"{prompt}"' if str(prompt) in _MEASURES else str(prompt))
            terms.append(partial(prompt_loss, target=target, weight=prompt.weight,
                                 stop=prompt.stop))
        if self._structure is not None:
            names.append("structure")
            terms.append(partial(structure_loss, original=self._structure, weight=self.keep))
        return names, terms

    def look(self, *, raw: bool = False) -> Iterate:
        """The picture as it is now, changing nothing (a codebook latent's draw included).

        ``raw`` is what the generator makes of it, before the original's pixels come back
        outside the mask.
        """
        began = time.perf_counter()
        before = self.rng.get_state()
        with torch.no_grad():
            picture = self._decode(raw)
        self.rng.set_state(before)
        seconds = self.seconds + time.perf_counter() - began
        return Iterate(self.iteration, picture[0], self.losses, seconds)

    def overlay(self) -> Image.Image | None:
        """The picture that is edited with what may change of it marked; None without a mask."""
        if self.mask is None or self.original is None:
            return None
        return overlay(to_pil(self.original[0]), to_pil(self.mask.hard[0]))

    def _decode(self, raw: bool = False) -> Tensor:
        return self.shown(self.generator.decode(self.quantised()), raw)

    def quantised(self) -> Tensor:
        """zq [1, D, h, w] for the generator; outside the mask the start's own."""
        zq: Tensor = self.latent(self.rng)
        if self.mask is None:
            return zq
        # A codebook latent would draw other codes for what is frozen.
        return torch.where(self.mask.tokens > 0, zq, self.latent.begun)

    def shown(self, decoded: Tensor, raw: bool = False) -> Tensor:
        """The picture [1, 3, H, W] in 0..1 of what the generator made of :meth:`quantised`.

        ``raw`` is it before the original's pixels come back.
        """
        picture = clamp_with_gradient(decoded)
        if self.mask is None or self.original is None or raw:
            return picture
        return composite(picture, self.original, self.mask.pixels)

    def _check(self, total: Tensor) -> None:
        gradient = self.latent.z.grad
        assert gradient is not None
        if not (total.isfinite() and gradient.isfinite().all()):
            raise NumericalError("The loss was no longer a number at iteration {iteration}, and "
                                 "going back did not help; try a smaller learning rate, another "
                                 "model or another seed.", iteration=self.iteration)

    def notices(self) -> list[str]:
        """The remarks, and sentences about what of the prompts the perceptor could not read."""
        sentences = list(self.remarks)
        for prompt in self.prompts:
            tokens = self.perceptor.tokenize(prompt.words)
            if tokens.unknown:
                words = ", ".join(f"\"{word}\"" for word in tokens.unknown[:8])
                sentences.append(
                    Translatable("This model does not know the word {words} and painted without.",
                                 words=words) if len(tokens.unknown) == 1 else
                    Translatable("This model does not know the words {words} and painted without.",
                                 words=words))
            if tokens.cut:
                sentences.append(Translatable("The prompt \"{words}...\" is {count} tokens longer "
                                              "than the {most} this model reads; its end was left "
                                              "out.", words=prompt.words[:40], count=tokens.cut,
                                              most=self.perceptor.context_length - 2))
        return sentences

    def state_dict(self) -> dict[str, Any]:
        """The job's state: z, Adam's moments, the random generator, the iteration.

        The mask is not in it: the same arguments make the same one.
        """
        return {"iteration": self.iteration, "seconds": self.seconds, "losses": dict(self.losses),
                "latent": self.latent.z.detach().clone(), "anchor": self.anchor,
                "optimiser": self.optimiser.state_dict(), "rng": self.rng.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict` of a Synthesis made with the same arguments.

        Raises RequestError where the latent's shape is another.
        """
        latent = state["latent"]
        if latent.shape != self.latent.z.shape:
            raise RequestError("The saved state is for a latent of shape {theirs}, not {ours}; "
                               "resume with the same model and size.", theirs=tuple(latent.shape),
                               ours=tuple(self.latent.z.shape))
        with torch.no_grad():
            self.latent.z.copy_(latent)
        anchor = state["anchor"]
        self.anchor = None if anchor is None else anchor.to(self.latent.z)
        self.optimiser = self._new_optimiser()
        self.optimiser.load_state_dict(state["optimiser"])
        if self.mask is not None:
            self.optimiser.mean *= self.mask.tokens
            self.optimiser.square *= self.mask.tokens
        self.rng.set_state(state["rng"])
        self.iteration = int(state["iteration"])
        self.seconds = float(state["seconds"])
        self.losses = dict(state["losses"])
