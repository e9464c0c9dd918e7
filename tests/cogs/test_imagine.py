"""/imagine, from the words to the posted picture."""

from __future__ import annotations


async def test_imagine_paints_what_is_asked(world, here):
    result = await here.alice.slash(here.channel, "imagine", prompt="a red circle", seed=7)
    assert result.ephemeral
    assert result.response.content.startswith("Queued")
    [picture] = await world.painted(here.channel)
    assert picture.content == here.alice.mention
    print(world.env.transcript())
