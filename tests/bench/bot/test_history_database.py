"""The database that bench.history measures on is one that the store can use."""

from __future__ import annotations

from bench.bot.history_database import make_database, words
from data import Store
from data.jobs.history import Search
from data.sqlite.backup import DATABASE, damage


async def test_the_store_finds_its_jobs(tmp_path):
    make_database(tmp_path, 1000, guild_id="100", channel_id="200", heavy=("7", "8"))
    assert damage(tmp_path / DATABASE, thorough=True) is None
    store = await Store.open(tmp_path)
    assert await store.count_of("7") == await store.count_of("8") == 10
    assert (await store.history.page("7", Search()))[1] == 10
    word = (await store.recent_prompts("8", 1))[0].split()[0]
    assert word in words()
    found = await store.server_jobs.recent("100", words=word)
    assert found
    assert all(word in job.request.prompt for job in found)
    assert await store.waiting() == []
    await store.privacy.forget("7")
    assert await store.count_of("7") == 0
    await store.close()
