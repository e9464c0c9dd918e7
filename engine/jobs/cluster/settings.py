"""What the host says about the cluster: where it is, and what a worker gets of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

LOCAL, STARTED_HERE = "local", "ray"


@dataclass(frozen=True)
class ClusterSettings:
    """A cluster and the workers that are asked of it.

    ``address`` is ray://HOST:PORT, or "ray" for the cluster that this process is connected to, that
    RAY_ADDRESS names, or else one that is started here. ``device`` is what workers paint on: cpu,
    cuda, or auto, which is cpu only if the cluster has CPUs but no GPU when the bot connects. There
    are ``least`` workers even if there is nothing to paint, and never more than ``most``; None: as
    many as the cluster has room for. On a GPU each gets ``gpus`` of them, which can be a fraction,
    and anywhere ``cpus`` CPUs. One without a job for ``idle_seconds`` is released.
    """

    address: str = STARTED_HERE
    device: str = "auto"
    least: int = 0
    most: int | None = None
    gpus: float = 1.0
    cpus: float = 1.0
    idle_seconds: float = 300.0


def read_engine(text: str) -> str:
    """``text``, if it says where pictures are painted; raises ValueError with a sentence."""
    if text in (LOCAL, STARTED_HERE) or re.fullmatch(r"ray://[^\s/:]+:\d{1,5}", text):
        return text
    raise ValueError(
        "write local for this machine, ray://HOST:10001 for a Ray cluster, or ray for one that is "
        "started here."
    )


def read_workers(text: str) -> tuple[int, int | None]:
    """The least and the most workers that ``text`` asks for: "auto", "4" or "1-8".

    Raises ValueError with a sentence.
    """
    if text == "auto":
        return 0, None
    found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", text)
    if found is not None:
        least = int(found[1])
        most = least if found[2] is None else int(found[2])
        if 0 < most >= least:
            return least, most
    raise ValueError("write auto, a number such as 4, or the least and the most, such as 0-8.")
