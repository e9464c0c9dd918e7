"""Words for a picture, for `imagine --describe`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.cli.progress import make_watcher
from engine.cli.streams import say, say_json
from engine.errors import EngineError, RequestError
from engine.pictures.given import take_readable
from engine.request.flag_values import with_flags
from engine.request.request import make_request

_TAKES = ("model", "perceptor")


def describe_picture(
    path: Path,
    flags: Mapping[str, str],
    others: Iterable[str],
    *,
    device: str,
    precision: str,
    as_json: bool,
    quiet: bool,
) -> int:
    """Print prompts for the picture at ``path``, the nearest first, and the nearest things.

    Of the ``flags`` only the model counts; ``others`` are names of what else was given, which is
    refused. Raises EngineError; returns the command's exit code.
    """
    surplus = [name for name in (*flags, *others) if name not in _TAKES]
    if surplus:
        what = "the prompt" if surplus[0] == "prompt" else f"--{surplus[0]}"
        raise RequestError(f"--describe paints nothing; leave {what} out.")
    pictures: dict[str, bytes] = {}
    sha256 = take_readable(path, pictures)
    networks = make_request("", **with_flags({"like": [{"picture": sha256}]}, flags)).networks
    with make_watcher(quiet=quiet) as watcher:
        watcher.waiting(f"Loading the model {networks}")
        from engine.models import load_models
        from engine.painting.describing import describe
        from engine.pictures.reading import read_picture
        from engine.worker.small_pictures import small_tensor

        perceptor = load_models(networks, device=device, precision=precision).perceptor
        watcher.waiting("Looking for words")
        found = describe(perceptor, small_tensor(read_picture(pictures[sha256])))
    if not found.prompts:
        raise EngineError(f"The model {networks} has no words for pictures; choose another one.")
    _tell(path, networks, found.prompts, found.words, as_json=as_json)
    return 0


def _tell(
    path: Path, model: str, prompts: tuple[str, ...], words: tuple[str, ...], *, as_json: bool
) -> None:
    if as_json:
        report: dict[str, Any] = {"path": str(path), "model": model}
        say_json(report | {"prompts": list(prompts), "words": list(words)})
        return
    for prompt in prompts:
        say(f"Prompt: {prompt}")
    say(f"Words: {', '.join(words)}")
