"""What the engine says to people: English, and what it was made from, for other languages."""

from __future__ import annotations

from typing import Any


class Translatable(str):
    """A text made of a ``template`` and the ``values`` of its {names}; as a str, in English.

    Values are kept as text, numbers or Sentences, so that it goes over a pipe. Without values the
    template is taken as it is, braces and all. ::

        Translatable("At most {most} fit.", most=16)
    """

    template: str
    values: dict[str, Any]

    __slots__ = ("template", "values")

    def __new__(cls, template: str = "", /, **values: object) -> Translatable:
        """See the class."""
        if isinstance(template, Translatable) and not values:
            return template
        plain = {name: value if isinstance(value, (str, int, float)) else str(value)
                 for name, value in values.items()}
        made = super().__new__(cls, template.format(**plain) if plain else template)
        made.template = str.__str__(template)
        made.values = plain
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy."""
        return _made, (self.template, self.values)


def _made(template: str, values: dict[str, Any]) -> Translatable:
    return Translatable(template, **values)
