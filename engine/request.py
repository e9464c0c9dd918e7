"""One job as plain, JSON-able data: what to paint and how, validated with readable errors.

Defaults, ranges and help texts of every option are written here once; the command line, the
slash options and the modal are made from these fields.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.errors import RequestError
from engine.prompt import Prompt, parse_prompts, split_flags
from engine.recipe import PRESETS, SCHEDULES

MAX_SEED = 2**32 - 1


class ImageRequest(BaseModel):
    """What one person asked for. None means: as the model's preset has it.

    ``prompt`` is the words without flags; ``init_image`` the SHA-256 of the starting picture's
    bytes, which travel beside the request.
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
        max_length=100, description="which generator and perceptor paint")] = "embedded"
    init_image: Annotated[str | None, Field(
        pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the picture to start from")] = None
    cutouts: Annotated[int | None, Field(
        ge=1, le=256, description="how many cutouts are looked at each iteration")] = None
    learning_rate: Annotated[float | None, Field(
        gt=0, le=100, description="how far each iteration moves the latent")] = None
    regulariser: Annotated[str | None, Field(
        description=f"how the latent's regulariser decays: {', '.join(SCHEDULES)}")] = None

    @field_validator("prompt")
    @classmethod
    def _has_prompts(cls, prompt: str) -> str:
        if "\x00" in prompt:
            raise ValueError("The prompt holds a NUL character; take it out.")
        try:
            parse_prompts(prompt)
        except RequestError as error:
            raise ValueError(str(error)) from None
        return prompt

    @field_validator("preset")
    @classmethod
    def _is_preset(cls, preset: str) -> str:
        if preset not in PRESETS:
            raise ValueError(f"There is no preset \"{preset}\"; there are {', '.join(PRESETS)}.")
        return preset

    @field_validator("regulariser")
    @classmethod
    def _is_schedule(cls, name: str | None) -> str | None:
        if name is not None and name not in SCHEDULES:
            raise ValueError(f"There is no regulariser \"{name}\"; there are "
                             f"{', '.join(SCHEDULES)}.")
        return name

    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts that ``prompt`` adds up."""
        return parse_prompts(self.prompt)

    def changed(self, **values: Any) -> ImageRequest:
        """This request with some fields changed, validated again; raises RequestError."""
        return make_request(**{**self.model_dump(), **values})


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
    prompt, flags = split_flags(text)
    taken = dict(values)
    for name, value in flags.items():
        taken.update(read_flag(name, value))
    return make_request(prompt, **taken)


_NUMBERS: dict[str, type] = {"seed": int, "iterations": int, "cutouts": int,
                             "learning-rate": float}
_WORDS = ("model", "preset", "regulariser")
FLAGS = ("size", "ar", *_NUMBERS, *_WORDS)


def read_flag(name: str, value: str) -> dict[str, Any]:
    """The request's fields that ``--name value`` sets; raises RequestError.

    The command's options are read by it too, so that both mean and refuse the same.
    """
    if name not in FLAGS:
        known = ", ".join(f"--{flag}" for flag in FLAGS)
        raise RequestError(f"There is no option --{name}; there are {known}.")
    if not value:
        raise RequestError(f"--{name} needs a value after it.")
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
        kind = "a whole number" if _NUMBERS[name] is int else "a number"
        raise RequestError(f"--{name} takes {kind}, not \"{value}\".") from None


def parse_size(text: str) -> dict[str, int]:
    """Width and height of "256x128" (or "256", a square); raises RequestError."""
    if text.isascii() and text.isdigit():
        text = f"{text}x{text}"
    width, height = _parse_pair(text.lower().replace("×", "x"), "x", "the size", "256x128")
    return {"width": width, "height": height}


def _parse_pair(text: str, between: str, what: str, example: str) -> tuple[int, int]:
    first, _, second = text.partition(between)
    if not (first.isascii() and first.isdigit() and second.isascii() and second.isdigit()
            and len(first) < 6 and len(second) < 6):
        raise RequestError(f"{what[0].upper()}{what[1:]} reads like {example}, not \"{text}\".")
    if int(first) == 0 or int(second) == 0:
        raise RequestError(f"{what[0].upper()}{what[1:]} must not be zero; give {example}, say.")
    return int(first), int(second)


def _sentence(error: ValidationError) -> str:
    """The first complaint of a ValidationError as a sentence that tells what to change."""
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else "request"
    limits, given = first.get("ctx", {}), first.get("input")
    kind = first["type"]
    if kind == "value_error":
        return str(limits["error"])
    name = field.replace("_", " ")
    if kind in ("greater_than_equal", "less_than_equal", "greater_than"):
        low, high = range_of(field)
        what = f"{given:g}" if isinstance(given, float) else given
        return f"The {name} {what} is out of range; it goes from {low} to {high}."
    if kind == "string_too_long":
        return f"The {name} has {len(str(given))} characters; at most {limits['max_length']} fit."
    if kind == "extra_forbidden":
        return f"A request has no \"{field}\"; leave it out."
    if kind == "missing":
        return f"The {name} is missing."
    if kind.startswith("int"):
        return f"The {name} must be a whole number, not {str(given)[:40]!r}."
    if kind.startswith(("float", "finite")):
        return f"The {name} must be a number, not {str(given)[:40]!r}."
    return f"The {name} cannot be {str(given)[:40]!r}: {first['msg'][0].lower()}{first['msg'][1:]}."


def range_of(field: str) -> tuple[str, str]:
    """The least and the greatest value of a field that is a number, as text."""
    limits = {}
    for limit in ImageRequest.model_fields[field].metadata:
        for name in ("ge", "gt", "le", "lt"):
            if hasattr(limit, name):
                limits[name] = getattr(limit, name)
    low = str(limits["ge"]) if "ge" in limits else f"above {limits.get('gt')}"
    return low, str(limits.get("le", limits.get("lt")))
