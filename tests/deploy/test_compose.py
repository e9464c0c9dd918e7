"""deploy/compose.yaml is valid, and what it promises about safety holds."""

from __future__ import annotations

import copy

import pytest

from bot.host.settings import variables
from tests.deploy.documents import DEPLOY, ROOT, compose_errors, documents
from tests.docker.dockerfile import parse

FILES = ("compose.yaml", "compose.cuda.yaml")


def compose(name="compose.yaml"):
    [document] = documents(DEPLOY / name)
    return document


@pytest.mark.parametrize("name", FILES)
def test_it_follows_the_specification(name):
    assert compose_errors(compose(name)) == []


@pytest.mark.parametrize(
    ("where", "value"),
    [("volumes", {"a": "b"}), ("stop_grace_period", ["30s"]), ("imagee", "x"), ("restart", 7)],
)
def test_what_is_wrong_is_found(where, value):
    broken = copy.deepcopy(compose())
    broken["services"]["bot"][where] = value
    assert compose_errors(broken) != []


def test_every_service_is_read_only_unprivileged_and_watched():
    healthy = {name: "healthcheck" in each for name, each in compose()["services"].items()}
    healthy["bot"] |= any(
        step.name == "HEALTHCHECK" for step in parse((ROOT / "Dockerfile").read_text("utf-8"))
    )
    assert all(healthy.values()), healthy
    for name, service in compose()["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "privileged" not in service, name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


def test_settings_folders_and_volumes_exist():
    found = compose()
    for name in FILES:
        for setting in compose(name)["services"]["bot"].get("environment", {}):
            assert setting in variables(), setting
    for service in found["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            known = (
                (DEPLOY / source).is_dir() if source.startswith(".") else source in found["volumes"]
            )
            assert known, volume
        assert set(service.get("depends_on", ())) <= set(found["services"])


def test_the_image_has_the_argument_for_cuda():
    steps = parse((ROOT / "Dockerfile").read_text("utf-8"))
    defaults = {step.words[0].split("=")[0] for step in steps if step.name == "ARG"}
    [arguments] = [compose("compose.cuda.yaml")["services"]["bot"]["build"]["args"]]
    assert set(arguments) <= defaults
