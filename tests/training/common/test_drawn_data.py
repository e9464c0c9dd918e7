from __future__ import annotations

from pathlib import Path

import pytest

from training.common.drawn_data import check_size, size_of


def test_more_than_is_allowed_is_refused_with_what_to_change(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    for name, size in (("a.jpg", 100), ("words/b.npz", 23)):
        (tmp_path / name).write_bytes(b"x" * size)
    assert size_of(tmp_path) == 123
    check_size(60_000_000)
    with pytest.raises(ValueError, match=r"60\.1 MB, and at most 60 MB .* lower --megabytes"):
        check_size(60_100_000)
