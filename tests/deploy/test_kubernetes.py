"""The examples for Kubernetes and KubeRay are valid, and safe by the same rules."""

from __future__ import annotations

import copy

import pytest

from bot.host.settings import BUCKET_VARIABLES, ENGINE_VARIABLES, variables
from tests.deploy.documents import DEPLOY, containers, documents, kubernetes_errors

FILES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
ALL = [document for path in FILES for document in documents(path)]


def name_of(document):
    return f"{document['kind']}-{document['metadata']['name']}"


@pytest.mark.parametrize("document", ALL, ids=name_of)
def test_it_follows_the_schema_of_its_kind(document):
    assert kubernetes_errors(document) == []


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Deployment", ("spec", "replicas"), "one"),
        ("Deployment", ("spec", "strategy", "typ"), "Recreate"),
        ("Deployment", ("spec", "template", "spec", "containers"), {}),
        ("RayCluster", ("spec", "workerGroupSpecs", 0, "maxReplica"), 8),
        ("RayCluster", ("spec", "headGroupSpec", "template", "spec", "container"), []),
        ("Service", ("kind",), "Sevice"),
    ],
)
def test_what_is_wrong_is_found(kind, path, value):
    broken = copy.deepcopy(next(each for each in ALL if each["kind"] == kind))
    inner = broken
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    assert kubernetes_errors(broken) != []


@pytest.mark.parametrize("document", list(filter(containers, ALL)), ids=name_of)
def test_containers_are_not_root_and_have_limits(document):
    for container, pod in containers(document):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        # Ray writes into its own package.
        assert security.get("readOnlyRootFilesystem") or document["kind"] == "RayCluster"
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        claimed = {
            each["metadata"]["name"] for each in document["spec"].get("volumeClaimTemplates", ())
        }
        assert mounted == claimed | {volume["name"] for volume in pod.get("volumes", ())}


def test_settings_exist_and_labels_select_what_they_name():
    known = {*variables(), *ENGINE_VARIABLES, *BUCKET_VARIABLES}
    labels = []
    for document in ALL:
        if document["kind"] == "ConfigMap":
            assert set(document["data"]) <= known
            assert all(isinstance(value, str) for value in document["data"].values())
        if document["kind"] in ("Deployment", "StatefulSet"):
            found = document["spec"]["template"]["metadata"]["labels"]
            assert document["spec"]["selector"]["matchLabels"] == found
            labels.append(found)
    for document in ALL:
        if document["kind"] == "Service":
            assert document["spec"]["selector"] in labels
