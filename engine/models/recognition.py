"""Recognises which kind of generator a file or a folder has, and which files belong to it.

By what the files say: a config's class, the names of the tensors. What that leaves open is asked
for, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.split_weights import whole_of, without_parts

CONFIG = "config.json"
_PIPELINE = "model_index.json"
_PARTS = ("vae", "vqvae", "vqgan", "movq", "autoencoder")  # of diffusers' pipelines
_DIFFUSERS_WEIGHTS = (
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model.bin",
    "diffusion_pytorch_model.bin.index.json",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors.index.fp16.json",
    "diffusion_pytorch_model.fp16.bin",
    "diffusion_pytorch_model.bin.index.fp16.json",
)
WEIGHTS = (".ckpt", ".pt", ".pth", ".safetensors", ".bin")
_YAML = (".yaml", ".yml")
_TINY = re.compile(r"^\d+\.(?:conv\.\d+\.)?weight$")
_DIFFUSERS = re.compile(r"^(?:encoder|decoder)\.(?:down_blocks|up_blocks|mid_block|layers)\.")


@dataclass(frozen=True)
class Recognised:
    """The ``kind`` of a generator or perceptor, as in a catalogue, and its ``files`` by role."""

    kind: str
    files: Mapping[str, Path]


def recognise(path: Path, config: Path | None = None) -> Recognised:
    """The generator in a file or folder ``path``, with its ``config`` if that is elsewhere.

    Raises CheckpointError, which says what is missing or unknown.
    """
    if path.is_dir():
        return _in_folder(path, config)
    if path.name == CONFIG and config is None:
        return _in_folder(path.parent, None)
    path = whole_of(path)
    if config is not None:
        return _with_config(path, config)
    names = read_tensors(path).keys()  # refuses what is no checkpoint
    if _is_tiny(names):
        return _tiny(path)
    if any(_DIFFUSERS.match(name) for name in names):
        beside = path.with_name(CONFIG)
        if not beside.is_file():
            raise CheckpointError(
                "{path} is an autoencoder of diffusers, which needs its config.json; put it in the "
                "same folder, or name it with --config.",
                path=path,
            )
        return _with_config(path, beside)
    return Recognised("taming-vq", {"config": _yaml_for(path), "checkpoint": path})


def _with_config(path: Path, config: Path) -> Recognised:
    kind = "diffusers" if config.suffix.lower() == ".json" else "taming-vq"
    return Recognised(kind, {"config": config, "checkpoint": path})


def _in_folder(folder: Path, config: Path | None) -> Recognised:
    own = folder / CONFIG if config is None else config
    if own.suffix.lower() == ".json" and own.is_file():
        for name in _DIFFUSERS_WEIGHTS:
            if (folder / name).is_file():
                return _with_config(folder / name, own)
        return _with_config(only_weights(folder), own)
    if (folder / _PIPELINE).is_file():
        parts = [folder / name for name in _PARTS if (folder / name / CONFIG).is_file()]
        if len(parts) != 1:
            raise CheckpointError(
                "{path} is a pipeline of diffusers with {count} autoencoders in the folders "
                "{names}; name the folder of the autoencoder.",
                path=folder,
                count=len(parts),
                names=", ".join(_PARTS),
            )
        return _in_folder(parts[0], None)
    decoders = [file for file in _files(folder, WEIGHTS) if "decoder" in file.name]
    if len(decoders) == 1 and config is None and _is_tiny(read_tensors(decoders[0]).keys()):
        return _tiny(decoders[0])
    return recognise(only_weights(folder), config)


def _is_tiny(names: Collection[str]) -> bool:
    return any(_TINY.match(name) for name in names) and all(name[0].isdigit() for name in names)


def _tiny(path: Path) -> Recognised:
    """TAESD's two files, of which ``path`` is one."""
    pair = {
        part: path.with_name(re.sub("encoder|decoder", part, path.name))
        for part in ("encoder", "decoder")
    }
    if pair["encoder"] == pair["decoder"]:
        raise CheckpointError(
            "{path} is a part of TAESD, but which one isn't in its name; keep the published names, "
            "such as taesd_decoder.safetensors and taesd_encoder.safetensors.",
            path=path,
        )
    for part, file in pair.items():
        if not file.is_file():
            raise CheckpointError(
                "{path} is a part of TAESD, which also needs its {part}; put {name} in the same "
                "folder.",
                path=path,
                part=part,
                name=file.name,
            )
    return Recognised("taesd", {"checkpoint": pair["decoder"], "encoder": pair["encoder"]})


def _yaml_for(path: Path) -> Path:
    """The yaml next to a VQGAN: the one of its name, or the only one."""
    for ending in _YAML:
        if path.with_suffix(ending).is_file():
            return path.with_suffix(ending)
    found = _files(path.parent, _YAML)
    if len(found) != 1:
        raise CheckpointError(
            "{path} needs its yaml file; its folder has {count}, so name it with --config.",
            path=path,
            count=len(found),
        )
    return found[0]


def _files(folder: Path, endings: Iterable[str]) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in endings)


def only_weights(folder: Path) -> Path:
    """The only checkpoint in ``folder``, or the index of its parts; raises CheckpointError."""
    found = without_parts(_files(folder, WEIGHTS), folder)
    if len(found) == 1:
        return found[0]
    raise CheckpointError(
        "{path} has {count} files that could be the checkpoint; name the file.",
        path=folder,
        count=len(found),
    )
