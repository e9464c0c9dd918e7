"""What pulls a painting apart from words, and where: pictures, and masks of regions.

Parts of a request, JSON-able like it.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.request.prompt.grammar import MAX_STOP, MAX_WEIGHT
from engine.request.regions import MASK_NAME, region_named
from engine.translatable import Translatable

SHA256 = r"^[0-9a-f]{64}$"
MOST_PICTURES = 8


class PicturePrompt(BaseModel):
    """A picture to paint like, by the SHA-256 of its bytes.

    ``weight`` is -100 to 100 but not 0, and a negative one pushes away; ``stop`` is -5 to 5, or
    None. Both mean what they mean for words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: Annotated[str, Field(pattern=SHA256)]
    weight: float = 1.0
    stop: float | None = None

    @field_validator("weight")
    @classmethod
    def _is_weight(cls, weight: float) -> float:
        if not abs(weight) <= MAX_WEIGHT:
            raise ValueError(
                Translatable("Weights must be between -100 and 100, not {weight}.", weight=weight)
            )
        if weight == 0:
            raise ValueError(
                Translatable("A picture with weight 0 does nothing; leave it out, or weight it.")
            )
        return weight

    @field_validator("stop")
    @classmethod
    def _is_stop(cls, stop: float | None) -> float | None:
        if stop is not None and not abs(stop) <= MAX_STOP:
            raise ValueError(Translatable("Stops must be between -5 and 5, not {stop}.", stop=stop))
        return stop


def check_count(pictures: tuple[PicturePrompt, ...]) -> None:
    """Raise ValueError, with a sentence, if there are too many pictures."""
    if len(pictures) > MOST_PICTURES:
        raise ValueError(
            Translatable(
                "There are {count} pictures to paint like; at most {most} can be used.",
                count=len(pictures),
                most=MOST_PICTURES,
            )
        )


class MaskRegion(BaseModel):
    """A region that prompts name, by the SHA-256 of a mask's bytes: white is inside.

    ``name`` is a word of lower-case letters, digits, hyphens and underscores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    mask: Annotated[str, Field(pattern=SHA256)]

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str) -> str:
        if MASK_NAME.fullmatch(name) is None or region_named(name) is not None:
            raise ValueError(
                Translatable(
                    'A region can\'t be called "{name}"; use another word of lower-case letters, '
                    "such as hill.",
                    name=name[:40],
                )
            )
        return name


def check_names(regions: tuple[MaskRegion, ...]) -> None:
    """Raise ValueError, with a sentence, if two regions have one name, or there are too many."""
    names = [each.name for each in regions]
    if len(names) > MOST_PICTURES:
        raise ValueError(
            Translatable(
                "There are {count} masks of regions; at most {most} can be used.",
                count=len(names),
                most=MOST_PICTURES,
            )
        )
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                Translatable("Two regions are called {name}; use another name.", name=name)
            )


def names_of(regions: Any) -> list[str]:
    """The names in the values of a request's ``regions``, which need not be valid."""
    several = regions if isinstance(regions, (list, tuple)) else []
    names = [getattr(each, "name", None) or _name_in(each) for each in several]
    return [name for name in names if isinstance(name, str)]


def _name_in(values: Any) -> Any:
    return values.get("name") if isinstance(values, dict) else None
