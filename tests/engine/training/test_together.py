"""Two real processes that train one set of weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch import nn

from engine.training.together import all_agree, mean_buffers, mean_gradients, train_together


def _part(folder: Path, rank: int) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
    model[1](torch.tensor([[0.0, 1.0], [2.0, 5.0]]) * (rank + 1))
    if rank == 1:  # the other has no gradient for it, which counts as zero
        model[2].weight.grad = torch.full((1, 2), 4.0)
    model[0].bias.grad = torch.tensor([1.0, 2.0]) * (rank + 1)
    mean_gradients(model)
    mean_buffers(model)
    torch.save({"gradients": [each.grad for each in model.parameters()],
                "mean": model[1].running_mean, "batches": model[1].num_batches_tracked,
                "agreed": all_agree(rank == 0)}, folder / f"{rank}.pt")


def test_two_processes_share_gradients_running_figures_and_when_to_stop(tmp_path: Path) -> None:
    train_together(2, partial(_part, tmp_path))
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert [each.tolist() for each in first["gradients"]] == (
        [each.tolist() for each in second["gradients"]])
    assert first["gradients"][1].tolist() == [1.5, 3.0]
    assert first["gradients"][4].tolist() == [[2.0, 2.0]]
    torch.testing.assert_close(first["mean"], second["mean"])
    torch.testing.assert_close(first["mean"], torch.tensor([0.15, 0.45]))
    assert int(first["batches"]) == 1
    assert first["agreed"] is second["agreed"] is True


def test_alone_nothing_is_shared() -> None:
    model = nn.Linear(2, 1)
    mean_gradients(model)
    assert model.weight.grad is None
    assert all_agree(True)
    assert not all_agree(False)
    seen: list[int] = []
    train_together(1, seen.append)
    assert seen == [0]
