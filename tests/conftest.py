"""For all tests: one thread in each process, and no files or settings of the user."""

from __future__ import annotations

import gc
import os
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Set before torch is imported, and inherited by the processes that tests start: with more
# threads, parallel test runs slow each other down, and sums change in their last bits.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

# Kernels for GPUs run here, too; read when Triton is imported.
os.environ["TRITON_INTERPRET"] = "1"

# What is imported and collected stays; looking for garbage in it takes a tenth of the suite's time.
gc.disable()

# No deadline: how long an example takes depends on how busy the machine is.
hypothesis.settings.register_profile("project", deadline=None, print_blob=True)
hypothesis.settings.load_profile("project")

_FOLDERS = {
    "HOME": "",
    "USERPROFILE": "",
    "XDG_CONFIG_HOME": ".config",
    "XDG_CACHE_HOME": ".cache",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "APPDATA": "AppData/Roaming",
    "LOCALAPPDATA": "AppData/Local",
}
_OWN_PREFIXES = ("DISCORD_", "IMAGINE_")


def pytest_configure(config: pytest.Config) -> None:
    """Give the run its own home folder, before any module of the project is imported.

    The user's token, settings and downloaded models are neither read nor written.
    """
    before = dict(os.environ)
    # A killed worker may still be writing; what it leaves must not fail the run.
    home = tempfile.TemporaryDirectory(prefix="imagine-bot-tests-", ignore_cleanup_errors=True)
    for name, folder in _FOLDERS.items():
        path = Path(home.name, folder)
        path.mkdir(parents=True, exist_ok=True)
        os.environ[name] = str(path)
    for name in before:
        if name.startswith(_OWN_PREFIXES):
            del os.environ[name]

    def restore() -> None:
        os.environ.clear()
        os.environ.update(before)
        home.cleanup()

    config.add_cleanup(restore)
    config.add_cleanup(gc.unfreeze)  # some libraries look for leaks at the end


def pytest_collection_finish() -> None:
    """Look for garbage from now on, but not in modules and test items."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Spread the suite by files in our own way (tests/spread.py); other ways are xdist's."""
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.spread import LongestFirst

    return LongestFirst(config, log)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Also if a plugin imported torch before the environment was set."""
    import torch

    torch.set_num_threads(1)
