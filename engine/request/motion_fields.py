"""The fields of a request for videos: camera moves, a sound to follow, and the kind of file."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from engine.request.limits import MAX_LOUDNESS
from engine.request.method.fields import number_field, read_by, text_field
from engine.request.motion import EVERY, Motion, parse_pan, parse_tilt
from engine.translatable import Translatable

_RESTS = 0.3
"""The share of the iterations in which a new picture first has to become something."""


def _in_0_to_1(numbers: tuple[float, ...] | None) -> tuple[float, ...] | None:
    if not all(0 <= each <= 1 for each in numbers or ()):
        raise ValueError(Translatable("loudness must be a list of numbers between 0 and 1."))
    return numbers


class MotionFields(BaseModel):
    """What is off for pictures that are no video."""

    zoom: Annotated[
        float | None,
        number_field("zoom", "how much larger everything gets in each camera move, as in 1.02"),
    ] = None
    rotate: Annotated[
        float | None,
        number_field("rotate", "degrees of each camera move's turn, counterclockwise"),
    ] = None
    pan: Annotated[
        str | None,
        text_field("pan", "pixels to the right and down of each camera move, as in 2,0"),
        read_by(parse_pan),
    ] = None
    tilt: Annotated[
        str | None,
        text_field("tilt", "degrees to the right and down of each turn of the camera, as in 1,0"),
        read_by(parse_tilt),
    ] = None
    every: Annotated[
        int | None,
        number_field("every", f"iterations between two camera moves; otherwise {EVERY}"),
    ] = None

    loop: Annotated[
        bool | None,
        Field(description="make its video a looping picture (WebP) instead of an mp4"),
    ] = None

    loudness: Annotated[
        tuple[float, ...] | None,
        Field(
            max_length=MAX_LOUDNESS,
            min_length=1,
            description="how loud a sound is over the run; a story's later parts pull where it is",
        ),
        AfterValidator(_in_0_to_1),
    ] = None

    def motion(self, iterations: int, *, is_new: bool = True) -> Motion | None:
        """The camera's moves in so many ``iterations``; None if nothing moves.

        A picture that ``is_new`` rests first.
        """
        motion = Motion(
            1.0 if self.zoom is None else self.zoom,
            self.rotate or 0.0,
            (0.0, 0.0) if self.pan is None else parse_pan(self.pan),
            self.every or EVERY,
            round(_RESTS * iterations) if is_new else 0,
            (0.0, 0.0) if self.tilt is None else parse_tilt(self.tilt),
        )
        return None if motion.is_still else motion
