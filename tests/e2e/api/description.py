"""Reads the description: which operation a request is for, and the schema of each part of it."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.e2e.api.cut import CUT

JSON, MULTIPART = "application/json", "multipart/form-data"
_REQUESTS, _ANSWERS = "urn:discord:requests", "urn:discord:answers"

# Discord also takes ids as numbers, as discord.py sends them; its answers have text.
_SNOWFLAKE = {"type": ["string", "integer"], "pattern": "^(0|[1-9][0-9]*)$", "minimum": 0}
# Fields that the description lacks: documented for commands, and ignored in messages, where
# discord.py sends them.
_UNDESCRIBED = {
    "ApplicationCommandUpdateRequest": ("nsfw",),
    "IncomingWebhookUpdateForInteractionCallbackRequestPartial": ("tts",),
    "IncomingWebhookUpdateRequestPartial": ("tts",),
    "MessageEditRequestPartial": ("tts",),
    "RichEmbed": ("flags",),
}
# A documented type of channel that it lacks, too.
_MEDIA_CHANNEL = {"title": "GUILD_MEDIA", "const": 16}

_formats = FormatChecker(formats=())


@_formats.checks("int32")
def _is_int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


@_formats.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    described: Mapping[str, Any]
    pointer: str  # of the method, in the description
    parameters: tuple[Mapping[str, Any], ...]
    path_values: Mapping[str, str]  # by the path's parameters

    def body_kinds(self) -> Mapping[str, Any]:
        """The content types that the body may have."""
        return self.described.get("requestBody", {}).get("content", {})


def find(method: str, path: str) -> Operation | None:
    """The operation of a request for ``path``, for example ``/users/@me``."""
    for pattern, template, item in _patterns():
        found = pattern.fullmatch(path)
        if found is not None and method.lower() in item:
            described = item[method.lower()]
            parameters = (*item["parameters"], *described.get("parameters", ()))
            pointer = f"/paths/{_escaped(template)}/{method.lower()}"
            return Operation(described, pointer, parameters, found.groupdict())
    return None


def request_errors(operation: Operation, body: object) -> Iterator[ValidationError]:
    """What is wrong with a request's JSON; fields that are not described are errors, too."""
    pointer = f"{operation.pointer}/requestBody/content/{_escaped(JSON)}/schema"
    return _validator(_REQUESTS, pointer).iter_errors(body)


def answer_errors(operation: Operation, status: int, body: object) -> Iterator[ValidationError]:
    """What is wrong with a successful answer's JSON."""
    content = operation.described["responses"].get(str(status), {}).get("content", {})
    if JSON not in content:
        return iter(())
    pointer = f"{operation.pointer}/responses/{status}/content/{_escaped(JSON)}/schema"
    return _validator(_ANSWERS, pointer).iter_errors(body)


def parameter_errors(parameter: Mapping[str, Any], value: object) -> Iterator[ValidationError]:
    """What is wrong with the value of a parameter of the path or query."""
    return _schema_validator(_REQUESTS, json.dumps(parameter["schema"])).iter_errors(value)


def schema_of(parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    """A parameter's schema, or the one that it refers to."""
    schema = parameter["schema"]
    if "$ref" in schema:
        return _description()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


@functools.cache
def _description() -> Any:
    return json.loads(CUT.read_text("utf-8"))


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str, dict[str, Any]]]:
    """Paths with fewer parameters first: ``/users/@me`` is not a person's id."""
    paths = sorted(_description()["paths"].items(), key=lambda item: item[0].count("{"))
    return [(_pattern(template), template, item) for template, item in paths]


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    parts[::2] = [re.escape(part) for part in parts[::2]]
    parts[1::2] = [f"(?P<{name}>[^/]+)" for name in parts[1::2]]
    return re.compile("".join(parts))


def _escaped(part: str) -> str:
    """A key as a part of a JSON pointer inside an address."""
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


@functools.cache
def _registry() -> Registry[Any]:
    answers = _description()
    answers["components"]["schemas"]["ChannelTypes"]["oneOf"].append(_MEDIA_CHANNEL)
    requests = _strict(answers)
    schemas = requests["components"]["schemas"]
    schemas["SnowflakeType"] = _SNOWFLAKE
    for name, fields in _UNDESCRIBED.items():
        schemas[name]["properties"] |= dict.fromkeys(fields, True)
    return Registry().with_resources(
        (name, DRAFT202012.create_resource(contents))
        for name, contents in ((_REQUESTS, requests), (_ANSWERS, answers))
    )


def _strict(described: Any) -> Any:
    """A copy in which an object has no other fields than the described ones."""
    if isinstance(described, list):
        return [_strict(item) for item in described]
    if not isinstance(described, dict):
        return described
    copied = {key: _strict(value) for key, value in described.items()}
    if isinstance(copied.get("properties"), dict):
        copied.setdefault("additionalProperties", False)
    return copied


def _validator(resource: str, pointer: str) -> Draft202012Validator:
    return _schema_validator(resource, json.dumps({"$ref": f"#{pointer}"}))


@functools.cache
def _schema_validator(resource: str, schema: str) -> Draft202012Validator:
    read = json.loads(schema)
    if "$ref" in read:
        read["$ref"] = resource + read["$ref"]
    return Draft202012Validator(read, registry=_registry(), format_checker=_formats)
