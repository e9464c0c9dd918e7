"""Parts of PyTorch that painting does not need are imported only by those that do."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

WORKER = """
    import sys
    import engine.worker.main
    import torch
    from engine.models import load_models
    from engine.models.state_dict import Uninitialised
    from engine.painting.pipeline import prepare
    from engine.request.request import ImageRequest

    def loaded():
        return [name for name in ("_meta_registrations", "export", "_dynamo")
                if f"torch.{name}" in sys.modules]

    models = load_models("natural", device="cpu")
    prepare(ImageRequest(prompt="a fox", width=32, height=32, cutouts=1, seed=1), models).step()
    print("painting", loaded())
    with torch.device("meta"), Uninitialised():
        print("meta", tuple(torch.cdist(torch.empty(2, 3), torch.empty(4, 3)).shape), loaded())
    print("export", torch.export.export.__module__, loaded())
    from torch._subclasses import FakeTensorMode
    with FakeTensorMode():
        print("fake", tuple(torch.ones(2, 3).svd().S.shape))
"""


def run(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_worker_paints_without_them_and_code_that_asks_gets_them() -> None:
    assert run(WORKER) == [
        "painting []",
        "meta (2, 4) ['_meta_registrations', 'export']",
        "export torch.export ['_meta_registrations', 'export']",
        "fake (2,)",
    ]


def test_pytorchs_optimisers_can_be_the_first_to_need_them() -> None:
    assert run("""
        from engine.lean_torch import torch
        from engine.painting.optimisers import make_optimiser
        z = torch.nn.Parameter(torch.ones(3))
        z.grad = torch.ones(3)
        make_optimiser("radam", z, 0.1, (0.9, 0.999)).step()
        print(round(z[0].item(), 3))
    """) == ["0.9"]


def test_torch_stays_as_it_is_if_it_was_imported_before() -> None:
    assert run("""
        import torch
        before = torch.export
        from engine.lean_torch import torch as same
        print(same is torch, torch.export is before, before.export.__module__)
    """) == ["True True torch.export"]
