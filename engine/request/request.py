"""One job as plain, JSON-able data: what to paint and how, validated with readable errors.

Defaults, ranges and help texts of every option are written here once; the command line, the
slash options and the modal are made from these fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from engine.errors import RequestError
from engine.request.arrow import Arrow, parse_arrow
from engine.request.defaults import DEFAULT_MODEL
from engine.request.edit_recipe import AWAY
from engine.request.prompt import Prompt, parse_prompts, split_flags
from engine.request.recipe import PRESETS, SCHEDULES
from engine.translatable import Translatable

MAX_SEED = 2**32 - 1
Given = TypeVar("Given")
Result = TypeVar("Result")


class ImageRequest(BaseModel):
    """What one person asked for. None means: as the model's preset has it.

    ``prompt`` is the words without flags; ``init_image`` and ``mask`` are the SHA-256 of
    pictures' bytes, which travel beside the request. With a picture to start from it is an
    edit, and an arrow in the prompt ("foggy sky -> clear sky") pulls to its right side and
    pushes away from its left. ``where`` is the source phrase of section H.2, or "source phrase
    -> target phrase"; then the prompt may be empty and becomes the target phrase.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Annotated[str, Field(
        max_length=2000, description="what to paint; \" + \" adds prompts, \":0.5\" weighs one")]
    width: Annotated[int | None, Field(ge=16, le=2048, description="width in pixels")] = None
    height: Annotated[int | None, Field(ge=16, le=2048, description="height in pixels")] = None
    aspect: Annotated[float | None, Field(
        ge=0.125, le=8, description="width over height, where not both are given")] = None
    iterations: Annotated[int | None, Field(
        ge=1, le=5000, description="how many times the picture is improved")] = None
    seed: Annotated[int | None, Field(
        ge=0, le=MAX_SEED, description="the same seed paints the same picture again")] = None
    preset: Annotated[str, Field(
        description=f"a named set of numbers: {', '.join(PRESETS)}")] = "default"
    model: Annotated[str, Field(
        max_length=100, description="which generator and perceptor paint")] = DEFAULT_MODEL
    init_image: Annotated[str | None, Field(
        pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the picture to start from")] = None
    cutouts: Annotated[int | None, Field(
        ge=1, le=256, description="how many cutouts are looked at each iteration")] = None
    learning_rate: Annotated[float | None, Field(
        gt=0, le=100, description="how far each iteration moves the latent")] = None
    regulariser: Annotated[str | None, Field(
        description=f"how the latent's regulariser decays: {', '.join(SCHEDULES)}")] = None
    strength: Annotated[float | None, Field(
        ge=0, le=1, description="how far an edit may go from the picture it starts from")] = None
    mask: Annotated[str | None, Field(
        pattern=r"^[0-9a-f]{64}$",
        description="SHA-256 of the picture whose white or transparent part may change")] = None
    where: Annotated[str | None, Field(
        max_length=500, description="what in the picture may change, in words; \"windmills -> "
        "mushrooms\" also says into what")] = None
    threshold: Annotated[float | None, Field(
        ge=-5, le=5, description="how surely a place must show the words of where to change, in "
        "standard deviations from the mean; the paper's is -2")] = None
    keep: Annotated[float | None, Field(
        ge=0, le=100, description="how much an edit keeps the picture's structure")] = None
    away: Annotated[float | None, Field(
        ge=0, le=100, description="how much the left side of an arrow pushes")] = None
    more: Annotated[int | None, Field(
        ge=1, le=5000, description="iterations beyond those, as Continue adds them")] = None

    @field_validator("prompt", "where")
    @classmethod
    def _has_no_nul(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is not None and "\x00" in text:
            raise ValueError(Translatable("The {name} holds a NUL character; take it out.",
                                          name=str(info.field_name)))
        return text

    @field_validator("preset")
    @classmethod
    def _is_preset(cls, preset: str) -> str:
        if preset not in PRESETS:
            raise ValueError(Translatable("There is no preset \"{name}\"; there are {names}.",
                                          name=preset[:40], names=", ".join(PRESETS)))
        return preset

    @field_validator("regulariser")
    @classmethod
    def _is_schedule(cls, name: str | None) -> str | None:
        if name is not None and name not in SCHEDULES:
            raise ValueError(Translatable("There is no regulariser \"{name}\"; there are {names}.",
                                          name=name[:40], names=", ".join(SCHEDULES)))
        return name

    @model_validator(mode="before")
    @classmethod
    def _target_as_prompt(cls, values: Any) -> Any:
        """An empty prompt is the target phrase, where there is one."""
        if not isinstance(values, dict) or values.get("prompt") != "":
            return values
        where = values.get("where")
        if not isinstance(where, str) or len(where) > 500:
            return values
        arrow = _checked(parse_arrow, where)
        return values if arrow is None else {**values, "prompt": arrow.target}

    @model_validator(mode="after")
    def _holds_together(self) -> ImageRequest:
        if self.init_image is None:
            for name in ("strength", "mask", "where", "keep"):
                if getattr(self, name) is not None:
                    raise ValueError(Translatable("The {name} is for edits: give a picture to "
                                                  "start from, or leave the {name} out.",
                                                  name=name))
        if self.where is not None and not self.where.strip():
            raise ValueError(Translatable("Where to change is empty; name a thing in the picture, "
                                          "for example \"jacket\"."))
        if self.threshold is not None and self.where is None:
            raise ValueError(Translatable("The threshold is for where: name the thing in the "
                                          "picture that may change, or leave the threshold out."))
        _checked(ImageRequest.prompts, self)
        if self.away is not None and self.arrow() is None:
            raise ValueError(Translatable("Away weighs the left side of an arrow in the prompt of "
                                          "an edit; write \"foggy sky -> clear sky\", say, or "
                                          "leave it out."))
        return self

    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts that are added up: those of ``prompt``, and the target phrase's.

        Of an arrow, the right side's and, their weights times -``away``, the left side's.
        """
        arrow = self.arrow()
        if arrow is None:
            prompts = parse_prompts(self.prompt)
        else:
            away = AWAY if self.away is None else self.away
            pushing = [prompt.times(-away) for prompt in parse_prompts(arrow.source)]
            prompts = (*parse_prompts(arrow.target), *(p for p in pushing if p.weight))
        change = self.change()
        if change is not None and change.target != self.prompt:
            prompts += parse_prompts(change.target)
        return prompts

    def arrow(self) -> Arrow | None:
        """The arrow in an edit's prompt."""
        return None if self.init_image is None else parse_arrow(self.prompt)

    def change(self) -> Arrow | None:
        """Source and target phrase, where ``where`` has an arrow."""
        return None if self.where is None else parse_arrow(self.where)

    def source_phrase(self) -> str | None:
        """What CLIP's own mask looks for (paper, H.2); None where none is wanted."""
        change = self.change()
        if change is not None:
            return change.source
        return None if self.where is None else self.where.strip()

    def pictures_needed(self) -> tuple[str, ...]:
        """The SHA-256 of the pictures without which it cannot be painted, each once."""
        return tuple(dict.fromkeys(sha256 for sha256 in (self.init_image, self.mask) if sha256))

    def changed(self, **values: Any) -> ImageRequest:
        """This request with some fields changed, validated again; raises RequestError.

        What nobody chose stays so, and can be told apart (``model_fields_set``).
        """
        return make_request(**{**self.model_dump(exclude_unset=True), **values})


def _checked(function: Callable[[Given], Result], given: Given) -> Result:
    """What ``function`` makes of ``given``, its RequestError as pydantic wants it."""
    try:
        return function(given)
    except RequestError as error:
        raise ValueError(error.message) from None


def make_request(prompt: str, **values: Any) -> ImageRequest:
    """An ImageRequest of these values; raises RequestError with one readable sentence."""
    try:
        return ImageRequest(prompt=prompt, **values)
    except ValidationError as error:
        raise RequestError(_sentence(error)) from None


def request_from_json(text: str) -> ImageRequest:
    """The request that ``model_dump_json`` wrote; raises RequestError where it is none."""
    try:
        return ImageRequest.model_validate_json(text)
    except ValidationError as error:
        raise RequestError(_sentence(error)) from None


def request_from_text(text: str, **values: Any) -> ImageRequest:
    """A request from a prompt with inline flags, as people type it: "a fox --seed 7 --ar 16:9".

    A flag wins over the same value in ``values``. Raises RequestError.
    """
    prompt, flags = split_flags(_whole_characters(text))
    taken = dict(values)
    for name, value in flags.items():
        taken.update(read_flag(name, value))
    return make_request(prompt, **taken)


def _whole_characters(text: str) -> str:
    """``text`` with U+FFFD for halves of characters: JSON can carry them, no message can."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_NUMBERS: dict[str, type] = {"seed": int, "iterations": int, "cutouts": int,
                             "learning-rate": float, "strength": float, "threshold": float,
                             "keep": float, "away": float}
_WORDS = ("model", "preset", "regulariser", "where")
FLAGS = ("size", "ar", *_NUMBERS, *_WORDS)


def read_flag(name: str, value: str) -> dict[str, Any]:
    """The request's fields that ``--name value`` sets; raises RequestError.

    The command's options are read by it too, so that both mean and refuse the same.
    """
    if name not in FLAGS:
        known = ", ".join(f"--{flag}" for flag in FLAGS)
        raise RequestError("There is no option --{name}; there are {known}.", name=name[:40],
                           known=known)
    if not value:
        raise RequestError("--{name} needs a value after it.", name=name)
    if name == "size":
        return parse_size(value)
    if name == "ar":
        across, down = _parse_pair(value, ":", "--ar", "16:9")
        return {"aspect": across / down}
    if name in _WORDS:
        return {name: value}
    try:
        return {name.replace("-", "_"): _NUMBERS[name](value)}
    except ValueError:
        kind = (Translatable("a whole number") if _NUMBERS[name] is int else
                Translatable("a number"))
        raise RequestError("--{name} takes {kind}, not \"{given}\".", name=name, kind=kind,
                           given=value[:40]) from None


def parse_size(text: str) -> dict[str, int]:
    """Width and height of "256x128" (or "256", a square); raises RequestError."""
    if text.isascii() and text.isdigit():
        text = f"{text}x{text}"
    width, height = _parse_pair(text.lower().replace("×", "x"), "x", Translatable("The size"),
                                "256x128")
    return {"width": width, "height": height}


def _parse_pair(text: str, between: str, what: str, example: str) -> tuple[int, int]:
    first, _, second = text.partition(between)
    if not (first.isascii() and first.isdigit() and second.isascii() and second.isdigit()
            and len(first) < 6 and len(second) < 6):
        raise RequestError("{what} reads like {example}, not \"{given}\".", what=what,
                           example=example, given=text[:40])
    if int(first) == 0 or int(second) == 0:
        raise RequestError("{what} must not be zero; give {example}, say.", what=what,
                           example=example)
    return int(first), int(second)


def _sentence(error: ValidationError) -> Translatable:
    """The first complaint of a ValidationError as a sentence that tells what to change."""
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else "request"
    limits, given = first.get("ctx", {}), first.get("input")
    kind = first["type"]
    if kind == "value_error":
        return Translatable(limits["error"].args[0])
    name, shown = field.replace("_", " "), repr(str(given)[:40])
    if kind in ("greater_than_equal", "less_than_equal", "greater_than"):
        low, high = range_of(field)
        what = f"{given:g}" if isinstance(given, float) else str(given)[:40]
        return Translatable("The {name} {given} is out of range; it goes from {low} to {high}.",
                            name=name, given=what, low=low, high=high)
    if kind == "string_too_long":
        return Translatable("The {name} has {length} characters; at most {most} fit.", name=name,
                            length=len(str(given)), most=limits["max_length"])
    if kind == "extra_forbidden":
        return Translatable("A request has no \"{name}\"; leave it out.", name=field[:40])
    if kind == "missing":
        return Translatable("The {name} is missing.", name=name)
    if kind.startswith("int"):
        return Translatable("The {name} must be a whole number, not {given}.", name=name,
                            given=shown)
    if kind.startswith(("float", "finite")):
        return Translatable("The {name} must be a number, not {given}.", name=name, given=shown)
    return Translatable("The {name} cannot be {given}: {reason}.", name=name, given=shown,
                    reason=f"{first['msg'][0].lower()}{first['msg'][1:]}")


def range_of(field: str) -> tuple[str, str]:
    """The least and the greatest value of a field that is a number, as text."""
    limits = {}
    for limit in ImageRequest.model_fields[field].metadata:
        for name in ("ge", "gt", "le", "lt"):
            if hasattr(limit, name):
                limits[name] = getattr(limit, name)
    low = (str(limits["ge"]) if "ge" in limits else
           Translatable("above {number}", number=limits.get("gt")))
    return low, str(limits.get("le", limits.get("lt")))
