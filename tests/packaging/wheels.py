"""Builds the project's wheel from a copy of the sources and installs it where nothing else is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ("engine", "data", "bot", "cogs")
LEFT_OUT = ("training", "bench", "tests")
# Sources of translations and the program that compiles them: for those who change the texts.
NOT_INSTALLED = "bot/locales/"
_FILES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")
_CACHES = ("__pycache__", "*.pyc")
_LARGE = 100_000  # bytes: weights, pictures


def copy_sources(into: Path, *, whole: bool) -> Path:
    """Copy what a build reads, and the folders that it must leave out; returns ``into``.

    A build writes build/ and *.egg-info next to its sources, and setuptools puts whatever an
    older build/ holds into the wheel, so that nothing is built in the checkout. Unless ``whole``,
    large files are left empty: their names are enough for the wheel's list.
    """

    def copy(source: str, target: str) -> None:
        if whole or Path(source).stat().st_size < _LARGE:
            shutil.copyfile(source, target)
        else:
            Path(target).touch()

    for name in _FILES:
        copy(str(ROOT / name), str(into / name))
    for folder in (*INSTALLED, *LEFT_OUT):
        shutil.copytree(
            ROOT / folder,
            into / folder,
            copy_function=copy,
            ignore=shutil.ignore_patterns(*_CACHES),
        )
    return into


def build_wheel(sources: Path, into: Path) -> Path:
    """Build the wheel with the installed setuptools, without a network."""
    _pip(
        "wheel",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--wheel-dir",
        str(into),
        str(sources),
    )
    (wheel,) = into.glob("*.whl")
    return wheel


def names_in(wheel: Path) -> set[str]:
    """Its files, as paths with forward slashes."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def install_alone(wheel: Path, folder: Path) -> Path:
    """Install ``wheel`` into a new virtual environment in ``folder``; returns its bin/.

    The dependencies come from the environment that runs the tests, by a path in a .pth file. A
    .pth file that lies on such a path is not read, and that is how a checkout is installed for
    working on it: so the checkout cannot be imported from there.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    scripts = folder / "bin"
    _pip("--python", str(scripts / "python"), "install", "--no-deps", "--no-index", str(wheel))
    own = Path(
        subprocess.run(
            [scripts / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    paths = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (own / "dependencies.pth").write_text("\n".join(paths) + "\n")
    return scripts


def _pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
