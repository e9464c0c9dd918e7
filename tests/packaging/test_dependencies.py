"""Whatever the installed packages import is asked for in pyproject.toml, and nothing more."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from typing import Any

import pytest

from tests.packaging.wheels import INSTALLED, NOT_INSTALLED, ROOT
from tests.test_imports_run_one_way import imported_names

# Imported by name where they are used, or needed by one that is: not seen in an import statement.
INDIRECT = {
    "clip-anytorch",  # engine/models reads its modules past its __init__
    "einops",  # taming's quantisers need it and do not ask for it
}
# PyTorch's builds for GPUs bring them along, and without them PyTorch does the work.
WITH_PYTORCH = {"triton"}
# Imported when they are needed, by the extra that has them.
EXTRAS = {
    "pillow-heif": "heic",
    "open-clip-torch": "open-clip",
    "asyncpg": "postgres",
    "obstore": "s3",
    "ipywidgets": "notebook",
    "ipython": "notebook",
    "ray": "cluster",
    "grpcio": "cluster",  # errors of Ray's client
}


def normal(name: str) -> str:
    """A project's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[\[<>=!~; ]", each)[0]) for each in requirements}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def declared() -> set[str]:
    return names(project()["dependencies"])


def imported(providers: Mapping[str, list[str]]) -> dict[str, set[str]]:
    """Which distributions the installed packages import, each with the files that do."""
    found: dict[str, set[str]] = {}
    for folder in INSTALLED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            file = path.relative_to(ROOT)
            if file.as_posix().startswith(NOT_INSTALLED):
                continue
            for name in imported_names(path.read_text("utf-8"), file):
                for distribution in providers.get(name.split(".")[0], ()):
                    found.setdefault(normal(distribution), set()).add(file.as_posix())
    return found


@pytest.fixture(scope="module")
def found() -> dict[str, set[str]]:
    providers = dict(packages_distributions())
    for own in INSTALLED:
        providers.pop(own, None)
    return imported(providers)


def test_every_package_that_is_imported_is_declared(found):
    allowed = declared() | EXTRAS.keys() | WITH_PYTORCH
    undeclared = {name: files for name, files in found.items() if name not in allowed}
    assert undeclared == {}


def test_every_imported_extra_is_declared():
    extras = project()["optional-dependencies"]
    for package, extra in EXTRAS.items():
        assert package in names(extras[extra])


def test_every_package_that_is_declared_is_imported(found):
    assert declared() - set(found) == INDIRECT
