"""A person's data as zip files."""

from __future__ import annotations

import io
import json
import os
import zipfile

import pytest

from data.privacy.archives import archives
from data.privacy.keeper import Exported


@pytest.mark.parametrize("limit", [3_000, 10_000, 1_000_000])
def test_archives_hold_everything_within_the_size_limit(limit):
    noise = {f"pictures/{n}.png": os.urandom(size) for n, size in enumerate((10, 2_500, 9_000, 0))}
    files = [*noise, "pictures/gone.png"]
    rows = {"jobs": [{"prompt": f"a fox 🦊 {n}"} for n in range(300)]}
    found = {}
    parts = list(archives(Exported(rows, files, noise.get), limit))
    for part in parts:
        assert len(part) <= limit
        with zipfile.ZipFile(io.BytesIO(part)) as archive:
            assert archive.testzip() is None
            for name in archive.namelist():
                assert name not in found
                found[name] = archive.read(name)
    assert len(parts) > 1 or limit == 1_000_000
    whole: dict[str, bytes] = {}
    for name in sorted(
        found, key=lambda name: (name.partition(".part")[0], int(name.partition(".part")[2] or 0))
    ):
        whole[name.partition(".part")[0]] = (
            whole.get(name.partition(".part")[0], b"") + (found[name])
        )
    assert {name: data for name, data in whole.items() if name in noise} == noise
    assert json.loads(whole["jobs.json"]) == rows["jobs"]
    assert "README.txt" in whole
    assert "pictures/gone.png" not in whole
