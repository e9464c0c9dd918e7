"""Texts for people: in English, with the template and values to translate them."""

from __future__ import annotations

from typing import Any


class Translatable(str):
    """A text from a ``template`` and the ``values`` of its {names}; as a str it is in English.

    Values are texts (also Translatables) or numbers, others become texts, so that it can be
    pickled. Without values the template is the text, braces included::

        Translatable("At most {most} fit.", most=16)
    """

    template: str
    values: dict[str, Any]

    __slots__ = ("template", "values")

    def __new__(cls, template: str = "", /, **values: object) -> Translatable:
        """A Translatable as ``template`` is returned unchanged if there are no ``values``."""
        if isinstance(template, Translatable) and not values:
            return template
        plain = {
            name: value if isinstance(value, (str, int, float)) else str(value)
            for name, value in values.items()
        }
        made = super().__new__(cls, template.format(**plain) if plain else template)
        made.template = str.__str__(template)
        made.values = plain
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickle and copy."""
        return _made, (self.template, self.values)


def _made(template: str, values: dict[str, Any]) -> Translatable:
    return Translatable(template, **values)
