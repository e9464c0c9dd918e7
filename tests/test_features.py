"""docs/features.md: each row of ours names a test that exists, or says no."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ["feature", "here", "Midjourney", "AIYA", "yasd", "pixray", "VQGAN-CLIP"]


def rows() -> list[list[str]]:
    lines = (ROOT / "docs/features.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return [row for row in cells if row != COLUMNS and set(row[0]) != {"-"}]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_feature_has_a_test_or_is_plainly_missing(row: list[str]) -> None:
    assert len(row) == len(COLUMNS)
    assert all(row)
    here = row[1]
    if here == "no" or here.startswith("no: "):
        return
    found = re.fullmatch(r"yes: `(tests/[\w/]+\.py)::(test_\w+)`", here)
    assert found is not None, here
    source = (ROOT / found[1]).read_text("utf-8")
    assert re.search(rf"^ *(async )?def {found[2]}\(", source, re.M), here


def test_some_features_are_missing_and_most_are_not() -> None:
    missing = [row for row in rows() if row[1].startswith("no")]
    assert 0 < len(missing) < len(rows()) / 4
