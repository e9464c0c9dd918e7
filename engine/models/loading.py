"""Loads a model of the catalogue, which is a generator and a perceptor, onto a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from engine.models.perceptors.base import Member, Perceptor
from engine.models.precision import choose_precision
from engine.request.defaults import DEFAULT_MODEL
from engine.translatable import Translatable

LoadedPart = tuple[Part, Generator | Perceptor]
"""An entry of the catalogue and its network."""


@dataclass(frozen=True, eq=False)
class Models:
    """A generator and a perceptor on one device, frozen and in evaluation mode.

    Several perceptors are an Ensemble (engine.models.perceptors.ensemble). ``precision``, "float32"
    or "bf16", is the one in which the generator decodes and the perceptor sees pictures; everything
    else is in float32. ``defaults`` are suitable settings of a request by name (``width`` and
    ``height`` in pixels, and other fields of the recipe); ``note`` describes what they can paint.
    ``parts`` are its networks one by one, which another model can share.
    """

    name: str
    generator: Generator
    perceptor: Perceptor
    defaults: Mapping[str, object]
    device: torch.device
    note: str = ""
    precision: str = "float32"
    parts: tuple[LoadedPart, ...] = ()


def load_models(
    name: str = DEFAULT_MODEL,
    *,
    device: str = "auto",
    precision: str = "auto",
    folder: Path | None = None,
    catalogue: Catalogue | None = None,
    loaded: Sequence[LoadedPart] = (),
) -> Models:
    """Load the model called ``name``, as in ``imagine-models list``, onto ``device``.

    ``device`` is "auto", "cpu", "cuda", "cuda:1" or "mps"; ``precision`` is "float32", "bf16" or
    "auto" (see :func:`choose_precision`); ``folder`` is the folder of downloads, by default
    :func:`models_folder`. What is in ``loaded``, on the same device and in the same precision, is
    used instead of loading it again. Raises UnknownModelError, MissingModelError, CheckpointError,
    and ModelError for a device that does not exist or has too little memory.
    """
    where = choose_device(device)
    computed_in = choose_precision(precision, where)
    entry = (load_catalogue() if catalogue is None else catalogue).model(name)
    place = models_folder(folder)
    _check_files(entry, place, [part for part, _ in loaded])
    try:
        parts = [_part(part, place, where, computed_in, loaded) for part in entry.parts]
    except (MemoryError, RuntimeError) as error:
        if not is_memory_error(error):
            raise
        raise ModelError(
            "The model {model} doesn't fit into the free memory of {where}; end other "
            "programs that use it, or choose the device cpu.",
            model=entry.name,
            where=where,
        ) from None
    generator, *perceptors = parts
    return Models(
        entry.name,
        generator,
        _together(perceptors, entry),
        entry.defaults,
        where,
        entry.note,
        computed_in,
        tuple(zip(entry.parts, parts, strict=True)),
    )


def _part(
    part: Part, folder: Path, device: torch.device, precision: str, loaded: Sequence[LoadedPart]
) -> Any:
    """The network of a catalogue entry on ``device``, from ``loaded`` or from its files."""
    for same, network in loaded:
        if same == part:
            return network
    network = _build(part, folder)
    if precision == "bf16":
        if isinstance(network, Generator):
            network.decode_in_bf16()
        else:
            network.encode_in_bf16()
        network.original = partial(_build, part, folder)
    return network.to(device)


def _together(perceptors: Sequence[Perceptor], entry: ModelEntry) -> Perceptor:
    weights = [guide.weight for guide in entry.guides]
    if len(perceptors) == 1 and weights == [1.0]:
        return perceptors[0]
    from engine.models.perceptors.ensemble import Ensemble  # here: most models have one perceptor

    return Ensemble([Member(*each) for each in zip(perceptors, weights, strict=True)])


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


def _check_files(entry: ModelEntry, folder: Path, loaded: Sequence[Part]) -> None:
    """Raise an EngineError if a file is missing or not intact, except those of ``loaded``."""
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
    for part in entry.parts:
        for source in () if part in loaded else part.files.values():
            if source.url is not None:
                verify(source, folder)


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
