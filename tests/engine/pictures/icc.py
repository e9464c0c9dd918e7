"""ICC profiles that tests write from published numbers, apart from the engine's own writer."""

from __future__ import annotations

import itertools
import struct

import numpy as np

# Colourants relative to D50, as in the profiles that Apple and Adobe publish; rows are X, Y, Z.
DISPLAY_P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
ADOBE_RGB = np.array(
    [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
)
SRGB_D50 = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
# Between linear lights: Display P3 to sRGB (CSS Color 4), Adobe RGB to XYZ (Adobe's
# specification of 2005, D65) and XYZ to sRGB (IEC 61966-2-1).
P3_TO_SRGB = np.array(
    [[1.22494, -0.22494, 0.0], [-0.04206, 1.04206, 0.0], [-0.01964, -0.07864, 1.09827]]
)
ADOBE_TO_XYZ = np.array(
    [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
)
XYZ_TO_SRGB = np.array(
    [[3.24045, -1.53714, -0.49853], [-0.96927, 1.87601, 0.04156], [0.05564, -0.20403, 1.05723]]
)
_D50 = (0.9642, 1.0, 0.8249)


def srgb_light(values):
    """Linear light of sRGB values in 0..1."""
    values = np.asarray(values, float)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def srgb_bytes(light):
    """The sRGB bytes of linear light; what sRGB cannot show is clipped."""
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _fixed(*values):
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _profile(kind, space, connection, tags):
    start, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = bytearray(128)
    struct.pack_into(">I", header, 0, start + len(body))
    struct.pack_into(">I4s4s4s", header, 8, 0x02400000, kind, space, connection)
    header[36:40] = b"acsp"
    header[68:80] = _fixed(*_D50)
    return bytes(header) + table + body


def _xyz(values):
    return b"XYZ \0\0\0\0" + _fixed(*values)


def _curve(values):
    """A curve as a table of 4,096 points over 0..1."""
    points = [round(65535 * float(value)) for value in values(np.linspace(0, 1, 4096))]
    return struct.pack(f">4sII{len(points)}H", b"curv", 0, len(points), *points)


def matrix_icc(colourants, light=srgb_light):
    """RGB with ``colourants`` and the curve ``light``."""
    tags = {b"wtpt": _xyz(_D50)}
    for number, letter in enumerate(b"rgb"):
        tags[bytes([letter]) + b"XYZ"] = _xyz(colourants[:, number])
        tags[bytes([letter]) + b"TRC"] = _curve(light)
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_icc(gamma):
    tags = {b"wtpt": _xyz(_D50), b"kTRC": _curve(lambda values: values**gamma)}
    return _profile(b"mntr", b"GRAY", b"XYZ ", tags)


STEPS = 6
"""The steps of each ink at which :func:`cmyk_icc` is exact: multiples of 51 in bytes."""


def ink_light(ink):
    """The linear sRGB light [3] of paper with ``ink`` [4] in 0..1, duller than plain mixing."""
    cyan, magenta, yellow, black = (1 - np.asarray(ink, float)) ** 1.5
    return np.array([cyan, magenta, yellow]) * black


def cmyk_icc():
    """CMYK whose inks are :func:`ink_light`, as a table (ICC.1:2001-04, lut16Type)."""
    grid = []
    for ink in itertools.product(np.linspace(0, 1, STEPS), repeat=4):
        ratio = SRGB_D50 @ ink_light(ink) / _D50
        root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
        lab = (116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2]))
        grid += [lab[0] * 652.8, (lab[1] + 128) * 256, (lab[2] + 128) * 256]
    table = [min(65535, max(0, round(float(value)))) for value in grid]
    straight = (0, 65535)
    lut = struct.pack(">4sI4B", b"mft2", 0, 4, 3, STEPS, 0)
    lut += _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + struct.pack(">HH", 2, 2)
    numbers = (*straight * 4, *table, *straight * 3)
    lut += struct.pack(f">{len(numbers)}H", *numbers)
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(_D50), b"A2B0": lut})
