"""A model of the catalogue, loaded onto a device: the one way to a generator and a perceptor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    """A generator and a perceptor on one device, evaluating and frozen.

    ``precision`` is what the generator decodes in, "float32" or "bf16"; all else is in float32.

    ``defaults`` are the settings of a request that suit them, by name (``width`` and
    ``height`` in pixels, and any other of the recipe); ``note`` says what they know.
    """

    name: str
    generator: Generator
    perceptor: Perceptor
    defaults: Mapping[str, object]
    device: torch.device
    note: str = ""
    precision: str = "float32"


def load_models(name: str = DEFAULT_MODEL, *, device: str = "auto", precision: str = "auto",
                folder: Path | None = None, catalogue: Catalogue | None = None) -> Models:
    """Load the model called ``name``, as ``imagine-models list`` has it, onto ``device``.

    ``device`` is "auto", "cpu", "cuda", "cuda:1" or "mps"; ``precision`` is "float32", "bf16" or
    "auto" (see :func:`choose_precision`); ``folder`` is where downloads lie,
    without it :func:`models_folder`. Raises UnknownModelError, MissingModelError,
    CheckpointError, and ModelError for a device that is not there or too small.
    """
    where = choose_device(device)
    computed_in = choose_precision(precision, where)
    entry = (load_catalogue() if catalogue is None else catalogue).model(name)
    generator, perceptor = _read(entry, models_folder(folder))
    if computed_in == "bf16":
        generator.decode_in_bf16()
    try:
        return Models(entry.name, generator.to(where), perceptor.to(where), entry.defaults,
                      where, entry.note, computed_in)
    except (MemoryError, RuntimeError) as error:
        if not is_memory_error(error):
            raise
        raise ModelError("The model {model} does not fit into the free memory of {where}; end what "
                         "else uses it, or choose the device cpu.", model=entry.name,
                         where=where) from None


def choose_device(name: str) -> torch.device:
    """The device called ``name``; raises ModelError if this machine has none such.

    "auto" is CUDA where there is one, else the CPU. Apple's "mps" must be asked for: it lacks
    kernels that the cutouts' gradients need, and PyTorch then falls back or fails.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda", "mps"):
        raise ModelError("There is no device called {name}; choose auto, cpu, cuda, cuda:0 or mps.",
                         name=repr(name))
    count = {"cpu": 1, "cuda": torch.cuda.device_count(),
             "mps": int(torch.backends.mps.is_available())}[device.type]
    if (device.index or 0) >= count:
        have = (Translatable("none") if count == 0 else
                Translatable("{count}, counted from 0", count=count))
        raise ModelError("This machine has no device {name} (PyTorch finds {have}); choose "
                         "another, or auto.", name=name, have=have)
    return device


def _read(entry: ModelEntry, folder: Path) -> tuple[Generator, Perceptor]:
    """Both networks on the CPU; every file is looked for before any is read."""
    for source in entry.sources:
        path = source.where(folder)
        if path.is_file():
            continue
        if source.url is None:
            raise MissingModelError("The file {path} of the model {model} is gone; put it back, or "
                                    "choose another model.", path=path, model=entry.name)
        raise MissingModelError("The model {model} is not on this machine yet; fetch it with "
                                "`imagine-models get {model}`.", model=entry.name)
    for source in entry.sources:
        if source.url is not None:
            verify(source, folder)
    return _build(entry.generator, folder), _build(entry.perceptor, folder)


def _build(part: Part, folder: Path) -> Any:
    """The network of a catalogue entry; its errors name the file, or the entry."""
    files = {role: source.where(folder) for role, source in part.files.items()}
    try:
        return part.kind.build(files, part.settings)
    except CheckpointError as error:
        # What is built from tensors cannot name the file; what reads files already has.
        named = files.get("checkpoint")
        if named is None or any(str(path) in str(error) for path in files.values()):
            raise
        raise CheckpointError("{path}: {what}", path=named, what=error.message) from None
    except ModelError as error:  # a setting, which knows nothing of its entry
        raise ModelError("The catalogue's entry {entry}: {what}", entry=part.name,
                         what=error.message) from None
