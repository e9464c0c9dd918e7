"""The table of errors and their messages: every error is answered."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

import aiohttp
import discord
import pytest
from discord import app_commands

from bot.errors import BotError, Caught, is_temporary, report, user_message, without_folders
from engine.errors import CheckpointError, EngineError, RequestError, UnavailableError
from engine.models.checkpoints import read_tensors


def http(status, code, kind=discord.HTTPException):
    response = SimpleNamespace(status=status, reason="why")
    return kind(response, {"code": code, "message": "Discord's own words"})


def kinds_of(root):
    yield root
    for kind in root.__subclasses__():
        yield from kinds_of(kind)


@pytest.mark.parametrize("kind", [*kinds_of(BotError), *kinds_of(EngineError)])
def test_our_own_errors_are_shown_as_they_are(kind):
    shown = user_message(kind("Do this instead."))
    if issubclass(kind, UnavailableError):  # its text tells the host of addresses and folders
        assert shown is not None
        assert "I can't reach my store of pictures" in shown
    else:
        assert shown == "Do this instead."


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (http(404, 10008, discord.NotFound), "message is gone"),
        (http(404, 10003, discord.NotFound), "message is gone"),
        (http(403, 50013, discord.Forbidden), "won't let me"),
        (http(403, 50001, discord.Forbidden), "won't let me"),
        (http(413, 40005), "too large"),
        (http(404, 10062, discord.NotFound), "took too long"),
        (http(404, 10015, discord.NotFound), "took too long"),
        (http(401, 50027), "took too long"),
        (http(400, 40060), "took too long"),
        (http(400, 50083), "thread is closed"),
        (http(400, 160005), "thread is closed"),
        (http(400, 200000), "AutoMod"),
        (http(400, 240000), "AutoMod"),
        (http(403, 50007, discord.Forbidden), "can't DM you"),
        (http(429, 0), "rate limiting me"),
        (http(503, 0, discord.DiscordServerError), "Discord is having problems"),
        (aiohttp.ClientConnectionError("x"), "couldn't reach Discord"),
        (TimeoutError(), "couldn't reach Discord"),
        (app_commands.CommandNotFound("paint", []), "was just updated"),
        (app_commands.BotMissingPermissions(["attach_files"]), "Attach Files"),
        (app_commands.MissingPermissions(["manage_messages"]), "don't have permission"),
        (app_commands.CheckFailure(), "can't do that"),
    ],
)
def test_expected_errors_have_a_message(error, words):
    text = user_message(error)
    assert text is not None
    assert words in text
    assert "Discord's own words" not in text


@pytest.mark.parametrize("code", [10062, 40060, 50083])
def test_what_discord_answers_now_and_then_is_no_unforeseen_error(code, caplog):
    with caplog.at_level(logging.INFO):
        report(http(400, code), "/imagine")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert ("same token" in caplog.text) == (code == 40060)


def test_an_unexpected_error_is_logged_and_answered_with_a_reference(caplog):
    for error in (ZeroDivisionError("secret detail"), http(400, 50035)):
        caplog.clear()
        text = report(error, "a test")
        assert "secret detail" not in text
        reference = text.rsplit(" ", 1)[1]
        [record] = caplog.records
        assert record.levelno == logging.ERROR
        assert reference in record.getMessage()
        assert record.exc_info[1] is error


def test_only_temporary_errors_are_retried():
    assert is_temporary(http(502, 0, discord.DiscordServerError))
    assert is_temporary(http(429, 0))
    assert is_temporary(ConnectionResetError())
    assert not is_temporary(http(403, 50013, discord.Forbidden))
    assert not is_temporary(RequestError("x"))


def test_caught_does_not_catch_cancellation():
    with Caught("a test") as caught:
        raise RequestError("Say what to paint.")
    assert caught.text == "Say what to paint."
    with pytest.raises(asyncio.CancelledError), Caught("a test"):
        raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "/srv/bot/models/clip.pt is cut off; fetch it again.",
            "clip.pt is cut off; fetch it again.",
        ),
        (
            "The file /home/ann/my models/vq gan.ckpt of the model fox is gone; put it back.",
            "The file vq gan.ckpt of the model fox is gone; put it back.",
        ),
        (
            "It is at \"~/models/clip.pt\", '/opt/x/y.yaml' and (C:\\Users\\Ann Lee\\z.ckpt).",
            "It is at \"clip.pt\", 'y.yaml' and (z.ckpt).",
        ),
        (
            "/a/clip.pt: /a/b/clip.pt wants to run `os.system`.",
            "clip.pt: clip.pt wants to run `os.system`.",
        ),
        # Texts without paths stay as they are.
        ("Run /imagine and/or /history; 9/16 of 1/2, see https://example.org/a/b/c.html.",) * 2,
        ("a fox:/2 --ar 16:9 is out of range.",) * 2,
    ],
)
def test_users_see_file_names_without_the_host_s_folders(text, told, caplog):
    caplog.set_level(logging.INFO)
    assert without_folders(text) == told
    assert user_message(CheckpointError(text)) == told
    assert report(CheckpointError(text), "a test") == told
    assert text in caplog.text  # the host reads it all


def test_checkpoint_errors_show_the_file_name_without_its_folder(tmp_path):
    for content in (b"", b"<!DOCTYPE html>", b"PK\x03\x04", b"\x80\x02}q", b"nothing"):
        path = tmp_path / "some model.ckpt"
        path.write_bytes(content)
        with pytest.raises(CheckpointError) as refused:
            read_tensors(path)
        assert str(tmp_path) in str(refused.value)
        told = user_message(refused.value)
        assert told is not None
        assert told.startswith("some model.ckpt ")
        assert str(tmp_path.parent) not in told
