"""A person's preferences fill in what a request leaves open."""

from __future__ import annotations

from typing import Any

from bot.guild.rules import Rules
from bot.requests.origin import Origin
from bot.requests.server_rules import pixels_allowed, shrunk
from data.people import People, Preferences
from engine.request.request import ImageRequest


async def usual_model(people: People, person: str, rules: Rules) -> str:
    """Return the model of a request that names none: the person's, or the server's."""
    return (await people.preferences(person)).model or str(rules.value("model"))


def with_preferences(
    request: ImageRequest, mine: Preferences, origin: Origin, rules: Rules
) -> ImageRequest:
    """Return the request with the person's preferences for options left out.

    An edit keeps its picture's size, and its strength sets its iterations. A preference above the
    server's maximum is lowered to it instead of refused, because the user did not ask for it in
    this request.
    """
    values: dict[str, Any] = {}
    is_edit = request.init_image is not None
    if not is_edit and request.iterations is None and mine.iterations is not None:
        values["iterations"] = min(mine.iterations, rules.value("max_iterations"))
    if (
        mine.width is not None
        and mine.height is not None
        and not (is_edit or request.width or request.height or request.pixels)
    ):
        width, height = shrunk(mine.width, mine.height, pixels_allowed(origin, rules))
        if request.aspect is None:
            values["width"], values["height"] = width, height
        else:
            values["pixels"] = width * height
    if "model" not in request.model_fields_set:  # no model was chosen
        values["model"] = mine.model
    chosen = {name: value for name, value in values.items() if value is not None}
    return request.with_values(**chosen)
