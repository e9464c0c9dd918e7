"""Recognises which kind of perceptor a file or a folder has, and which files belong to it.

By what the files say: a config's type, the names of the tensors. What that leaves open is asked
for, never guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.perceptors.config_files import read_json
from engine.models.perceptors.open_clip_config import is_in_openai_format, read_open_clip_config
from engine.models.perceptors.openai_clip import is_openai_s_own
from engine.models.perceptors.siglip.config import is_siglip
from engine.models.recognition import Recognised, only_weights
from engine.models.split_weights import whole_of

OPEN_CLIP_CONFIG = "open_clip_config.json"  # as Hugging Face's hub has it next to the weights
CONFIG = "config.json"
_PREPROCESSOR = "preprocessor_config.json"
_TOKENIZERS = ("tokenizer.json", "spiece.model", "tokenizer.model")
_TOKENIZER_CONFIG = "tokenizer_config.json"
# The weights next to each config; some folders have both.
_PUBLISHED = {
    OPEN_CLIP_CONFIG: (
        "open_clip_model.safetensors",
        "open_clip_model.safetensors.index.json",
        "open_clip_pytorch_model.bin",
        "open_clip_pytorch_model.bin.index.json",
    ),
    CONFIG: (
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    ),
}
_KINDS = {"clip": "transformers-clip", "siglip": "siglip", "siglip2": "siglip"}
_OPENAI = "openai-clip"


def recognise_perceptor(
    path: Path, config: Path | None = None, settings: Mapping[str, Any] | None = None
) -> Recognised:
    """The perceptor in a file or folder ``path``, with its ``config`` if that is elsewhere.

    ``settings`` are what the user says about it. Raises CheckpointError, which says what is missing
    or unknown.
    """
    if path.name in _PUBLISHED and config is None:
        return _with_config(_weights(path.parent, path.name), path)
    if path.is_dir():
        if config is not None:
            return _with_config(_weights(path, config.name), config)
        there = [name for name in _PUBLISHED if (path / name).is_file()]
        whole = [
            name for name in there if any((path / file).is_file() for file in _PUBLISHED[name])
        ]
        for name in whole or there:
            return _with_config(_weights(path, name), path / name)
        path = only_weights(path)
    path = whole_of(path)
    if config is not None:
        return _with_config(path, config)
    return _by_names(path, settings or {})


def _weights(folder: Path, config: str) -> Path:
    published = [folder / name for name in _PUBLISHED.get(config, ())]
    return next((file for file in published if file.is_file()), None) or only_weights(folder)


def _by_names(path: Path, settings: Mapping[str, Any]) -> Recognised:
    """The perceptor in a checkpoint, with the config next to it if it needs one."""
    names = read_tensors(path).keys()
    if _has(names, "vision_model.") or _has(names, "text_model."):
        return _with_config(path, _beside(path, CONFIG))
    ours = not (_has(names, "visual.trunk.") or _has(names, "text."))
    if ours and (is_openai_s_own(names) or settings.keys() - {"normalisation"}):
        return Recognised(_OPENAI, {"checkpoint": path})
    if ours and not path.with_name(OPEN_CLIP_CONFIG).is_file():
        return Recognised(_OPENAI, {"checkpoint": path})  # which says what to add
    return _with_config(path, _beside(path, OPEN_CLIP_CONFIG))


def _has(names: Collection[str], part: str) -> bool:
    return any(name.startswith(part) or f".{part}" in name for name in names)


def _beside(path: Path, name: str) -> Path:
    there = path.with_name(name)
    if not there.is_file():
        raise CheckpointError(
            "{path} needs its {name}; put it in the same folder, or name it with "
            "--perceptor-config.",
            path=path,
            name=name,
        )
    return there


def _with_config(path: Path, config: Path) -> Recognised:
    files = {"checkpoint": path, "config": config}
    said = read_json(config)
    if "model_type" in said:
        kind = _KINDS.get(str(said["model_type"]))
        if kind is None:
            raise CheckpointError(
                "{path} is the config of {kind}; of Hugging Face's transformers, perceptors of "
                "the types {names} can be used.",
                path=config,
                kind=repr(said["model_type"]),
                names=", ".join(_KINDS),
            )
        if path.with_name(_PREPROCESSOR).is_file():
            files["preprocessor"] = path.with_name(_PREPROCESSOR)
    else:
        open_clip = read_open_clip_config(config)
        if is_siglip(open_clip):
            kind = "siglip"
        else:
            kind = _OPENAI if is_in_openai_format(open_clip) else "open-clip"
    if kind in {"siglip", "open-clip"}:
        files |= _tokenizer(path, required=kind == "siglip")
    return Recognised(kind, files)


def _tokenizer(path: Path, *, required: bool) -> dict[str, Path]:
    tokenizer = next((f for name in _TOKENIZERS if (f := path.with_name(name)).is_file()), None)
    config = path.with_name(_TOKENIZER_CONFIG)
    if tokenizer is not None and config.is_file():
        return {"tokenizer": tokenizer, "tokenizer_config": config}
    if required:
        raise CheckpointError(
            "{path} needs its tokenizer: put {names} (either) and {config} in the same folder.",
            path=path,
            names=", ".join(_TOKENIZERS[:2]),
            config=_TOKENIZER_CONFIG,
        )
    return {}
