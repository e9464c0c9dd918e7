"""Tests the Dockerfile without running it; `tests.docker.prove` runs it, and needs root."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from bot.host.settings import load_settings
from tests.docker.dockerfile import (
    copies,
    expand,
    ignore_patterns,
    is_ignored,
    parse,
)

ROOT = Path(__file__).resolve().parents[2]
IGNORED = ignore_patterns((ROOT / ".dockerignore").read_text("utf-8"))


@pytest.fixture
def steps():
    return parse((ROOT / "Dockerfile").read_text("utf-8"))


def test_continued_lines_are_joined_and_comments_are_skipped():
    steps = parse(
        '# first\nFROM a\n\nRUN one \\\n    # why\n    && two \\\n    three\nCMD ["x", "y z"]\n'
    )
    assert [(step.line, str(step)) for step in steps] == [
        (2, "FROM a"),
        (4, "RUN one && two three"),
        (8, 'CMD ["x", "y z"]'),
    ]
    assert steps[2].words == ["x", "y z"]


@pytest.mark.parametrize("text", ["FROM a\nADD x y\n", "FROM a\nRUN one \\\n"])
def test_an_unknown_instruction_is_an_error(text):
    with pytest.raises(ValueError, match="Line 2"):
        parse(text)


def test_variables_are_expanded():
    assert expand("$A/${B}/$C", {"A": "1", "B": "2"}) == "1/2/"


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        (".env", True),
        (".env.example", False),
        ("bot/__pycache__/a.pyc", True),
        ("a.pyc", True),
        ("tests/docker/prove.py", True),
        ("engine/tests.py", False),
        ("docs/hosting.md", True),
        ("imagine_bot.egg-info/PKG-INFO", True),
        ("bot/delivery/delivery.py", False),
    ],
)
def test_the_dockerignore_is_read_like_docker_does(path, ignored):
    assert is_ignored(Path(path), IGNORED) is ignored


def test_all_files_of_the_package_are_copied_and_no_secret(steps, tmp_path):
    found = {
        str(source.relative_to(ROOT))
        for step in steps
        if step.name == "COPY"
        for source, _ in copies(step, ROOT, IGNORED)
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {
        "pyproject.toml",
        "constraints.txt",
        project["readme"],
        *project["license-files"],
    } <= found
    code = {
        str(path.relative_to(ROOT))
        for folder in ("engine", "data", "bot", "cogs")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert code <= found
    assert not [
        name for name in found if Path(name).name.startswith(".env") or "__pycache__" in name
    ]
    (missing,) = parse("COPY nowhere ./\n")
    with pytest.raises(FileNotFoundError, match="no nowhere"):
        list(copies(missing, tmp_path, []))


def test_the_image_runs_as_an_ordinary_user_with_valid_settings(steps, monkeypatch):
    names = [step.name for step in steps]
    [user] = [step.text for step in steps if step.name == "USER"]
    assert user not in ("root", "0")
    assert "RUN" not in names[names.index("USER") :]  # all steps that need root come before it
    [command] = [step.words for step in steps if step.name == "CMD"]
    assert command == ["python", "-m", "bot"]
    monkeypatch.setenv("DISCORD_TOKEN", "made.up.token")
    for word in [word for step in steps if step.name == "ENV" for word in step.words]:
        name, _, value = word.partition("=")
        if name.startswith("IMAGINE_"):
            monkeypatch.setenv(name, value)
    assert str(load_settings().painting.data_folder) == "/data/bot"
    assert os.environ["IMAGINE_MODELS_FOLDER"] == "/data/models"
