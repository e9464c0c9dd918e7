"""How ``make test`` spreads the suite over its processes: file by file, the longest first.

pytest-xdist's own ways cost minutes here: a long test that is left for the end keeps one process
waiting for the other, and tests of one file that are spread over both load its models twice.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

END_TO_END = "tests/e2e"
"""Its tests wait for processes and for clocks most of the time. In one process, one after the
other, they take turns with what the other process computes."""
POSTGRES = "tests/data, with PostgreSQL"
"""One process starts a server."""
_WITH_POSTGRES = {"tests/bot/host/test_wishes.py", "tests/bot/host/test_doctor.py"}
LIBRARIES = "tests/engine/models, with OpenCLIP and transformers"
"""Imported once, which takes seconds."""
_WITH_LIBRARIES = {
    f"tests/engine/models/test_{name}.py"
    for name in ("open_clip", "siglip", "transformers_files", "loading", "perceptor_recognition")
}
SECONDS = {
    END_TO_END: 170,
    POSTGRES: 50,
    "tests/engine/jobs/test_queue.py": 40,
    "tests/engine/painting/test_recovery.py": 35,
    "tests/cogs/test_rule_matrix.py": 30,
    "tests/engine/cli/test_streams.py": 20,
    "tests/engine/cli/test_imagine.py": 20,
    LIBRARIES: 15,
    "tests/engine/jobs/test_local.py": 15,
    "tests/engine/models/test_natural.py": 15,
    "tests/engine/painting/test_synthesis.py": 15,
    "tests/engine/worker/test_worker.py": 15,
    "tests/training/words/test_drawn.py": 15,
    "tests/cogs/config/test_config.py": 14,
    "tests/cogs/edit/test_edit_replies.py": 14,
    "tests/engine/worker/test_recorded_videos.py": 13,
    "tests/engine/painting/test_composing.py": 12,
}
"""About how long what comes first takes on two cores; of the others only the order is missing."""


def unit_of(file: str) -> str:
    """The tests that go to one process together: those of a file, or of several."""
    if file.startswith(END_TO_END + "/"):
        return END_TO_END
    if file.startswith("tests/data/") or file in _WITH_POSTGRES:
        return POSTGRES
    return LIBRARIES if file in _WITH_LIBRARIES else file


class LongestFirst(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped
    """Gives a process without work the longest unit that is left."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # by the number of tests

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid.split("::", 1)[0])

    def _assign_work_unit(self, node: Any) -> None:
        longest = max(self.workqueue, key=lambda unit: SECONDS.get(unit, 0))
        self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)
