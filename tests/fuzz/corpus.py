"""Inputs from which fuzzing starts, and its findings, which stay here as tests."""

from __future__ import annotations

import io

from PIL import Image
from PIL.PngImagePlugin import PngInfo


def _saved(kind: str, mode: str, **options) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((12, 9)).convert(mode).save(file, kind, **options)
    return file.getvalue()


def _pictures() -> list[bytes]:
    info = PngInfo()
    info.add_itxt("Description", "a fox")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    frames = [Image.new("P", (8, 8), colour) for colour in (1, 2)]
    return [
        _saved("PNG", "RGB", pnginfo=info),
        _saved("PNG", "RGBA"),
        _saved("PNG", "P"),
        _saved("PNG", "I;16"),
        _saved("PNG", "1"),
        _saved("PNG", "RGB", exif=exif),
        _saved("PNG", "RGB", icc_profile=b"no profile at all"),
        _saved("JPEG", "RGB", exif=exif),
        _saved("JPEG", "CMYK"),
        _saved("JPEG", "L"),
        _saved("WEBP", "RGBA"),
        _saved("GIF", "P", save_all=True, append_images=frames),
        _saved("BMP", "RGB"),
        _saved("AVIF", "RGBA", exif=exif),
        _saved("TIFF", "RGB", save_all=True, append_images=frames, exif=exif),
        _saved("TIFF", "CMYK", compression="tiff_lzw"),
        _saved("TIFF", "LA", compression="tiff_adobe_deflate"),
        _saved("TIFF", "1", compression="group4"),
    ]


WHOLE_PICTURES = _pictures()

HEX = "0123456789abcdef" * 2
SEEDS: dict[str, list[bytes]] = {
    "prompt": [
        b"a fox",
        b"a fox:0.5 + fog:-1:0.2",
        b"a fox --seed 7 --ar 16:9 --size 256x128",
        b'a fox --where "the red jacket" --threshold -2',
        "« été »  — \u202e\u200b--seed 7".encode(),
        b"@everyone <@1> **bold** ||spoiler|| `code`",
        b"--seed 999999999999999999999999",
        b"a:1e400",
        b"+ + +",
        b"\x00",
        b"a fox --strength nan",
        b"x" * 100_000,
        # Found: a long value was quoted whole, in an error too long for a message.
        b"a --threshold -2" + b"x" * 3000,
        b"a --" + b"x" * 3000 + b" 1",
        b"a --size " + b"7" * 3000,
        b"a --seed " + b"7" * 3000,
        b"a --preset " + b"x" * 3000,
        # Found: half a character was quoted in the error, which could not be posted.
        b"--seed 99\xed\xa0\x8099999999999999",
        "--seed \u0667".encode(),
        b"--learning-rate 1e-400 a",
        b"a --cutouts -0",
    ],
    "request": [
        b'{"prompt": "a fox", "seed": 7}',
        b"{}",
        b"[]",
        b"null",
        b'{"prompt": 1e999}',
        b'{"prompt": "a", "width": 1e5}',
        b'{"prompt": "a", "init_image": "../../etc/passwd"}',
        b'{"prompt": "a", "model": "../x"}',
        b'{"prompt": "a -> b", "init_image": "'
        + b"a" * 64
        + b'", "away": 0.5, "where": "jacket", "keep": 1}',
        b'{"prompt": "", "where": "a -> b", "init_image": "' + b"a" * 64 + b'"}',
        b'{"prompt": "a", "aspect": NaN}',
        b"[" * 5000,
    ],
    "picture": [*WHOLE_PICTURES, b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff\xe0", b"BM"],
    "changed-picture": [b"", b"1", b"22"],
    "custom-id": [
        f"imagine:stop:{HEX}".encode(),
        f"imagine:stop:{HEX}\n".encode(),
        f"imagine:stop:{HEX.upper()}".encode(),
        f"imagine:delete:{HEX}0".encode(),
        b"imagine:stop:" + "\u0660".encode() * 32,
        b"imagine:history:999999",
    ],
}
