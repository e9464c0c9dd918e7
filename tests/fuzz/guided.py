"""`python -m tests.fuzz.guided prompt -runs=1000000`: fuzzing guided by libFuzzer's coverage.

Needs atheris, which the project does not require (`pip install atheris`: there are wheels for
CPython on Linux). The first argument names a target of tests/fuzz/targets.py, the others are
libFuzzer's. Add what it finds to tests/fuzz/corpus.py.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Fuzz the target named on the command line; libFuzzer ends the process."""
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        sys.stderr.write(
            "atheris is not installed; run `pip install atheris`, or use tests.fuzz.million.\n"
        )
        return 69
    with atheris.instrument_imports(include=["engine", "bot"]):
        from tests.fuzz.corpus import SEEDS
        from tests.fuzz.targets import TARGETS
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.stderr.write(f"Name a target: {', '.join(TARGETS)}.\n")
        return 64
    name = sys.argv.pop(1)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for number, seed in enumerate(SEEDS[name]):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], TARGETS[name])
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
