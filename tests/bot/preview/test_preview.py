"""What the page can do, through its server's own addresses and without a browser."""

from __future__ import annotations

import io

import aiohttp
import pytest
from PIL import Image

from bot.host.settings import SettingsError
from bot.preview.settings import preview_settings
from bot.standin import StandIn
from bot.standin.components import buttons

pytestmark = pytest.mark.asyncio(loop_scope="module")


def has_button(message, label):
    return label in [button.get("label") for button in buttons(message)]


def by_label(message, label):
    return next(b["custom_id"] for b in buttons(message) if b.get("label") == label)


def is_hidden(message):
    return message["flags"] & 64


async def test_a_command_a_button_and_a_modal_paint_pictures(page):
    options = {"prompt": "a red circle", "iterations": 3}
    assert await page.act("command", path="imagine", options=options) == {}
    first = await page.message(lambda each: has_button(each, "Video"))
    file = first["attachments"][0]
    async with page.session.get(page.url + file["url"].lstrip("/")) as answer:
        assert Image.open(io.BytesIO(await answer.read())).size == (32, 32)
        assert answer.content_type == "image/png"
    opened = await page.act("press", message=first["id"], custom_id=by_label(first, "Remix"))
    [label] = [part for part in opened["modal"]["components"] if "component" in part]
    values = {label["component"]["custom_id"]: "a blue square --iterations 3"}
    assert (await page.act("submit", interaction=opened["interaction"], values=values)) == {}
    second = await page.message(
        lambda each: has_button(each, "Video") and "a blue square" in str(each)
    )
    assert second["id"] != first["id"]


async def test_only_the_person_sees_an_ephemeral_answer(page):
    result = await page.message(lambda each: has_button(each, "Delete"))
    delete = by_label(result, "Delete")
    await page.act("press", who=page.kim, message=result["id"], custom_id=delete)
    await page.look(**{"as": page.kim})
    refusal = await page.message(lambda each: is_hidden(each) and each["content"])
    assert "only" in refusal["content"].lower()
    await page.look(**{"as": page.robin})
    assert refusal["id"] not in [each["id"] for each in page.seen["messages"]]
    await page.act("press", who=page.morgan, message=result["id"], custom_id=delete)
    await page.until(lambda: result["id"] not in [each["id"] for each in page.seen["messages"]])


async def test_each_person_is_shown_their_commands(page):
    async def shown(who):
        await page.look(**{"as": who})
        return {each["name"] for each in page.seen["commands"]}

    member, moderator, host = (
        await shown(page.robin),
        await shown(page.morgan),
        await shown(page.host),
    )
    assert {"mod", "config"} <= moderator - member
    assert "admin" in host - moderator
    await page.look(**{"as": page.robin})


async def test_options_are_completed_and_take_files(page):
    offered = await page.act(
        "complete", path="imagine", option="model", typed="ti", options={"prompt": "a"}
    )
    assert "tiny" in [choice["value"] for choice in offered["choices"]]
    picture = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(picture, "PNG")
    where = {"as": page.robin, "channel": page.seen["here"]["channel"], "name": "../red.png"}
    async with page.session.post(
        f"{page.url}upload", params=where, data=picture.getvalue()
    ) as answer:
        file = {"attachment": (await answer.json())["id"]}
    options = {"image": file, "prompt": "a blue ring"}
    assert await page.act("command", path="edit", options=options) == {}
    await page.message(lambda each: has_button(each, "Cancel") or "a blue ring" in str(each))


async def test_a_message_reaches_the_bot_if_it_mentions_it(page):
    bot = page.seen["place"]["bot"]["id"]
    assert await page.act("say", content=f"<@{bot}> hello") == {}
    answer = await page.message(lambda each: each.get("type") == 19)
    assert answer["author"]["id"] == bot
    [direct] = [each["id"] for each in page.seen["channels"] if each["direct"]]
    await page.act("say", channel=direct, content="imagine: a yellow ring --iterations 2")
    await page.look(channel=direct)
    await page.message(lambda each: has_button(each, "Video"))
    await page.look(channel=page.seen["channels"][0]["id"])


async def test_what_a_client_would_not_do_is_refused_with_a_sentence(page):
    refused = [
        await page.act("command", path="nothing", options={}),
        await page.act("command", path="imagine", options={}),
        await page.act("command", path="mod jobs", options={}),
        await page.act("press", message="1", custom_id="x"),
        await page.act("submit", interaction="token-1", values={}),
        await page.act("say", content=""),
        await page.act("speak", language="xx"),
        await page.act("fly"),
        await page.act("say", who="5", content="a"),
    ]
    assert all(set(each) == {"error"} and each["error"] for each in refused), refused
    theirs = await page.message(lambda each: each["author"]["bot"] and not is_hidden(each))
    assert "Manage Messages" in (await page.act("delete", message=theirs["id"]))["error"]


async def test_the_language_is_the_bot_s_language_for_that_person(page):
    await page.act("speak", who=page.kim, language="de")
    await page.act("command", who=page.kim, path="queue", options={})
    await page.look(**{"as": page.kim})
    await page.message(lambda each: is_hidden(each) and "Warteschlange" in str(each))
    await page.look(**{"as": page.robin})


@pytest.mark.parametrize(
    "headers", [{"Host": "example.com"}, {"Origin": "http://example.com"}], ids=["host", "origin"]
)
async def test_other_sites_in_the_browser_are_refused(page, headers):
    async with aiohttp.ClientSession(headers=headers) as session:
        for address in ("", "live", "page.js"):
            async with session.get(page.url + address) as answer:
                assert answer.status == 403
        async with session.post(f"{page.url}act", json={"act": "say"}) as answer:
            assert answer.status == 403


async def test_files_from_people_run_nothing(page):
    where = {"as": page.robin, "channel": page.seen["here"]["channel"], "name": "a.html"}
    async with page.session.post(f"{page.url}upload", params=where, data=b"<script>") as answer:
        id = (await answer.json())["id"]
    [path] = [path for path in page.standin.world.blobs if id in path]
    async with page.session.get(page.url + path.lstrip("/")) as answer:
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_it_never_uses_the_host_s_own_database(tmp_path, monkeypatch):
    monkeypatch.setenv("DISCORD_TOKEN", "a.real.token")
    monkeypatch.setenv("IMAGINE_DATABASE_URL", "postgresql://host/bot")
    monkeypatch.setenv("IMAGINE_DATA_FOLDER", "/the/hosts/own")
    monkeypatch.setenv("IMAGINE_MAX_ITERATIONS", "77")
    settings = preview_settings(StandIn(), tmp_path, None)
    assert settings.painting.data_folder == tmp_path
    assert settings.painting.database_url is None
    assert settings.discord.token.get_secret_value() != "a.real.token"
    assert settings.operations.metrics_port == 0
    assert settings.limits.max_iterations == 77
    monkeypatch.setenv("IMAGINE_MAX_ITERATIONS", "many")
    with pytest.raises(SettingsError, match="IMAGINE_MAX_ITERATIONS"):
        preview_settings(StandIn(), tmp_path, None)


async def test_reactions_are_toggled_and_shown_with_their_numbers(page):
    await page.act("say", content="a fox")
    written = await page.message(lambda each: each["content"] == "a fox")

    def stars():
        [now] = [each for each in page.seen["messages"] if each["id"] == written["id"]]
        return [(each["emoji"]["name"], each["count"]) for each in now.get("reactions", [])]

    for who, expected in ((page.robin, 1), (page.kim, 2), (page.robin, 1)):
        assert await page.act("react", who=who, message=written["id"], emoji="⭐") == {}
        await page.until(lambda expected=expected: stars() == [("⭐", expected)])
