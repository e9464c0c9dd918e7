"""Each line of the log says which job it is about."""

from __future__ import annotations

import json
import logging

import pytest

from bot.host.logs import about_job, set_up_logs


@pytest.fixture
def log(capsys):
    """Return a function that returns the log; the handlers are restored afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield lambda: capsys.readouterr().err
    root.handlers[:] = before
    root.setLevel(level)


def test_json_lines_carry_the_job(log):
    set_up_logs("json")
    with about_job("a" * 32):
        logging.getLogger("bot.test").info("hello %s", "there")
    logging.getLogger("engine.queue").warning("line\nbreak", extra={"job": "b" * 32})
    logging.getLogger("bot.test").info("nobody's")
    first, second, third = map(json.loads, log().splitlines())
    assert first["job"] == "a" * 32
    assert first["message"] == "hello there"
    assert second["job"] == "b" * 32
    assert second["message"] == "line\nbreak"
    assert third["job"] is None


def test_plain_lines_carry_the_job_and_cannot_be_forged(log):
    set_up_logs("plain")
    with about_job("a" * 32):
        logging.getLogger("bot.test").info("one\n2026-01-01T00:00:00Z ERROR forged")
    [line] = log().splitlines()
    assert f"[job {'a' * 32}]" in line


def test_an_error_keeps_its_traceback(log):
    set_up_logs("json")
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("bot.test").exception("failed")
    assert "ValueError: why" in json.loads(log())["error"]
