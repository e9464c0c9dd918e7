"""Python's garbage collector sleeps while a program starts, and no longer."""

from __future__ import annotations

import json

from tests.processes import printed_by

_TOLD = "print(json.dumps([gc.isenabled(), gc.get_freeze_count() > 1000]))"


def test_collection_pauses_while_pytorch_is_imported_and_then_goes_on():
    told = printed_by(
        f"""
import gc, json
from engine.garbage import pause_collection, resume_collection
pause_collection()
{_TOLD}
import torch
resume_collection()
{_TOLD}
"""
    )
    assert [json.loads(line) for line in told] == [[False, False], [True, True]]


def test_what_a_running_program_makes_is_never_frozen():
    told = printed_by(
        """
import gc
from engine.garbage import resume_collection
resume_collection()
print(gc.isenabled(), gc.get_freeze_count())
"""
    )
    assert told == ["True 0"]


def test_the_command_looks_for_garbage_while_it_paints(tmp_path):
    told = printed_by(
        f"""
import atexit, gc, json, sys
from engine.__main__ import main
atexit.register(lambda: {_TOLD})
sys.argv = ["imagine", "a red star", "--model", "drawn", "--iterations", "1", "-o"]
sys.argv += [{str(tmp_path / "star.png")!r}, "--quiet"]
main()
"""
    )
    assert json.loads(told[-1]) == [True, True]
    assert (tmp_path / "star.png").exists()
