"""Loads a model of the catalogue, which is a generator and a perceptor, onto a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from engine.errors import CheckpointError, MissingModelError, ModelError
from engine.models.catalogue import Catalogue, ModelEntry, Part, load_catalogue, models_folder
from engine.models.download import verify
from engine.models.generators.base import Generator
from engine.models.memory import is_memory_error
from engine.models.perceptors.base import Perceptor
from engine.models.precision import choose_precision
from engine.request.defaults import DEFAULT_MODEL
from engine.translatable import Translatable


@dataclass(frozen=True, eq=False)
class Models:
    """A generator and a perceptor on one device, frozen and in evaluation mode.

    ``precision``, "float32" or "bf16", is the one in which the generator decodes and the perceptor
    sees pictures; everything else is in float32. ``defaults`` are suitable settings of a request
    by name (``width`` and ``height`` in pixels, and other fields of the recipe); ``note`` describes
    what they can paint.
    """

    name: str
    generator: Generator
    perceptor: Perceptor
    defaults: Mapping[str, object]
    device: torch.device
    note: str = ""
    precision: str = "float32"


def load_models(
    name: str = DEFAULT_MODEL,
    *,
    device: str = "auto",
    precision: str = "auto",
    folder: Path | None = None,
    catalogue: Catalogue | None = None,
) -> Models:
    """Load the model called ``name``, as in ``imagine-models list``, onto ``device``.

    ``device`` is "auto", "cpu", "cuda", "cuda:1" or "mps"; ``precision`` is "float32", "bf16" or
    "auto" (see :func:`choose_precision`); ``folder`` is the folder of downloads, by default
    :func:`models_folder`. Raises UnknownModelError, MissingModelError, CheckpointError, and
    ModelError for a device that does not exist or has too little memory.
    """
    where = choose_device(device)
    computed_in = choose_precision(precision, where)
    entry = (load_catalogue() if catalogue is None else catalogue).model(name)
    generator, perceptor = _read(entry, models_folder(folder))
    if computed_in == "bf16":
        generator.decode_in_bf16()
        generator.original = partial(_build, entry.generator, models_folder(folder))
        perceptor.encode_in_bf16()
        perceptor.original = partial(_build, entry.perceptor, models_folder(folder))
    try:
        return Models(
            entry.name,
            generator.to(where),
            perceptor.to(where),
            entry.defaults,
            where,
            entry.note,
            computed_in,
        )
    except (MemoryError, RuntimeError) as error:
        if not is_memory_error(error):
            raise
        raise ModelError(
            "The model {model} doesn't fit into the free memory of {where}; end other "
            "programs that use it, or choose the device cpu.",
            model=entry.name,
            where=where,
        ) from None


def choose_device(name: str) -> torch.device:
    """The device called ``name``; raises ModelError if this machine does not have it.

    "auto" is CUDA if available, else the CPU. Apple's "mps" must be chosen explicitly: it lacks
    kernels that the cutouts' gradients need, and PyTorch then falls back to the CPU or fails.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda", "mps"):
        raise ModelError(
            "There is no device called {name}; choose auto, cpu, cuda, cuda:0 or mps.",
            name=repr(name),
        )
    count = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }[device.type]
    if (device.index or 0) >= count:
        have = (
            Translatable("none")
            if count == 0
            else Translatable("{count}, counted from 0", count=count)
        )
        raise ModelError(
            "This machine has no device {name} (PyTorch finds {have}); choose another, or auto.",
            name=name,
            have=have,
        )
    return device


def _read(entry: ModelEntry, folder: Path) -> tuple[Generator, Perceptor]:
    """Both networks, on the CPU. That no file is missing is checked before any is read."""
    for source in entry.sources:
        path = source.location(folder)
        if path.is_file():
            continue
        if source.url is None:
            raise MissingModelError(
                "The file {path} of the model {model} is missing; put it back, "
                "or choose another model.",
                path=path,
                model=entry.name,
            )
        raise MissingModelError(
            "{model} isn't installed on this machine; download it with "
            "`imagine-models get {model}`.",
            model=entry.name,
        )
    for source in entry.sources:
        if source.url is not None:
            verify(source, folder)
    return _build(entry.generator, folder), _build(entry.perceptor, folder)


def _build(part: Part, folder: Path) -> Any:
    """The network of a catalogue entry; errors name the file or the entry."""
    files = {role: source.location(folder) for role, source in part.files.items()}
    try:
        return part.kind.build(files, part.settings)
    except CheckpointError:
        raise  # it names the file
    except ModelError as error:  # about a setting; the kind does not know the entry's name
        raise ModelError(
            "The catalogue's entry {entry}: {what}", entry=part.name, what=error.message
        ) from None
