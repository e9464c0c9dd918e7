"""Every kind of departure from Discord's description is named with its field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.standin.recorded import Recorded
from tests.e2e.api.cut import CUT, OPERATIONS, cut, write
from tests.e2e.api.violations import violations

MESSAGES = "/api/v10/channels/123/messages"
CALLBACK = "/api/v10/interactions/5/token/callback"
JSON, MULTIPART = "application/json", "multipart/form-data"


def request(method="POST", path=MESSAGES, payload=None, *, query=None, kind=JSON, **more):
    return Recorded(
        0.0, method, path, query or {}, {}, kind if payload is not None else None, payload, **more
    )


@pytest.mark.parametrize(
    "fine",
    [
        request(payload={"content": "a fox", "nonce": "1", "enforce_nonce": True}),
        request(payload={"allowed_mentions": {"parse": [], "users": [123]}}),
        request("GET", query={"limit": "50", "before": "99"}),
        request("DELETE", f"{MESSAGES}/7"),
        request(
            payload={"attachments": [{"id": 0, "filename": "fox.png"}]},
            kind=MULTIPART,
            files={"files[0]": ("fox.png", b"")},
        ),
        request(path=CALLBACK, payload={"type": 5}, query={"with_response": "1"}),
        request(path=CALLBACK, payload={"type": 7, "data": {"content": "done", "components": []}}),
    ],
)
def test_what_discord_takes_is_no_violation(fine):
    assert violations([fine]) == []


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (request("POST", "/api/v10/foxes"), "does not describe this method and path"),
        (request("POST", "/api/v9/channels/1/messages"), "does not describe this method and path"),
        (request("PUT"), "does not describe this method and path"),
        (request("GET", "/api/v10/channels/fox/messages"), "path.channel_id: 'fox' does not match"),
        (request("GET", query={"limit": "1000"}), "query.limit: 1000 is greater than the maximum"),
        (request("GET", query={"limit": "many"}), "query.limit: 'many' is not of type 'integer'"),
        (request("GET", query={"newest": "1"}), "query.newest is not described"),
        (request(), "the body is missing"),
        (request(payload={}, kind="text/plain"), "a body of type text/plain is not described"),
        (request("DELETE", f"{MESSAGES}/7", {}), "a body of type application/json is not desc"),
        (request(payload={"content": 5}), "body.content: 5 is not of type 'string', 'null'"),
        (request(payload={"contents": "a"}), "body: Additional properties are not allowed ('cont"),
        (request(payload={"content": "a" * 5000}), "body.content: 'aaaa"),
        (
            request(payload={"embeds": [{"title": "a"}, {"title": "a" * 257}]}),
            "body.embeds[1].title: 'aaaa",
        ),
        (
            request(payload={"components": [{"type": 1, "components": [{"type": 2, "style": 9}]}]}),
            "body.components[0].components[0].style: 9 is not one of the described values",
        ),
        (
            request(payload={"components": [{"type": 1, "components": [{"type": 2}]}]}),
            "body.components[0].components[0]: 'style' is a required property",
        ),
        (
            request(path=CALLBACK, payload={"type": 9, "data": {"title": "a"}}),
            "body.data: 'custom_id' is a required property",
        ),
        (
            request(payload={}, kind=MULTIPART, files={"picture": ("fox.png", b"")}),
            "the part picture is not described",
        ),
        (
            Recorded(0.0, "POST", MESSAGES, {}, {}, MULTIPART, None, {"files[0]": ("a", b"")}),
            "the part payload_json is missing",
        ),
        (
            request(payload={"content": "a"}, status=200, answer={"id": 5}),
            "answer: 'type' is a required property",
        ),
        (
            request("GET", "/api/v10/users/1", status=200, answer={"id": 5}),
            "answer.id: 5 is not of type 'string'",
        ),
    ],
)
def test_a_violation_names_the_request_and_the_field(wrong, expected):
    found = violations([wrong, wrong])
    assert len(set(found)) == len(found)
    assert any(expected in line for line in found), found
    assert all(line.startswith(f"{wrong.method} {wrong.path}: ") for line in found)
    assert max(map(len, found)) < 400


def test_the_committed_description_is_what_cut_makes_of_itself(tmp_path: Path):
    """Nothing in it is unused, and nothing was edited by hand."""
    committed = json.loads(CUT.read_text("utf-8"))
    write(cut(committed), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text("utf-8") == CUT.read_text("utf-8")
    assert set(committed["paths"]) == set(OPERATIONS)
    assert committed["info"]["license"]["name"] == "MIT"
