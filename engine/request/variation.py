"""The fields of a request that goes on from a picture: a variation, and whose picture it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, Field

from engine.errors import RequestError
from engine.request.extent import check_extent, parse_extent
from engine.request.method.fields import number_field, read_by, text_field

SUBTLE, STRONG = 0.3, 0.6
"""How much the buttons disturb a picture."""


class VariationFields(BaseModel):
    """What is off for a picture that starts from nothing, and for an ordinary edit.

    ``count`` is how many pictures are asked for; a request that is painted has None. ``relax`` does
    not change a picture, only when it is painted; False is for "not this one". ``parent`` is
    the id of the job whose picture is the start, where the bot knows it.
    """

    count: Annotated[
        int | None, number_field("count", "how many pictures to paint, each with its own seed")
    ] = None
    relax: Annotated[
        bool | None,
        Field(
            description="paint it only when nobody else waits; on the command line, let other "
            "programs of the computer go first"
        ),
    ] = None
    vary: Annotated[
        float | None,
        number_field(
            "vary",
            f"the share of a picture that begins again, for a variation: {SUBTLE} is subtle, "
            f"{STRONG} strong",
        ),
    ] = None
    grow: Annotated[
        float | None,
        number_field(
            "grow", "how much larger each stage of an edit gets, up to its size; 1.5 as a rule"
        ),
    ] = None
    extend: Annotated[
        str | None,
        text_field(
            "extend",
            "how much to paint around the picture: 1.5 on all sides, or left:0.5,up:0.25",
        ),
        read_by(parse_extent),
    ] = None
    tile: Annotated[
        bool | None, Field(description="paint a tile, whose opposite borders go together")
    ] = None
    parent: Annotated[
        str | None,
        Field(pattern=r"^[0-9a-f]{32}$", description="the job of the picture to start from"),
    ] = None


def check_variation(
    fields: VariationFields, others: Mapping[str, object], *, in_regions: bool, moves: bool
) -> None:
    """Raise RequestError if something does not go with ``grow``, ``extend`` or ``tile``.

    ``others`` has the request's size, aspect, mask and where; ``in_regions`` says whether it names
    regions, ``moves`` whether the camera moves.
    """
    own = {"vary": fields.vary, "grow": fields.grow}
    size = dict.fromkeys(("width", "height"))
    check_extent(fields.extend, {**own, **others, **size})
    if fields.tile and (in_regions or fields.extend is not None):
        raise RequestError("tile doesn't work with regions or with extend; leave one of them out.")
    if fields.grow is None:
        return
    if others["width"] is None or others["height"] is None:
        raise RequestError("grow needs a size to grow to; add one, as in --size 512.")
    if others["mask"] is not None or others["where"] is not None:
        raise RequestError(
            "grow paints the whole picture, so it doesn't work with a mask or with where; leave "
            "one of them out."
        )
    if in_regions:
        raise RequestError("grow doesn't work with regions; leave it or the regions out.")
    if moves:
        raise RequestError("grow doesn't work with zoom, rotate, pan or tilt; leave one out.")
