"""The checks before a commit are CI's own, and the floor of coverage only rises."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml

from tests.packaging.wheels import ROOT


def test_a_commit_is_checked_by_what_make_lint_runs():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lint = re.search(r"^lint: (.*?) ##", makefile, re.MULTILINE)
    assert lint is not None
    parts = lint[1].split()
    configured = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook for repo in configured["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in configured["repos"]} == {"local"}
    assert [hook["entry"] for hook in hooks] == [f"make {part}" for part in parts]
    assert "run lint" in (ROOT / ".ci/run").read_text("utf-8")


@pytest.mark.parametrize(
    ("before", "now", "code"),
    [
        ("fail_under = 90", "fail_under = 90", 0),
        ("fail_under = 90", "fail_under = 90.5  # up", 0),
        ("fail_under = 90", "fail_under = 89.9", 1),
        ("fail_under = 90", "", 1),
        ("", "fail_under = 9", 0),
    ],
)
def test_the_floor_of_coverage_only_rises(tmp_path, before, now, code):
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/floor", tmp_path / ".ci")
    (tmp_path / "pyproject.toml").write_text(f"[tool.coverage.report]\n{before}\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "Begin")
    (tmp_path / "pyproject.toml").write_text(f"[tool.coverage.report]\n{now}\n")
    done = subprocess.run(
        [tmp_path / ".ci/floor", "HEAD"], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
