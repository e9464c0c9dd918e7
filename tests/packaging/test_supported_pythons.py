"""The Pythons that are claimed are those that CI runs the suite on, wherever they are named."""

from __future__ import annotations

import re
import tomllib

import yaml

from tests.packaging.wheels import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PREFIX = "Programming Language :: Python :: "
CLAIMED = [
    each.removeprefix(PREFIX)
    for each in PYPROJECT["project"]["classifiers"]
    if each.startswith(PREFIX)
]


def minor(version: str) -> int:
    major, minor = version.split(".")
    assert major == "3"
    return int(minor)


def test_the_classifiers_are_what_may_be_installed():
    range_ = re.fullmatch(r">=([\d.]+),<([\d.]+)", PYPROJECT["project"]["requires-python"])
    assert range_ is not None
    least, below = range_.groups()
    assert [minor(each) for each in CLAIMED] == list(range(minor(least), minor(below)))


def test_ci_runs_the_suite_on_each():
    suite = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]["suite"]
    assert suite["strategy"]["matrix"]["python"] == CLAIMED
    assert [step["run"] for step in suite["steps"] if "run" in step] == [".ci/run"]


def test_style_and_types_are_those_of_the_oldest():
    assert PYPROJECT["tool"]["mypy"]["python_version"] == CLAIMED[0]
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{CLAIMED[0].replace('.', '')}"


def test_the_makefile_takes_each():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert all(f"python{each}" in makefile for each in CLAIMED)
    assert (
        f"(3, {minor(CLAIMED[0])}) <= sys.version_info < (3, {minor(CLAIMED[-1]) + 1})" in makefile
    )


def test_the_readme_names_them():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"{', '.join(CLAIMED[:-1])} and {CLAIMED[-1]}" in readme
