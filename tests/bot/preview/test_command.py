"""`python -m bot preview` itself: its options, and a port that is taken."""

from __future__ import annotations

import socket

import pytest

from bot.__main__ import UNAVAILABLE, WRONG_SETTINGS, main


@pytest.fixture(autouse=True)
def _own_logs(monkeypatch, tmp_path):
    monkeypatch.setattr("bot.__main__.set_up_logs", lambda **_: None)
    monkeypatch.chdir(tmp_path)


def test_a_port_that_is_taken_is_named_with_what_to_change(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["preview", "--port", str(port)]) == UNAVAILABLE
    assert "Choose another --port" in capsys.readouterr().err


def test_a_wrong_setting_is_named(capsys, monkeypatch):
    monkeypatch.setenv("IMAGINE_THREADS", "many")
    assert main(["preview"]) == WRONG_SETTINGS
    assert capsys.readouterr().err.startswith("IMAGINE_THREADS")


@pytest.mark.parametrize("option", [("--port", "1"), ("--host", "::1")])
def test_only_the_preview_has_an_address(option, capsys):
    with pytest.raises(SystemExit):
        main(["run", *option])
    assert "run takes no --host and no --port" in capsys.readouterr().err
