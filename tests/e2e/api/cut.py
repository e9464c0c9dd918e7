"""Take the operations that the stand-in answers from Discord's whole description.

``python -m tests.e2e.api.cut openapi.json`` rewrites the ``openapi.json`` next to this file. Run it
with a newer description, or after adding an operation to :data:`OPERATIONS`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

CUT = Path(__file__).with_name("openapi.json")
_COMMANDS = "/applications/{application_id}/commands"
_GUILD_COMMANDS = "/applications/{application_id}/guilds/{guild_id}/commands"
_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
OPERATIONS = {
    "/applications/@me": "get",
    _COMMANDS: "get put",
    _GUILD_COMMANDS: "get put",
    "/channels/{channel_id}": "get patch",
    "/channels/{channel_id}/messages": "get post",
    "/channels/{channel_id}/messages/bulk-delete": "post",
    "/channels/{channel_id}/messages/{message_id}": "get patch delete",
    "/gateway/bot": "get",
    "/guilds/{guild_id}": "get",
    "/guilds/{guild_id}/members/{user_id}": "get",
    "/interactions/{interaction_id}/{interaction_token}/callback": "post",
    "/oauth2/applications/@me": "get",
    "/users/@me": "get",
    "/users/@me/channels": "post",
    "/users/@me/guilds/{guild_id}": "delete",
    "/users/{user_id}": "get",
    _WEBHOOK: "post",
    f"{_WEBHOOK}/messages/@original": "get patch delete",
    f"{_WEBHOOK}/messages/{{message_id}}": "get patch delete",
}
_OPERATION_PARTS = ("operationId", "parameters", "requestBody", "responses")
_SCHEMAS = "#/components/schemas/"
Json = dict[str, Any]


def cut(whole: Json) -> Json:
    """The description reduced to :data:`OPERATIONS`, without explanations and headers."""
    paths: Json = {}
    for path, methods in OPERATIONS.items():
        item = whole["paths"][path]
        paths[path] = {"parameters": item.get("parameters", [])} | {
            method: _operation(item[method]) for method in methods.split()
        }
    paths = _plain(paths)
    schemas: Json = {}
    _collect(paths, whole["components"]["schemas"], schemas)
    return {
        "openapi": whole["openapi"],
        "info": whole["info"],
        "externalDocs": whole["externalDocs"],
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def _operation(described: Json) -> Json:
    kept = {part: described[part] for part in _OPERATION_PARTS if part in described}
    if "requestBody" in kept:
        content = dict(kept["requestBody"]["content"])
        content.pop("application/x-www-form-urlencoded", None)
        kept["requestBody"] = kept["requestBody"] | {"content": content}
    # Error responses have one shape, which discord.py reads: the stand-in's tests cover it.
    kept["responses"] = {
        status: {"content": response.get("content", {})}
        for status, response in kept["responses"].items()
        if status.startswith("2")
    }
    return kept


def _plain(described: Any) -> Any:
    """Without the explanations, which are half of the text."""
    if isinstance(described, list):
        return [_plain(item) for item in described]
    if not isinstance(described, dict):
        return described
    return {
        key: _plain(value)
        for key, value in described.items()
        if not (key == "description" and isinstance(value, str))
    }


def _collect(described: Any, schemas: Json, found: Json) -> None:
    """Add the schemas that ``described`` refers to, and those that these refer to."""
    for item in described.values() if isinstance(described, dict) else described:
        if isinstance(item, dict | list):
            _collect(item, schemas, found)
    reference = described.get("$ref") if isinstance(described, dict) else None
    if isinstance(reference, str) and reference.startswith(_SCHEMAS):
        name = reference.removeprefix(_SCHEMAS)
        if name not in found:
            found[name] = _plain(schemas[name])
            _collect(found[name], schemas, found)


def write(described: Json, path: Path = CUT) -> None:
    """Write a description with a line for each operation and schema, so that changes show."""

    def lines(items: Json) -> str:
        return ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in items.items())

    paths, schemas = described["paths"], described["components"]["schemas"]
    head = {key: described[key] for key in described if key not in ("paths", "components")}
    text = (
        f'{{\n{lines(head)},\n"paths": {{\n{lines(paths)}\n}},\n'
        f'"components": {{"schemas": {{\n{lines(schemas)}\n}}}}\n}}\n'
    )
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    write(cut(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
