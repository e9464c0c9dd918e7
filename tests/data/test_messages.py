"""Finding the job of a Discord message, and addresses that are kept for an edit."""

from __future__ import annotations

from data.messages import KEPT_HOURS
from tests.data.stored_jobs import HERE, added, painted

ADDRESS = "https://cdn.discordapp.com/attachments/1/2/fox.png?ex=3"


async def test_a_job_is_found_by_either_of_its_messages_in_its_channel(store):
    id, other = await painted(store), await added(store)
    await store.set_progress_message(id, "900")
    await store.set_result_message(id, "901")
    await store.set_progress_message(other, "902")
    messages = store.messages
    assert await messages.job_shown_in(HERE.channel_id, "900") == id
    assert await messages.job_shown_in(HERE.channel_id, "901") == id
    assert await messages.job_shown_in(HERE.channel_id, "902") == other
    assert await messages.job_shown_in("201", "900") is None
    assert await messages.job_shown_in(HERE.channel_id, "903") is None


async def test_a_job_is_found_by_the_start_of_its_id_if_only_one_has_it(store):
    id = await added(store)
    assert await store.messages.job_starting_with(id[:8]) == id
    await store.delete(id)
    assert await store.messages.job_starting_with(id[:8]) is None
    twins = [await added(store, id="abcdef01" + digit * 24) for digit in "01"]
    assert await store.messages.job_starting_with("abcdef01") is None
    await store.delete(twins[0])
    assert await store.messages.job_starting_with("abcdef01") == twins[1]


async def test_an_address_is_kept_for_a_day_also_through_a_restart(tmp_path, clock, open_store):
    store = await open_store(tmp_path)
    id = await store.messages.keep(ADDRESS)
    await store.close()
    store = await open_store(tmp_path)
    assert await store.messages.kept(id) == ADDRESS
    assert await store.messages.kept("0" * 32) is None
    clock.offset = KEPT_HOURS * 3_600_000 - 60_000
    await store.messages.keep("https://cdn.discordapp.com/another.png")
    assert await store.messages.kept(id) == ADDRESS
    clock.offset += 120_000
    await store.messages.keep("https://cdn.discordapp.com/a-third.png")
    assert await store.messages.kept(id) is None
    await store.close()


async def test_two_who_keep_the_same_address_get_different_ids(store):
    ids = {await store.messages.keep(ADDRESS) for _ in range(2)}
    assert len(ids) == 2
