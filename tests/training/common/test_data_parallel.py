"""Two real processes that train one set of weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.processes import is_running
from training.common.data_parallel import average_gradients, broadcast_first, train_in_processes


def _part(folder: Path, rank: int) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2), nn.Linear(2, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
    if rank == 1:  # the other has no gradient for it, which counts as zero
        model[2].weight.grad = torch.full((1, 2), 4.0)
    model[0].bias.grad = torch.tensor([1.0, 2.0]) * (rank + 1)
    average_gradients(model)
    torch.save(
        {
            "gradients": [each.grad for each in model.parameters()],
            "agreed": broadcast_first(rank == 0),
        },
        folder / f"{rank}.pt",
    )


def test_two_processes_share_gradients_and_when_to_stop(tmp_path: Path) -> None:
    train_in_processes(2, partial(_part, tmp_path))
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert [each.tolist() for each in first["gradients"]] == (
        [each.tolist() for each in second["gradients"]]
    )
    assert first["gradients"][1].tolist() == [1.5, 3.0]
    assert first["gradients"][4].tolist() == [[2.0, 2.0]]
    assert first["agreed"] is second["agreed"] is True


def _wait(folder: Path, rank: int) -> None:
    (folder / f"{rank}.pid").write_text(str(os.getpid()))
    time.sleep(600)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell of a parent's end")
def test_processes_end_with_their_parent(tmp_path: Path) -> None:
    program = (
        "import signal, sys; from functools import partial; from pathlib import Path\n"
        "from training.common.data_parallel import train_in_processes\n"
        "from tests.training.common.test_data_parallel import _wait\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGINT, signal.SIG_IGN)  # like a background job\n"
        "    train_in_processes(2, partial(_wait, Path(sys.argv[1])))\n"
    )
    script = tmp_path / "program.py"
    script.write_text(program)
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, script, tmp_path], cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    )
    files = [tmp_path / f"{rank}.pid" for rank in range(2)]
    until = time.monotonic() + 60
    while not all(file.exists() and file.read_text() for file in files):
        assert time.monotonic() < until
        time.sleep(0.1)
    pids = [int(file.read_text()) for file in files]
    assert all(map(is_running, pids))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until = time.monotonic() + 30
    while any(map(is_running, pids)):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_single_process_shares_nothing() -> None:
    model = nn.Linear(2, 1)
    average_gradients(model)
    assert model.weight.grad is None
    assert broadcast_first(True)
    assert not broadcast_first(False)
    seen: list[int] = []
    train_in_processes(1, seen.append)
    assert seen == [0]
