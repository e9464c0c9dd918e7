"""The files of deploy/, and the published schemas."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SCHEMAS = Path(__file__).parent / "schemas"


@functools.cache
def _schema(name: str) -> dict[str, Any]:
    return json.loads((SCHEMAS / name).read_text("utf-8"))


def documents(path: Path) -> list[Any]:
    """The YAML documents of a file."""
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def compose_errors(document: Any) -> list[str]:
    """What the Compose specification's schema says against it."""
    return _errors(_schema("compose-spec.json"), document)


def kubernetes_errors(document: Any) -> list[str]:
    """What Kubernetes' schema of its kind says against it."""
    schemas = _schema("kubernetes.json")
    name = schemas["kinds"].get(document.get("kind"))
    if name is None:
        return [f"the kind {document.get('kind')} is not among the schemas"]
    schema = {
        "definitions": schemas["definitions"],
        "allOf": [
            {"$ref": f"#/definitions/{name}"},
            {"required": ["apiVersion", "kind", "metadata"]},
        ],
    }
    return _errors(schema, document)


def _errors(schema: dict[str, Any], document: Any) -> list[str]:
    return [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in Draft7Validator(schema).iter_errors(document)
    ]


def containers(document: Any) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each container of a document, with the pod that it is in."""
    spec = document.get("spec", {})
    groups = [spec.get("headGroupSpec"), *spec.get("workerGroupSpecs", ()), spec]
    pods = [group["template"]["spec"] for group in groups if group and "template" in group]
    return [(container, pod) for pod in pods for container in pod["containers"]]
