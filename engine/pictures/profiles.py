"""The colour spaces of picture files, as ICC profiles: embedded ones, and those named by numbers.

A file says what its numbers mean by an embedded profile, or in PNG, AVIF and HEIC by code points
(ITU-T H.273, "CICP"), or in an older PNG by a gamma and the chromaticities of its primaries. All
become an ICC profile here, for littlecms to convert from.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Point = tuple[float, float]
"""A chromaticity: CIE 1931 x and y."""

_D65: Point = (0.3127, 0.3290)
# H.273, table 2, without those of film and of XYZ: white, red, green, blue.
_PRIMARIES: Mapping[int, tuple[Point, Point, Point, Point]] = {
    1: (_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),  # BT.709 and sRGB
    4: ((0.310, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: (_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: (_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: (_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020
    11: ((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # DCI-P3
    12: (_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
    22: (_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
# H.273, table 3: powers, and what displays show like sRGB, BT.709's curve with the others of
# television. PQ and HLG (16, 18) are missing: they are for brighter displays than sRGB's.
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
_LIKE_SRGB = (1, 6, 13, 14, 15)
_UNSPECIFIED = 2
# libpng's PNG_GAMMA_THRESHOLD: programs write 1/2.2 for sRGB, and nothing is gained by converting.
_SAME_GAMMA = 0.05
_SAME_POINT = 0.005
# IEC 61966-2-1: ((x + 0.055) / 1.055)^2.4 from 0.04045, x / 12.92 below.
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_D50 = (0.9642, 1.0, 0.8249)  # the white of profiles (ICC.1:2022, section 7.2.16)
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


class UnusableColoursError(Exception):
    """The file names colours that cannot be converted, or its profile is broken."""


def profile_of_numbers(primaries: int, transfer: int, full_range: bool) -> bytes | None:
    """The profile of CICP's code points; None for sRGB and if they are unspecified.

    Raises UnusableColoursError for HDR, for code points without a meaning, and for RGB that does
    not use its full range.
    """
    if _UNSPECIFIED in (primaries, transfer) or (primaries == 1 and transfer in _LIKE_SRGB):
        return None
    known = primaries in _PRIMARIES and (transfer in _GAMMAS or transfer in _LIKE_SRGB)
    if not (known and full_range):
        raise UnusableColoursError
    return matrix_profile(_PRIMARIES[primaries], _GAMMAS.get(transfer))


def profile_of_png(info: Mapping[Any, Any]) -> bytes | None:
    """The profile of a PNG's gAMA and cHRM, from Pillow's ``info``; None for sRGB.

    A PNG with cHRM alone is taken for sRGB: its curve is unknown.

    Raises UnusableColoursError for impossible values.
    """
    if "srgb" in info or "gamma" not in info:
        return None
    gamma, points = 1 / info["gamma"] if info["gamma"] else 0.0, _PRIMARIES[1]
    if "chromaticity" in info:
        flat = info["chromaticity"]
        points = ((flat[0], flat[1]), (flat[2], flat[3]), (flat[4], flat[5]), (flat[6], flat[7]))
    like_srgb = abs(gamma / 2.2 - 1) < _SAME_GAMMA
    if like_srgb and all(
        abs(one - other) < _SAME_POINT
        for point, known in zip(points, _PRIMARIES[1], strict=True)
        for one, other in zip(point, known, strict=True)
    ):
        return None
    return matrix_profile(points, None if like_srgb else gamma)


def matrix_profile(points: tuple[Point, Point, Point, Point], gamma: float | None) -> bytes:
    """An ICC profile (version 4) of RGB with a white, red, green and blue, in this order.

    ``gamma`` is the power from values to light; None is sRGB's curve. Raises UnusableColoursError
    if the points span no colours.
    """
    columns = _adapted(points)
    curve = _SRGB_CURVE if gamma is None else (gamma,)
    if not 0.1 <= curve[0] <= 10:
        raise UnusableColoursError
    kind = 3 if gamma is None else 0
    trc = struct.pack(">4sIHH", b"para", 0, kind, 0) + b"".join(_fixed(each) for each in curve)
    return _profile(
        {
            b"wtpt": _xyz_tag(_D50),
            **{
                name: _xyz_tag(column)
                for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
            },
            **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), trc),
        }
    )


def _adapted(points: tuple[Point, Point, Point, Point]) -> list[list[float]]:
    """XYZ of red, green and blue relative to D50, by Bradford's adaptation, white's Y being 1."""
    import numpy as np  # a tenth of a second, and few files need it

    white, *primaries = (_xyz(point) for point in points)
    bradford, columns = np.array(_BRADFORD), np.array(primaries).T
    with np.errstate(all="ignore"):
        try:
            columns = columns * np.linalg.solve(columns, white)
        except np.linalg.LinAlgError:
            raise UnusableColoursError from None
        scale = (bradford @ _D50) / (bradford @ white)
        columns = np.linalg.inv(bradford) @ np.diag(scale) @ bradford @ columns
    if not (np.abs(columns) <= 2).all():  # also false for what is no number
        raise UnusableColoursError
    return [[float(value) for value in column] for column in columns.T]


def _xyz(point: Point) -> tuple[float, float, float]:
    """XYZ of a chromaticity, with Y = 1."""
    x, y = point
    if y <= 0:
        raise UnusableColoursError
    return x / y, 1.0, (1 - x - y) / y


def _fixed(value: float) -> bytes:
    """s15Fixed16Number."""
    return struct.pack(">i", round(value * 65536))


def _xyz_tag(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in values)


def _profile(tags: Mapping[bytes, bytes]) -> bytes:
    """The bytes of an RGB display profile (ICC.1:2022, section 7)."""
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12x4s4s24x12s48x",
        start + len(body),
        b"none",
        0x04400000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        b"acsp",
        bytes(4),
        b"".join(_fixed(value) for value in _D50),
    )
    return header + table + body


def code_points(data: bytes) -> tuple[int, int, bool] | None:
    """CICP's primaries, transfer and full range in a PNG's, an AVIF's or a HEIC's bytes."""
    if data.startswith(b"\x89PNG"):
        return _in_png(data)
    if data[4:8] == b"ftyp":
        return _in_boxes(data[:_SEARCHED])
    return None


_SEARCHED = 100_000  # bytes; AVIF and HEIC begin with their properties


def _in_png(data: bytes) -> tuple[int, int, bool] | None:
    for name, start, length in _chunks(data):
        if name == b"cICP" and length == 4:
            primaries, transfer, _matrix, full = data[start : start + 4]
            return primaries, transfer, full == 1
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of a PNG's chunks before the pixels."""
    at = 8
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"IDAT":
            return
        yield name, at + 8, length
        at += 12 + length


def _in_boxes(data: bytes) -> tuple[int, int, bool] | None:
    """The first "nclx" with a meaning: a picture's alpha may have one of its own without."""
    at = data.find(b"colrnclx")
    while at != -1 and at + 15 <= len(data):
        primaries, transfer, _matrix = struct.unpack_from(">HHH", data, at + 8)
        if primaries != _UNSPECIFIED:
            return primaries, transfer, True  # the decoder has expanded a narrow range
        at = data.find(b"colrnclx", at + 8)
    return None
