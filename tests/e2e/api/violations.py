"""Holds recorded requests, and the stand-in's answers to them, against the description."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from jsonschema import ValidationError

from bot.standin.recorded import Recorded
from tests.e2e.api import description
from tests.e2e.api.description import JSON, MULTIPART, Operation

PREFIX = "/api/v10"
_LONGEST = 300


def violations(requests: Iterable[Recorded]) -> list[str]:
    """A line for each departure from the description, with the request and the field."""
    lines: dict[str, None] = {}
    for request in requests:
        name = f"{request.method} {request.path}"
        for line in violations_of(request):
            lines[f"{name}: {line}"] = None
    return list(lines)


def violations_of(request: Recorded) -> Iterator[str]:
    """The departures of one request and its answer."""
    operation = description.find(request.method, request.path.removeprefix(PREFIX))
    if operation is None or not request.path.startswith(PREFIX):
        yield "Discord does not describe this method and path"
        return
    yield from _parameters(operation, request)
    yield from _body(operation, request)
    if 200 <= request.status < 300 and request.answer is not None:
        for error in description.answer_errors(operation, request.status, request.answer):
            yield _line("answer", error)


def _parameters(operation: Operation, request: Recorded) -> Iterator[str]:
    given = {
        "path": operation.path_values,
        "query": request.query,
        "header": {name.lower(): value for name, value in request.headers.items()},
    }
    for parameter in operation.parameters:
        place, name = parameter["in"], parameter["name"]
        value = given[place].get(name.lower() if place == "header" else name)
        if value is None:
            if parameter.get("required"):
                yield f"{place}.{name} is missing"
            continue
        for error in description.parameter_errors(parameter, _read(parameter, value)):
            yield _line(f"{place}.{name}", error)
    described = {parameter["name"] for parameter in operation.parameters}
    for name in request.query:
        if name not in described:
            yield f"query.{name} is not described"


def _read(parameter: Any, text: str) -> object:
    """The value of a parameter's text; texts that are not of its type stay as they are."""
    kind = description.schema_of(parameter).get("type")
    if kind == "boolean":
        return {"1": True, "0": False, "true": True, "false": False}.get(text.lower(), text)
    if kind == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    return text


def _body(operation: Operation, request: Recorded) -> Iterator[str]:
    kinds = operation.body_kinds()
    kind = request.content_type
    if kind is None:
        if operation.described.get("requestBody", {}).get("required"):
            yield "the body is missing"
        return
    if kind not in kinds:
        yield f"a body of type {kind} is not described"
        return
    if kind == MULTIPART:
        for field in request.files:
            if not re.fullmatch(r"files\[\d\]", field):
                yield f"the part {field} is not described"
        if request.payload is None:
            yield "the part payload_json is missing"
            return
    if JSON in kinds:
        for error in description.request_errors(operation, request.payload):
            yield _line("body", error)


def _line(start: str, error: ValidationError) -> str:
    """The innermost cause of an error, with its place."""
    while error.context and not _lists_values(error):
        error = _closest(error.context)
    message = error.message
    if error.context:
        message = f"{error.instance!r} is not one of the described values"
    place = start + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path
    )
    line = f"{place}: {message}"
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _lists_values(error: ValidationError) -> bool:
    """Whether the alternatives of an error are values, as of an enumeration."""
    return all(inner.validator == "const" and not inner.path for inner in error.context)


def _closest(errors: Iterable[ValidationError]) -> ValidationError:
    """The error of the alternative that was meant.

    Alternatives that differ in their ``type`` are not meant, nor are those that fail as a whole.
    """
    by_branch: dict[object, list[ValidationError]] = {}
    for error in errors:
        by_branch.setdefault(error.schema_path[0], []).append(error)

    def unlikely(branch: list[ValidationError]) -> tuple[bool, bool, int]:
        fields = [list(error.path) for error in branch]
        return ["type"] in fields, [] in fields and branch[0].validator == "type", len(branch)

    branch = min(by_branch.values(), key=unlikely)
    return max(branch, key=lambda error: len(error.path))
