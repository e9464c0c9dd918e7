"""Styles of people and servers: named once, limited in number, and each its owner's."""

from __future__ import annotations

import asyncio

from data.styles import Style


async def test_a_person_s_style_comes_before_the_server_s_of_the_same_name(store):
    styles = store.styles
    assert await styles.add("ann", "ink", "ink drawing", 5)
    assert await styles.share("100", "bob", "ink", "ink on paper", 5)
    assert await styles.find("ann", "100", "ink") == Style("ink", "ink drawing")
    assert await styles.find("bob", "100", "ink") == Style("ink", "ink on paper", shared=True)
    assert await styles.find("bob", "200", "ink") is None
    assert await styles.find("bob", None, "ink") is None
    assert await styles.remove("ann", "ink")
    assert not await styles.remove("ann", "ink")
    assert (await styles.find("ann", "100", "ink")).shared
    assert await styles.unshare("100", "ink")
    assert not await styles.unshare("100", "ink")


async def test_styles_are_changed_by_their_name_and_listed_in_order(store):
    styles = store.styles
    for name, words in (("wash", "watercolour"), ("ink", "ink"), ("wash", "pale watercolour")):
        assert await styles.add("ann", name, words, 2)
        assert await styles.share("100", "ann", name, words, 2)
    kept = [("ink", "ink"), ("wash", "pale watercolour")]
    assert [(each.name, each.words) for each in await styles.of_person("ann")] == kept
    assert [(each.name, each.words) for each in await styles.of_server("100")] == kept
    assert not await styles.add("ann", "oil", "oil", 2)
    assert not await styles.share("100", "ann", "oil", "oil", 2)
    assert await styles.add("bob", "oil", "oil", 2)


async def test_the_limit_holds_for_styles_that_are_added_at_the_same_time(store, other):
    adding = [
        each.styles.add("ann", f"style {number}", "words", 3)
        for number in range(4)
        for each in (store, other)
    ]
    await asyncio.gather(*adding)
    assert len(await store.styles.of_person("ann")) == 3


async def test_one_style_is_in_use_until_it_is_given_up(store):
    styles = store.styles
    assert await styles.used_by("ann") is None
    await styles.use("ann", "ink")
    await styles.use("ann", "wash")
    await styles.use("bob", "ink")
    assert await styles.used_by("ann") == "wash"
    await styles.use("ann", None)
    assert (await styles.used_by("ann"), await styles.used_by("bob")) == (None, "ink")
