"""The devices of this machine that a setting names: one, several with commas, or all of them.

Nothing here loads torch into this process.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence

from engine.errors import EngineError

_COUNT_SECONDS = 180.0  # PyTorch is imported, perhaps from a cold disk
_COUNT = "import torch; print(torch.cuda.device_count())"


def read_devices(text: str) -> tuple[str, ...]:
    """The names in ``text``, such as "auto", "all" or "cuda:0, cuda:1"; a name is a worker.

    Several must be of one kind, because a picture's pixels depend on it, and any may paint it.
    The CPU can be named more than once, a GPU cannot. Raises ValueError with a sentence.
    """
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if not re.fullmatch(r"auto|all|cpu|mps|cuda(:\d{1,3})?", name):
            raise ValueError(
                f"there is no device called {name!r}; write auto, all, cpu, cuda, cuda:1 or mps, "
                "or several with commas between them, such as cuda:0,cuda:1."
            )
    if len(names) == 1:
        return names
    numbered = tuple("cuda:0" if name == "cuda" else name for name in names)
    kinds = {name.partition(":")[0] for name in numbered}
    for alone in ("auto", "all", "mps"):
        if alone in kinds:
            raise ValueError(f"{alone} can't be combined with another device; write it alone.")
    if len(kinds) > 1:
        raise ValueError(
            "CPU and GPU can't be combined, because the same seed gives different pictures on the "
            "two; name devices of one kind."
        )
    for name in numbered:
        if name != "cpu" and numbered.count(name) > 1:
            raise ValueError(f"{name} is named twice; a GPU can have one worker.")
    return numbered


async def find_devices(text: str) -> tuple[str, ...]:
    """As :func:`read_devices`, with "all" replaced by every GPU, or by the CPU without a GPU.

    Raises EngineError if ``text`` is wrong, or names several GPUs that PyTorch does not all find.
    A single one is not looked for here: its worker does that, and costs no second process.
    """
    try:
        names = read_devices(text)
    except ValueError as error:
        raise EngineError("The device can't be {text}: {error}", text=text, error=error) from None
    many = names == ("all",) or (len(names) > 1 and names[0] != "cpu")
    return present(names, await _count_gpus()) if many else names


def present(names: Sequence[str], gpus: int) -> tuple[str, ...]:
    """``names`` on a machine with ``gpus`` GPUs of CUDA; raises EngineError if one is missing.

    A single name is not looked for, except "all".
    """
    if tuple(names) == ("all",):
        return tuple(f"cuda:{number}" for number in range(gpus)) or ("cpu",)
    for name in names if len(names) > 1 else ():
        kind, _, number = name.partition(":")
        if kind == "cuda" and int(number or 0) >= gpus:
            raise EngineError(
                "This machine has no device {name}: PyTorch finds {gpus}, counted from 0. Change "
                "the list of devices.",
                name=name,
                gpus=gpus,
            )
    return tuple(names)


async def _count_gpus() -> int:
    """Ask PyTorch in a process of its own, since this one never loads it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _COUNT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_COUNT_SECONDS):
            said, wrong = await process.communicate()
        return int(said)
    except (TimeoutError, ValueError) as error:
        why = "no answer" if isinstance(error, TimeoutError) else wrong.decode(errors="replace")
        raise EngineError(
            "PyTorch can't count this machine's GPUs: {why}", why=why.strip()[-500:]
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
