"""The doctor's checks of the models' files, the device and its memory.

Loads torch, which the running bot never does.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path

from bot.host.doctor_report import Report
from bot.host.settings import PaintingSettings
from engine.errors import EngineError
from engine.models.catalogue import Catalogue, ModelEntry, load_catalogue, models_folder

# Memory needed at the usual sizes: by a small model, and by a published one (4.5 GB on a CPU).
SMALL_MEMORY, LARGE_MEMORY = 1_000_000_000, 5_000_000_000
_LARGE_FILES = 100_000_000


def check_models(all_: Report) -> None:
    """Check the files and hashes of the default model and of the other installed models."""
    painting = all_.section(PaintingSettings)
    catalogue, folder = load_catalogue(), models_folder()
    chosen = None
    if painting is not None:
        chosen = painting.model
        entry = catalogue.model(chosen)
        gone = [source.file for source in entry.sources if not source.location(folder).is_file()]
        if gone:
            all_.line(
                "WRONG",
                "models",
                f"{chosen} is missing {', '.join(gone)}; run "
                f"imagine-models get {entry.name}, or choose another IMAGINE_MODEL",
            )
        elif _hashes(all_, entry, folder):
            all_.line("ok", "models", f"{chosen} is installed and intact")
    for entry in _others(catalogue, chosen):
        here = [source.location(folder).is_file() for source in entry.sources]
        if all(here):
            if _hashes(all_, entry, folder):
                all_.line("ok", "models", f"{entry.name} is installed and intact")
        elif any(
            source.location(folder).is_file()
            for source in entry.sources
            if source.file.startswith(entry.generator.name)
        ):
            all_.line(
                "note",
                "models",
                f"{entry.name} is only partly installed; run "
                f"imagine-models get {entry.name} to download the rest",
            )


def _others(catalogue: Catalogue, chosen: str | None) -> Iterator[ModelEntry]:
    return (entry for name, entry in catalogue.models.items() if name != chosen)


def _hashes(all_: Report, entry: ModelEntry, folder: Path) -> bool:
    from engine.models.download import verify

    for source in entry.sources:
        try:
            verify(source, folder)
        except EngineError as error:
            all_.line("WRONG", "models", str(error))
            return False
    return True


def check_device(all_: Report) -> None:
    """Check that the device exists, has enough memory, and can load the model."""
    painting = all_.section(PaintingSettings)
    if painting is None:
        return
    torch = importlib.import_module("torch")
    from engine.models.loading import choose_device, load_models

    device = choose_device(painting.device)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        name = f"{device}, {torch.cuda.get_device_name(device)}"
    else:
        free = _free_memory()
        threads = painting.threads or torch.get_num_threads()
        name = f"{device}, {threads} {'thread' if threads == 1 else 'threads'}"
    entry, folder = load_catalogue().model(painting.model), models_folder()
    files = [source.location(folder) for source in entry.sources]
    if not all(file.is_file() for file in files):
        return  # reported with the models
    needed = (
        LARGE_MEMORY if sum(file.stat().st_size for file in files) > _LARGE_FILES else SMALL_MEMORY
    )
    if free is not None and free < needed:
        all_.line(
            "note",
            "device",
            f"{name}: {free / 1e9:.1f} GB of memory are free, but painting "
            f"with {painting.model} may need {needed / 1e9:.0f} GB; close other programs, or "
            "choose another IMAGINE_MODEL or IMAGINE_DEVICE",
        )
    else:
        all_.line(
            "ok", "device", name + ("" if free is None else f", {free / 1e9:.1f} GB of memory free")
        )
    load_models(painting.model, device=str(device))
    all_.line("ok", "device", f"{painting.model} can be loaded on it")


def _free_memory() -> int | None:
    """Return the bytes of memory that are available, from Linux's /proc; None elsewhere."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None
