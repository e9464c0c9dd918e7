"""Augmentations as people choose them: "flip=0.5,affine=0,erasing=0.7:0.3".

Each name has a chance, and after a colon its strength. A name alone turns it on with the numbers
that were published for it, and ``none`` turns off whatever is not named after it.
"""

from __future__ import annotations

from typing import Any

from engine.request.limits import Range
from engine.request.method.values import chosen, number_of, unreadable

Changes = dict[str, Any]
"""Fields of Augmentation with their new values."""

_CHANCE = Range(0, 1)
_EXAMPLE = "flip=0.5,affine=0.8:30,noise=0"
# The field of the strength, its range, and what a name alone stands for: the numbers of the
# authors' notebook, and of nerdyrodent's script for what the notebook does not have.
_WITH_CHANCE: dict[str, tuple[str | None, Range, Changes]] = {
    "flip": (None, Range(0, 0), {"flip": 0.5}),
    "affine": ("degrees", Range(0, 180), {"affine": 0.8, "degrees": 30.0}),
    "perspective": ("distortion", Range(0, 1), {"perspective": 0.4, "distortion": 0.2}),
    "jitter": ("jitter", Range(0, 1), {"jitter": 0.7}),
    "erasing": ("area", Range(0.01, 1), {"erasing": 0.7, "area": 0.4}),
    "sharpness": ("blend", Range(0, 10), {"sharpness": 0.5, "blend": 0.3}),
    "elastic": ("alpha", Range(0, 10), {"elastic": 0.7, "alpha": 1.0}),
    "resized": ("least", Range(0.01, 1), {"resized": 0.5, "least": 0.1}),
}
_NOISE = 0.1
_NUMBERS = {
    "noise": Range(0, 1),
    "translate": Range(0, 1),
    "shear": Range(0, 60),
    "brightness": Range(0, 1),
    "contrast": Range(0, 1),
    "saturation": Range(0, 1),
    "hue": Range(0, 0.5),
    "whole": Range(0, 1),
    "power": Range(0.1, 10),
}
_FIELDS = {"power": "crop_power"}
_CHOICES = {"padding": ("border", "reflection", "zeros"), "shrink": ("bicubic", "pooled")}
NAMES = (*_WITH_CHANCE, *_NUMBERS, *_CHOICES)
"""What can be changed."""
OFF: Changes = {**dict.fromkeys(_WITH_CHANCE, 0.0), "noise": 0.0}


def parse_augment(text: str) -> Changes:
    """The fields of Augmentation that ``text`` changes; raises RequestError.

    Pooled cutouts are of the whole picture, so pooling also sets ``whole`` to 1.
    """
    changes: Changes = {}
    for part in text.split(","):
        name, equals, value = (each.strip() for each in part.partition("="))
        if name == "none" and not equals:
            changes = dict(OFF)
            continue
        chosen("augment", name, NAMES)
        if name in _WITH_CHANCE:
            changes |= _chance(name, value if equals else None)
        elif name == "noise" and not equals:
            changes[name] = _NOISE
        elif not value:
            raise unreadable("augment", text, _EXAMPLE)
        elif name in _CHOICES:
            changes[name] = chosen(name, value, _CHOICES[name])
        elif name == "translate":
            shift = number_of(name, value, _NUMBERS[name])
            changes[name] = (shift, shift)
        else:
            changes[_FIELDS.get(name, name)] = number_of(name, value, _NUMBERS[name])
    if changes.get("shrink") == "pooled":
        changes["whole"] = 1.0
    return changes


def _chance(name: str, value: str | None) -> Changes:
    strength, bounds, usual = _WITH_CHANCE[name]
    if value is None:
        return dict(usual)
    chance, colon, number = value.partition(":")
    changes: Changes = {name: number_of(name, chance, _CHANCE)}
    if not colon:
        return changes
    if strength is None:
        raise unreadable("augment", f"{name}={value}", f"{name}=0.5")
    most = number_of(name, number, bounds)
    if name == "jitter":
        every = dict.fromkeys(("brightness", "contrast", "saturation"), most)
        return {**changes, **every, "hue": min(most, 0.5)}
    return {**changes, strength: most}
