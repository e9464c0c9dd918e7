"""The settings of a request that differ from the defaults, as a text."""

from __future__ import annotations

from bot.language import _, mark, plural
from bot.language.formatting import escape
from engine.request.flag_values import FLAGS
from engine.request.request import ImageRequest

# Told in another place, or only for the program.
_ELSEWHERE = {
    *("prompt", "seed", "model", "perceptor", "width", "height", "iterations"),
    *("count", "parent", "grammar", "steering"),
}
_PICTURES = {"init_image": mark("from a picture"), "mask": mark("with a mask")}
_LENGTH = 60


def other_settings(request: ImageRequest) -> str:
    """Return the fields that are not the default, as flags where there is one; "" without any."""
    parts = []
    for name, field in ImageRequest.model_fields.items():
        value = getattr(request, name)
        if name not in _ELSEWHERE and value is not None and value != field.default:
            parts.append(_setting(name, value))
    return " · ".join(parts)


def _setting(name: str, value: object) -> str:
    flag = name.replace("_", "-")
    said = f"--{flag}" if flag in FLAGS else name.replace("_", " ")
    if name in _PICTURES:
        return _(_PICTURES[name])
    if value is True:
        return said
    if isinstance(value, tuple):
        if name == "regions":
            return f"{said} {', '.join(each.name for each in value)}"
        number = plural("{number} picture", "{number} pictures", len(value))
        return f"{said} ({number if name == 'like' else _('a sound')})"
    return (
        f"{said} {value:g}" if isinstance(value, float) else f"{said} {escape(str(value), _LENGTH)}"
    )
