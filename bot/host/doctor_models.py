"""The doctor's checks of the models' files, the device and its memory.

Loads torch, which the running bot never does.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from bot.host.doctor_report import Report
from bot.host.settings import PaintingSettings
from engine.errors import EngineError, OutOfMemoryError
from engine.jobs.cluster.connection import Cluster
from engine.jobs.cluster.settings import LOCAL, STARTED_HERE
from engine.jobs.devices import present, read_devices
from engine.models.catalogue import Catalogue, ModelEntry, load_catalogue, models_folder


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


def check_devices(all_: Report) -> None:
    """Check that each device exists, can load the model, and has enough memory for a picture."""
    painting = all_.section(PaintingSettings)
    if painting is None:
        return
    if painting.engine != LOCAL:
        Cluster.check()
        where = "started by the bot" if painting.engine == STARTED_HERE else painting.engine
        all_.line("ok", "device", f"a Ray cluster paints, {where}; only the bot connects to it")
        return
    torch = importlib.import_module("torch")
    names = present(read_devices(painting.device), torch.cuda.device_count())
    if len(names) > 1:
        all_.line("ok", "device", f"{len(names)} workers, on {', '.join(names)}")
    for name in dict.fromkeys(names):
        with all_.checking("device"):
            _check_device(all_, painting, name, len(names))


def _check_device(all_: Report, painting: PaintingSettings, where: str, workers: int) -> None:
    torch = importlib.import_module("torch")
    from engine.models.free_memory import free_bytes
    from engine.models.loading import choose_device, load_models
    from engine.painting.memory_plan import plan_memory
    from engine.painting.pipeline import recipe_of
    from engine.request.request import ImageRequest

    device = choose_device(where)
    free = free_bytes(device)
    if device.type == "cuda":
        name = f"{device}, {torch.cuda.get_device_name(device)}"
    else:
        threads = max(1, (painting.threads or torch.get_num_threads()) // workers)
        name = f"{device}, {threads} {'thread' if threads == 1 else 'threads'}"
        if workers > 1:
            name += " for each worker"
    entry, folder = load_catalogue().model(painting.model), models_folder()
    if not all(source.location(folder).is_file() for source in entry.sources):
        return  # reported with the models
    models = load_models(painting.model, device=str(device), precision=painting.precision)
    try:
        recipe = recipe_of(ImageRequest(prompt="a picture"), models)
        plan_memory(models.generator, models.perceptor, recipe, free)
    except OutOfMemoryError as error:
        all_.line(
            "note",
            "device",
            f"{name}: {error} Close other programs, or choose another IMAGINE_MODEL or "
            "IMAGINE_DEVICE",
        )
    else:
        all_.line(
            "ok", "device", name + ("" if free is None else f", {free / 1e9:.1f} GB of memory free")
        )
    all_.line("ok", "device", f"{painting.model} can be loaded on it")
