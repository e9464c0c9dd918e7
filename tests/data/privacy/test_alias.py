"""Aliases of people who asked to be forgotten."""

from __future__ import annotations

import pytest

from data.errors import StoreError
from data.privacy.alias import KEY_FILE, Aliases, is_alias


async def test_an_alias_depends_on_the_person_and_the_folder(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one, again, two = Aliases(folders[0]), Aliases(folders[0]), Aliases(folders[1])
    assert await one.find("123456789012345678") is None
    assert list(folders[0].iterdir()) == []  # nobody was forgotten, so no key is needed
    alias = await one.of("123456789012345678")
    assert is_alias(alias)
    assert not is_alias("123456789012345678")
    assert alias == await again.find("123456789012345678")
    assert alias == await again.of("123456789012345678")
    assert alias != await one.of("123456789012345679")
    assert alias != await two.of("123456789012345678")
    key = folders[0] / KEY_FILE
    assert [path.name for path in folders[0].iterdir()] == [KEY_FILE]
    assert key.stat().st_mode & 0o077 == 0
    key.write_bytes(b"short")
    with pytest.raises(StoreError, match="5 bytes instead of 32"):
        await Aliases(folders[0]).of("1")
