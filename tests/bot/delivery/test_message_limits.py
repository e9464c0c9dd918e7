"""The fullest messages about pictures stay within Discord's limits."""

from __future__ import annotations

import pytest

from bot.delivery import messages
from bot.delivery.messages import Look
from bot.delivery.picture_check import Verdict
from bot.delivery.strip import Strip
from bot.language import using_language
from bot.language.sparkline import loss_line
from data.picture_checks import Finding
from engine.events import Done, Losses, Progress
from engine.request.request import make_request

LONGEST = "*" * 1500
LOSSES = Losses(7, tuple(1 / (3 + i) for i in range(500)), {"total": 0.001234})
STRIP = Strip(b"strip", "s" * 200)
FOUND = Verdict(tuple(Finding("1", "2", "3", "*" * 100, 0.5, "warn") for _ in range(20)))


@pytest.fixture(autouse=True, params=["en", "de"])
def language(request):
    with using_language(request.param):
        yield


def full_request():
    return make_request(
        " + ".join(f'"{"*a_b~" * 18} {number}":0.123:0.25' for number in range(15)),
        seed=2**32 - 1,
        width=1024,
        height=1024,
        iterations=2000,
        preset="paper",
        init_image="0" * 64,
        mask="1" * 64,
        strength=0.123,
    )


def done():
    return Done(b"p", 2**32 - 1, 99999.9, 2000, 1024, 1024, notices=(LONGEST,) * 9, stopped=True)


def single():
    look = Look(0x123456, loss_line([LOSSES]), STRIP)
    return messages.result(
        "1" * 20,
        full_request(),
        done(),
        ("a.png", b"x"),
        can_keep=True,
        can_report=True,
        look=look,
    )


def grid():
    look = Look(0x123456, loss_line([LOSSES] * 4), STRIP)
    shown = {str(number) * 32: done() for number in range(4)}
    return messages.grid_result(
        "0" * 32, "1" * 20, full_request(), shown, ("a.png", b"x"), (LONGEST,) * 9, True, look
    )


async def check(text):
    embeds = text.embeds
    assert sum(map(len, embeds)) <= 6000
    assert len(text.content) <= 2000
    assert len(embeds) <= 10
    for embed in embeds:
        assert len(embed.description or "") <= 4096
        assert len(embed.footer.text or "") <= 2048
        assert all(1 <= len(each.value or "") <= 1024 for each in embed.fields)
    files = text.new_files()
    assert len(files) <= 10
    assert all(1 <= len(file.description) <= 1024 for file in files)
    named = {file.filename for file in files}
    shown = {embed.image.url.removeprefix("attachment://") for embed in embeds if embed.image}
    assert shown == {name for name in named if not name.startswith("SPOILER_")}
    rows = [item.row for item in text.view("0" * 32).children]
    assert max(rows) <= 4
    assert max(rows.count(row) for row in rows) <= 5


@pytest.mark.parametrize("make", [single, grid])
async def test_the_fullest_result_fits(make):
    text = FOUND.marked(make())
    assert len(text.embed.fields) == 2
    await check(text)
    await check(messages.spoilered(text))
    await check(messages.too_large(text))


async def test_the_progress_of_the_fullest_request_fits():
    progress = Progress(5, 2000, b"preview", {}, 99999.9, b"overlay", (LONGEST,) * 9, 1024, 1024)
    text = messages.painting("1" * 20, full_request(), progress)
    assert sum(map(len, text.embeds)) <= 6000
    assert {file.filename for file in text.new_files()} == {"preview-5.jpg", messages.OVERLAY}
    assert all(file.description for file in text.new_files())
    rows = [item.row for item in text.view("0" * 32).children]
    assert [rows.count(row) for row in range(3)] == [3, 5, 0]
