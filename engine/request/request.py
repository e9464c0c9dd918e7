"""One job as plain, JSON-able data: what to paint and how, validated with readable errors.

Defaults and help texts of every option are written here once, their ranges in
engine.request.limits; the command line, the slash options and the modals are made from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from engine.errors import RequestError
from engine.request.arrow import Arrow, arrows, parse_arrow
from engine.request.defaults import DEFAULT_MODEL
from engine.request.edit_recipe import AWAY
from engine.request.ensemble import parse_perceptors, perceptors_text
from engine.request.forms import in_one_form
from engine.request.method.fields import MethodFields
from engine.request.method.fields import number_field as _number
from engine.request.method.fields import text_field as _text
from engine.request.motion import check_moves
from engine.request.motion_fields import MotionFields
from engine.request.noise import NoisePrompt, parse_noise
from engine.request.prompt import Prompt, canonical, parse_canonical
from engine.request.prompt.second import in_story, parse_second, split_at_carets
from engine.request.pulls import SHA256, MaskRegion, PicturePrompt, check_count, check_names
from engine.request.recipe import ADDITIONS, PRESETS, TUNED
from engine.request.refusals import checked, message_of
from engine.request.shape import with_shape
from engine.request.steering import SteeringFields, check_steering
from engine.request.story import Story, check_story
from engine.request.variation import VariationFields, check_variation
from engine.translatable import Translatable

_STORED = {"stored": True}


class ImageRequest(SteeringFields, VariationFields, MotionFields, MethodFields):
    """What one person asked for. None means the default of the model and its preset.

    ``prompt`` has no flags in it, and can be empty next to pictures to paint ``like`` or ``noise``;
    ``init_image`` and ``mask`` are the SHA-256 of the bytes of pictures, which are passed
    separately, as are those of ``like``. A request with a starting picture is an edit: an arrow
    in its prompt ("foggy sky -> clear sky") pulls towards the right side and pushes away from the
    left. ``where`` is the source phrase of the paper's section H.2, or "source phrase -> target
    phrase"; with a target phrase the prompt may be empty, and the target phrase replaces it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Annotated[
        str, _text("prompt", 'what to paint; " + " joins prompts, ":0.5" sets a weight')
    ]
    width: Annotated[int | None, _number("width", "width in pixels")] = None
    height: Annotated[int | None, _number("height", "height in pixels")] = None
    aspect: Annotated[
        float | None, _number("aspect", "width divided by height; a size then only sets the area")
    ] = None
    pixels: Annotated[
        int | None,
        _number("pixels", "about how many pixels to paint, in an aspect or a picture's shape"),
    ] = None
    iterations: Annotated[
        int | None, _number("iterations", "number of iterations; more take longer")
    ] = None
    seed: Annotated[int | None, _number("seed", "the same seed gives the same picture again")] = (
        None
    )
    preset: Annotated[str, Field(description=f"a named set of numbers: {', '.join(PRESETS)}")] = (
        "default"
    )
    model: Annotated[str, _text("model", "which model to use")] = DEFAULT_MODEL
    perceptor: Annotated[
        str | None,
        _text(
            "perceptor",
            "what guides the painting instead of the model's own perceptor; several, perhaps with "
            "weights, guide it together: ViT-B-32,RN50x4:0.5",
        ),
    ] = None
    like: Annotated[
        tuple[PicturePrompt, ...] | None, Field(description="pictures to paint like, with weights")
    ] = None
    noise: Annotated[
        str | None,
        _text("noise", 'seeds of random directions to paint towards, with weights: "7:0.5, 8:-1"'),
    ] = None
    init_image: Annotated[
        str | None, Field(pattern=SHA256, description="SHA-256 of the picture to start from")
    ] = None
    cutouts: Annotated[
        int | None, _number("cutouts", "how many cutouts are looked at in each iteration")
    ] = None
    learning_rate: Annotated[
        float | None, _number("learning_rate", "how far each iteration moves the latent")
    ] = None
    addition: Annotated[
        str | None,
        Field(
            description='how the losses of several prompts are joined: "sum", or "mean", which '
            "pulls as strongly as one prompt"
        ),
    ] = None
    strength: Annotated[
        float | None,
        _number("strength", "how much an edit can change; 0 keeps the original, 1 ignores it"),
    ] = None
    mask: Annotated[
        str | None,
        Field(
            pattern=SHA256,
            description="SHA-256 of the mask; white or transparent areas can change",
        ),
    ] = None
    where: Annotated[
        str | None,
        _text(
            "where",
            'what in the picture can change, in words; "windmills -> mushrooms" also says '
            "what it becomes",
        ),
    ] = None
    threshold: Annotated[
        float | None,
        _number(
            "threshold",
            "how well an area must match the words of where to change, in standard "
            "deviations from the mean; the paper uses -2",
        ),
    ] = None
    keep: Annotated[
        float | None, _number("keep", "how strongly an edit keeps the picture's structure")
    ] = None
    away: Annotated[
        float | None, _number("away", "how strongly the left side of an arrow pushes away")
    ] = None
    more: Annotated[int | None, _number("more", "additional iterations, as Continue adds them")] = (
        None
    )
    change_every: Annotated[
        int | None,
        _number("change_every", "iterations of each part of a story; otherwise all share them"),
    ] = None
    fade: Annotated[
        float | None,
        _number("fade", "share of each part of a story in which it turns into the next"),
    ] = None
    regions: Annotated[
        tuple[MaskRegion, ...] | None, Field(description="masks that the prompt names")
    ] = None
    grammar: Annotated[
        Literal[2] | None, Field(description="2 if the prompt has a story or regions")
    ] = None

    @field_validator("prompt", mode="before")
    @classmethod
    def _is_canonical(cls, prompt: Any, info: ValidationInfo) -> Any:
        """Translate what a person typed; a stored prompt keeps the meaning that it had."""
        if not isinstance(prompt, str) or info.mode == "json" or info.context is _STORED:
            return prompt
        return checked(canonical, prompt)

    @field_validator("perceptor", mode="before")
    @classmethod
    def _is_one_text(cls, names: Any) -> Any:
        return ",".join(map(str, names)) if isinstance(names, list | tuple) else names

    @field_validator("perceptor")
    @classmethod
    def _are_perceptors(cls, names: str | None) -> str | None:
        return None if names is None else perceptors_text(checked(parse_perceptors, names))

    @field_validator("prompt", "where")
    @classmethod
    def _has_no_nul(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is not None and "\x00" in text:
            raise ValueError(
                Translatable(
                    "{name} contains a NUL character; remove it.", name=str(info.field_name)
                )
            )
        return text

    @field_validator("preset")
    @classmethod
    def _is_preset(cls, preset: str) -> str:
        if preset not in PRESETS:
            raise ValueError(
                Translatable(
                    'There is no preset "{name}"; choose one of {names}.',
                    name=preset[:40],
                    names=", ".join(PRESETS),
                )
            )
        return preset

    @field_validator("addition")
    @classmethod
    def _is_addition(cls, name: str | None) -> str | None:
        if name is not None and name not in ADDITIONS:
            raise ValueError(
                Translatable(
                    'The addition can\'t be "{name}"; choose one of {names}.',
                    name=name[:40],
                    names=", ".join(ADDITIONS),
                )
            )
        return name

    @field_validator("like")
    @classmethod
    def _are_few(
        cls, pictures: tuple[PicturePrompt, ...] | None
    ) -> tuple[PicturePrompt, ...] | None:
        check_count(pictures or ())
        return pictures or None

    @field_validator("noise")
    @classmethod
    def _is_noise(cls, noise: str | None) -> str | None:
        if noise is not None:
            checked(parse_noise, noise)
        return noise

    @field_validator("regions")
    @classmethod
    def _are_different(
        cls, regions: tuple[MaskRegion, ...] | None
    ) -> tuple[MaskRegion, ...] | None:
        check_names(regions or ())
        return regions or None

    @model_validator(mode="before")
    @classmethod
    def _in_one_form(cls, values: Any, info: ValidationInfo) -> Any:
        if not isinstance(values, dict):
            return values
        return in_one_form(values, stored=info.mode == "json" or info.context is _STORED)

    @model_validator(mode="after")
    def _fits_together(self) -> ImageRequest:
        if self.pixels is not None and (self.width is not None or self.height is not None):
            raise ValueError(
                Translatable("pixels can't be set next to a width or a height; leave it out.")
            )
        if self.init_image is None:
            for name in ("strength", "mask", "where", "keep", "vary", "grow", "extend"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        Translatable(
                            "{name} only works on edits; add a picture to "
                            "start from, or leave {name} out.",
                            name=name,
                        )
                    )
        elif self.starts is not None:
            raise ValueError(
                Translatable("starts only works without a picture to start from; leave it out.")
            )
        checked(
            lambda others: check_variation(
                self,
                others,
                in_regions=any(prompt.region is not None for prompt in self.prompts()),
                moves=self.motion(1) is not None,
            ),
            {n: getattr(self, n) for n in ("width", "height", "aspect", "mask", "where")},
        )
        if self.where is not None and not self.where.strip():
            raise ValueError(
                Translatable('where is empty; name something in the picture, for example "jacket".')
            )
        if self.threshold is not None and self.where is None:
            raise ValueError(
                Translatable(
                    "threshold only works with where; name the part of the "
                    "picture that can change, or leave threshold out."
                )
            )
        checked(ImageRequest.prompts, self)
        checked(ImageRequest.nudges, self)
        if self.away is not None and not self._has_arrow():
            raise ValueError(
                Translatable(
                    "away only works with an arrow in an edit's prompt, as "
                    'in "foggy sky -> clear sky"; add an arrow, or leave '
                    "away out."
                )
            )
        is_masked = any(each is not None for each in (self.mask, self.where, self.extend))
        motion = self.motion(1)
        checked(lambda moves: check_moves(moves, self.every, is_masked), motion)
        changes = {name: getattr(self, name) for name in ("change_every", "fade", "loudness")}
        checked(lambda given: check_story(given, is_story=self.is_story), changes)
        masks = {each.name for each in self.regions or ()}
        checked(
            lambda steers: check_steering(
                steers, masks, grows=self.grow is not None, moves=motion is not None
            ),
            self.steering or (),
        )
        used = self.region_names()
        for each in self.regions or ():
            if each.name not in used:
                raise ValueError(
                    Translatable(
                        'No prompt is in the region {name}; write "a castle @{name}", or leave '
                        "the region out.",
                        name=each.name,
                    )
                )
        return self

    def prompts(self) -> tuple[Prompt, ...]:
        """All prompts: those of ``prompt``, with the parts of a story, and of the target phrase.

        An arrow gives the prompts of its right side, and those of its left side with their
        weights multiplied by -``away``. There are none if only pictures or noise pull.
        """
        prompts = in_story([self._prompts_in(part, self.grammar) for part in self._parts()])
        change = self.change()
        if change is not None and change.target != self.prompt:
            prompts += parse_canonical(change.target)
        return prompts

    def nudges(self) -> tuple[tuple[int, tuple[Prompt, ...]], ...]:
        """The prompts that steering changes to, each with its iteration, in order."""
        return tuple(
            (each.at, self._prompts_in(each.paint, 2))
            for each in self.steering or ()
            if each.paint is not None
        )

    def last_prompts(self) -> tuple[Prompt, ...]:
        """All prompts, or those that steering ends with."""
        nudges = self.nudges()
        return nudges[-1][1] if nudges else self.prompts()

    def region_names(self) -> tuple[str, ...]:
        """The regions in which something is painted or frozen, each once."""
        prompts = [*self.prompts(), *(prompt for _, now in self.nudges() for prompt in now)]
        names = [prompt.region for prompt in prompts if prompt.region is not None]
        places = [each.place for each in self.steering or () if each.place is not None]
        names += [place.removeprefix("@") for place in places if place.startswith("@")]
        return tuple(dict.fromkeys(names))

    def texts(self) -> tuple[str, ...]:
        """All that it says in words: the prompt, where, and what steering says."""
        steered = (each.paint or each.place for each in self.steering or ())
        return tuple(text for text in (self.prompt, self.where, *steered) if text)

    def _parts(self) -> list[str]:
        """The parts of a story, or the whole prompt; none if only pictures or noise pull."""
        if (self.like or self.noise) and not self.prompt.strip():
            return []
        return [self.prompt] if self.grammar is None else split_at_carets(self.prompt)

    def _prompts_in(self, text: str, grammar: int | None) -> tuple[Prompt, ...]:
        parse: Callable[[str], tuple[Prompt, ...]] = parse_canonical
        if grammar is not None:
            parse = partial(parse_second, masks=[each.name for each in self.regions or ()])
        arrow = None if self.init_image is None else parse_arrow(text)
        if arrow is None:
            return parse(text)
        away = AWAY if self.away is None else self.away
        pushing = [prompt.times(-away) for prompt in parse(arrow.source)]
        return (*parse(arrow.target), *(prompt for prompt in pushing if prompt.weight))

    @property
    def is_story(self) -> bool:
        """Whether its prompts change while it is painted."""
        return len(self._parts()) > 1

    def story(self, iterations: int) -> Story | None:
        """When each of its parts pulls in so many ``iterations``; None without a story."""
        if not self.is_story:
            return None
        fresh = self.preset in TUNED and self.loudness is None
        fade, loudness = self.fade or 0.0, self.loudness or ()
        return Story(len(self._parts()), iterations, self.change_every, fade, fresh, loudness)

    def noises(self) -> tuple[NoisePrompt, ...]:
        """The noise prompts."""
        return () if self.noise is None else parse_noise(self.noise)

    @property
    def networks(self) -> str:
        """The name under which the catalogue finds what to load: model and perceptors."""
        if self.perceptor is None:
            return self.model
        return f"{self.model.partition('/')[0]}/{self.perceptor}"

    @property
    def changes_nothing(self) -> bool:
        """Whether it is an edit that returns the picture itself."""
        return self.init_image is not None and self.strength == 0

    def _has_arrow(self) -> bool:
        """Whether there is an arrow in an edit's prompt."""
        return self.init_image is not None and any(arrows(self.prompt))

    def change(self) -> Arrow | None:
        """Source and target phrase, if ``where`` has an arrow."""
        return None if self.where is None else parse_arrow(self.where)

    def source_phrase(self) -> str | None:
        """What CLIP's own mask looks for (paper, H.2); None without ``where``."""
        change = self.change()
        if change is not None:
            return change.source
        return None if self.where is None else self.where.strip()

    def pictures_needed(self) -> tuple[str, ...]:
        """The SHA-256 of the pictures that it cannot be painted without, each once."""
        like = (each.picture for each in self.like or ())
        masks = (each.mask for each in self.regions or ())
        pictures = (self.init_image, self.mask, *like, *masks)
        return tuple(dict.fromkeys(sha256 for sha256 in pictures if sha256))

    def changed(self, **values: Any) -> ImageRequest:
        """This request with some fields changed, validated again; raises RequestError.

        ``model_fields_set`` stays as it was, plus the fields changed here.
        """
        merged = with_shape(self.model_dump(exclude_unset=True), values)
        return make_request(**merged) if "prompt" in values else stored_request(**merged)

    def steered(self, at: int, change: Mapping[str, Any]) -> ImageRequest:
        """This request with one more ``change``, a field of Steer, at iteration ``at``.

        Raises RequestError.
        """
        return self.changed(steering=[*(self.steering or ()), {"at": at, **change}])

    def with_values(self, **values: Any) -> ImageRequest:
        """This request with fields set to values that need no validation.

        For values that the program computed or that were validated when they were stored (a
        random seed, a server's default), in fields that no other field depends on. What a person
        sends goes through :meth:`changed`.
        """
        return self.model_copy(update=values)


def make_request(prompt: str, **values: Any) -> ImageRequest:
    """An ImageRequest with these values; raises RequestError with one readable sentence."""
    try:
        return ImageRequest(prompt=prompt, **values)
    except ValidationError as error:
        raise RequestError(message_of(error)) from None


def stored_request(**values: Any) -> ImageRequest:
    """Like :func:`make_request`, for a prompt that is in our own grammar already."""
    try:
        return ImageRequest.model_validate(values, context=_STORED)
    except ValidationError as error:
        raise RequestError(message_of(error)) from None


def request_from_json(text: str) -> ImageRequest:
    """The request that ``model_dump_json`` wrote; raises RequestError for any other text."""
    try:
        return ImageRequest.model_validate_json(text)
    except ValidationError as error:
        raise RequestError(message_of(error)) from None
