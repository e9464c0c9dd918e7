"""The ranges and lengths of a request's fields, for everyone who checks, offers or explains them.

ImageRequest, the command line, the slash options, the modals and /config all ask here.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.translatable import Translatable

MAX_SEED = 2**32 - 1
MAX_LOUDNESS = 200
"""How many numbers say how loud a sound is."""


@dataclass(frozen=True)
class Range:
    """From ``low`` to ``high``, both included; ``low`` is not where ``exclusive`` is set."""

    low: int | float
    high: int | float
    exclusive: bool = False

    def __str__(self) -> str:
        """The range in English, for help texts: "1 to 5000", "above 0, up to 100"."""
        if self.exclusive:
            return f"above {self.low:g}, up to {self.high:g}"
        return f"{self.low} to {self.high}"

    def complaint(self, field: str, given: str) -> Translatable:
        """What to tell a person who gave ``given`` for ``field``, outside the range."""
        name = field.replace("_", " ")
        if self.exclusive:
            return Translatable(
                "{name} must be above {low} and at most {high}, not {given}.",
                name=name,
                low=self.low,
                high=self.high,
                given=given,
            )
        return Translatable(
            "{name} must be between {low} and {high}, not {given}.",
            name=name,
            low=self.low,
            high=self.high,
            given=given,
        )


RANGES = {
    "width": Range(16, 2048),  # pixels
    "height": Range(16, 2048),
    "aspect": Range(0.125, 8),  # width over height
    "pixels": Range(16 * 16, 2048 * 2048),
    "iterations": Range(1, 5000),
    "seed": Range(0, MAX_SEED),
    "count": Range(1, 4),
    "cutouts": Range(1, 256),
    "learning_rate": Range(0, 100, exclusive=True),
    "strength": Range(0, 1),
    "vary": Range(0, 1, exclusive=True),
    "grow": Range(1.1, 8),  # times
    "threshold": Range(-5, 5),  # standard deviations
    "keep": Range(0, 100),
    "away": Range(0, 100),
    "more": Range(1, 5000),
    "change_every": Range(1, 5000),
    "fade": Range(0, 1),
    "zoom": Range(0.5, 2),  # times
    "rotate": Range(-180, 180),  # degrees
    "every": Range(1, 5000),
    "smoothness": Range(0, 100),
    "saturation": Range(-100, 100),
    "aesthetic": Range(0, 100),
    "ema": Range(0, 0.9999),
}
_LENGTHS = {
    "prompt": 2000,  # characters
    "model": 100,
    "perceptor": 600,
    "where": 500,
    "regulariser": 40,
    "augment": 400,
    "symmetry": 40,
    "palette": 800,
    "edge": 40,
    "schedule": 40,
    "starts": 20,
    "noise": 200,
    "pan": 40,
    "tilt": 40,
    "extend": 60,
}


def range_of(field: str) -> Range:
    """The range of a number field; raises KeyError for any other."""
    return RANGES[field]


def whole_range(field: str) -> tuple[int, int]:
    """The smallest and the largest value of a whole-number field; raises KeyError."""
    bounds = RANGES[field]
    return int(bounds.low), int(bounds.high)


def max_length(field: str) -> int:
    """The most characters that a text field may have; raises KeyError for any other."""
    return _LENGTHS[field]
