"""The wheel holds what runs and nothing else, and paints where there is no checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.packaging.wheels import (
    INSTALLED,
    NOT_INSTALLED,
    ROOT,
    build_wheel,
    copy_sources,
    install_alone,
    names_in,
)

# What the code reads at run time besides itself. A file of another kind next to the code is
# either needed, then it is listed here and in pyproject.toml, or it belongs elsewhere.
DATA = {
    "engine": ("models/catalogue.toml", "models/phrases/*.txt", "models/weights/*/*", "py.typed"),
    "data": ("migrations/*.sql", "py.typed"),
    "bot": ("locales/*/LC_MESSAGES/bot.mo", "preview/page/*", "py.typed"),
    "cogs": ("py.typed",),
}


def expected_names() -> set[str]:
    """Each module and data file of the installed packages, by its path from the root."""
    modules = {
        path.relative_to(ROOT).as_posix()
        for folder in INSTALLED
        for path in (ROOT / folder).rglob("*.py")
    }
    data = {
        path.relative_to(ROOT).as_posix()
        for folder, patterns in DATA.items()
        for pattern in patterns
        for path in (ROOT / folder).glob(pattern)
    }
    return {name for name in modules if not name.startswith(NOT_INSTALLED)} | data


def test_the_wheel_holds_the_packages_and_what_they_read_and_nothing_else(tmp_path):
    sources = tmp_path / "sources"
    sources.mkdir()
    wheel = build_wheel(copy_sources(sources, whole=False), tmp_path / "dist")
    names = names_in(wheel)
    about = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    assert names - about == expected_names()
    assert {name.partition("/")[2] for name in about} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "top_level.txt",
        "licenses/LICENSE",
        "licenses/NOTICE",
    }


def test_every_data_pattern_finds_a_file():
    for folder, patterns in DATA.items():
        for pattern in patterns:
            assert list((ROOT / folder).glob(pattern)), f"{folder}/{pattern}"


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """bin/ of an environment into which only the real wheel is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"
    sources.mkdir()
    wheel = build_wheel(copy_sources(sources, whole=True), folder / "dist")
    return install_alone(wheel, folder / "environment")


@pytest.fixture
def run(scripts, tmp_path):
    """Run a program of that environment in an empty folder; what it prints."""

    def run(program: str, *arguments: str, **environment: str) -> str:
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [scripts / program, *arguments],
            cwd=tmp_path,
            check=False,
            env={**clean, **environment},
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def python(*lines: str) -> tuple[str, str, str]:
    return "python", "-c", "\n".join(lines)


@pytest.mark.slow
@pytest.mark.timeout(600)
class TestInstalledOutsideTheCheckout:
    def test_the_checkout_is_not_there(self, run, scripts):
        home = run(
            *python(
                "import engine, data, bot, cogs",
                "for each in (engine, data, bot, cogs): print(each.__file__)",
            )
        )
        lines = home.splitlines()
        assert len(lines) == 4
        assert all(Path(line).is_relative_to(scripts.parent) for line in lines)
        for name in ("training", "bench", "tests", "bot.locales.update"):
            absent = run(
                *python(
                    "from importlib.util import find_spec",
                    f"try: print(find_spec({name!r}))",
                    "except ModuleNotFoundError: print(None)",
                )
            )
            assert absent.strip() == "None", name

    @pytest.mark.parametrize("model", ["drawn", "natural"])
    def test_the_command_paints(self, run, tmp_path, model):
        run(
            "imagine",
            "a red star on a blue background",
            "--model",
            model,
            "--size",
            "64x64",
            "--iterations",
            "2",
            "--seed",
            "1",
            "-o",
            "star.png",
        )
        with Image.open(tmp_path / "star.png") as picture:
            assert picture.size == (64, 64)
            assert picture.convert("L").getextrema() != (0, 0)

    def test_the_library_paints(self, run, tmp_path):
        printed = run(
            *python(
                "from engine import imagine",
                "for iterate in imagine('a red star', model='drawn', width=64, height=64,",
                "                       iterations=2, seed=1):",
                "    print(iterate.iteration)",
                "iterate.to_pil().save('star.png')",
            )
        )
        assert printed.split()[-1] == "2"
        with Image.open(tmp_path / "star.png") as picture:
            assert picture.size == (64, 64)

    def test_the_other_command_lists_the_models_that_ship(self, run):
        printed = run("imagine-models", "list")
        assert "drawn" in printed
        assert "natural" in printed

    def test_the_bot_finds_its_models_database_and_languages(self, run, tmp_path):
        token = "MTIzNDU2Nzg5MDEyMzQ1Njc4.made-up.for-tests"
        printed = run(
            "python",
            "-m",
            "bot",
            "doctor",
            DISCORD_TOKEN=token,
            IMAGINE_DATA_FOLDER=str(tmp_path / "data"),
            IMAGINE_MODEL="drawn",
        )
        assert "WRONG" not in printed
        printed = run(
            *python(
                "import asyncio",
                "from pathlib import Path",
                "from data import Store",
                "async def main():",
                "    store = await Store.open(Path('data'))",
                "    await store.close()",
                "    print('opened')",
                "asyncio.run(main())",
            )
        )
        assert printed.strip() == "opened"

    def test_every_module_can_be_imported(self, run):
        printed = run(
            *python(
                "import importlib, pkgutil",
                f"for package in map(importlib.import_module, {INSTALLED!r}):",
                "    for each in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):",
                "        if not each.name.endswith('.__main__'):",
                "            importlib.import_module(each.name)",
                "print('imported')",
            )
        )
        assert printed.strip() == "imported"
