"""A person's data as zip files, each small enough to be sent."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

from data.privacy.keeper import Exported

# A zip entry's headers, next to its data and in the directory, with a margin.
_ENTRY_BYTES = 400
_PICTURES = (".png", ".jpg", ".webp")
README = """Your data in imagine-bot.

There is one .json file for each table of its database that has rows about you; times are
milliseconds since 1970, UTC. pictures/ has your pictures, named by the id of the job;
attachments/ has the pictures that you uploaded.

A file that is too large to send comes in parts that end in .part1, .part2 and so on. Join them with
    cat NAME.part* > NAME
"""


def archives(exported: Exported, limit: int) -> Iterator[bytes]:
    """Zip files of at most ``limit`` bytes each that together hold all of ``exported``.

    Blocks: never iterate over it on the event loop. Missing files are left out. Raises StoreError
    if a file cannot be read.
    """
    most = limit - 2 * _ENTRY_BYTES
    if most <= 0:
        raise ValueError(f"no zip fits into {limit} bytes")
    buffer, used = io.BytesIO(), 0
    archive = zipfile.ZipFile(buffer, "w")
    for name, data in _pieces(exported, most):
        stored = name.endswith(_PICTURES)
        if used and used + len(data) + _ENTRY_BYTES + len(name) > most:
            archive.close()
            yield buffer.getvalue()
            buffer, used = io.BytesIO(), 0
            archive = zipfile.ZipFile(buffer, "w")
        archive.writestr(name, data, zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED)
        used = buffer.tell()
    archive.close()
    yield buffer.getvalue()


def _pieces(exported: Exported, most: int) -> Iterator[tuple[str, bytes]]:
    for name, data in _entries(exported):
        if len(data) <= most:
            yield name, data
            continue
        for start in range(0, len(data), most):
            yield f"{name}.part{start // most + 1}", data[start : start + most]


def _entries(exported: Exported) -> Iterator[tuple[str, bytes]]:
    yield "README.txt", README.encode()
    for table, rows in exported.rows.items():
        text = json.dumps(list(rows), ensure_ascii=False, indent=1)
        yield f"{table}.json", text.encode()
    for name in exported.files:
        data = exported.read(name)
        if data is not None:
            yield name, data
