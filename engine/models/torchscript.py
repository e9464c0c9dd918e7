"""Reads the tensors of a TorchScript archive, in which OpenAI publishes CLIP, without its code.

Such an archive is a zip: ``data.pkl`` is the tree of modules, ``data/0``, ``data/1``, ... are the
tensors' bytes, and ``code/`` is the program, which is ignored. The unpickler here creates only
tensors, ordered dicts and empty nodes for modules, and refuses everything else.
"""

from __future__ import annotations

import io
import math
import mmap
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.errors import CheckpointError

_DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
# What unpickling a damaged archive can raise, torch's own errors included.
_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    KeyError,
    ValueError,
    AttributeError,
    TypeError,
    IndexError,
    OverflowError,
    RuntimeError,
    OSError,
    NotImplementedError,
    struct.error,
    zipfile.BadZipFile,
)


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """The tensors [dotted name -> tensor, on the CPU] in the modules of the archive ``path``.

    They are mapped from the file into memory, so copy those you keep. Raises CheckpointError for
    an archive that is damaged or needs more than tensors.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            root = next(n for n in names if n.endswith("/constants.pkl")).rpartition("/")[0]
            if f"{root}/byteorder" in names and archive.read(f"{root}/byteorder") != b"little":
                raise CheckpointError(
                    "{path} was written on a big-endian machine; save it again "
                    "on a little-endian one.",
                    path=path,
                )
            # Copy on write, so that writing to a tensor does not change the file.
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            tree = _TreeReader(archive, root, path, content).load()
    except _BROKEN:
        raise CheckpointError(
            "{path} is damaged or incomplete; download it again.", path=path
        ) from None
    tensors = _flatten(tree)
    if not tensors:
        raise CheckpointError("{path} is a TorchScript archive without tensors.", path=path)
    return tensors


class _TreeReader(pickle.Unpickler):
    """Unpickles the module tree; it can call only what :meth:`find_class` returns."""

    def __init__(self, archive: zipfile.ZipFile, root: str, path: Path, content: mmap.mmap) -> None:
        super().__init__(io.BytesIO(archive.read(f"{root}/data.pkl")))
        self._archive, self._root, self._path, self._content = archive, root, path, content
        self._storages: dict[str, Tensor] = {}
        # A new class for each file, as a pickle can set attributes on it.
        self._module = type("Module", (), {})

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "__torch__":
            return self._module
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):

            def view(*given: Any) -> Tensor:
                return _view(*given)

            return view
        if module == "torch.jit._pickle":  # lists with a type tag
            return lambda data, *_: data
        raise CheckpointError(
            "{path} would run `{module}.{name}` when it is read, which is not "
            "allowed; download it again from its publisher.",
            path=self._path,
            module=module,
            name=name,
        )

    def persistent_load(self, pid: Any) -> Tensor:
        kind, dtype, key, _, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype) or not isinstance(key, str):
            raise pickle.UnpicklingError("not a storage")
        if key not in self._storages:
            member = self._archive.getinfo(f"{self._root}/data/{key}")
            if (
                member.file_size != count * dtype.itemsize
                or member.compress_type != zipfile.ZIP_STORED
            ):
                raise pickle.UnpicklingError("a storage of another size than it should be")
            self._storages[key] = (
                torch.frombuffer(
                    self._content, dtype=dtype, count=count, offset=self._start(member)
                )
                if count
                else torch.empty(0, dtype=dtype)
            )
        return self._storages[key]

    def _start(self, member: zipfile.ZipInfo) -> int:
        """Where the bytes of ``member`` start, after its local header (APPNOTE 4.3.7)."""
        header = self._content[member.header_offset : member.header_offset + 30]
        name, extra = struct.unpack("<HH", header[26:30])
        return member.header_offset + 30 + int(name) + int(extra)


def _view(
    storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> Tensor:
    """The tensor of ``size`` and ``stride`` in ``storage``; raises if it exceeds the storage."""
    if len(size) != len(stride) or min((offset, *size, *stride)) < 0:
        raise pickle.UnpicklingError("a tensor with a negative size")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) and last >= storage.numel():
        raise pickle.UnpicklingError("a tensor that reaches beyond its storage")
    return storage.as_strided(size, stride, offset)


def _flatten(tree: object) -> dict[str, Tensor]:
    # Iterative, so that neither a deep tree nor a cyclic one overflows the stack.
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, object]] = [("", tree)]
    while waiting:
        name, node = waiting.pop()
        if isinstance(node, Tensor):
            tensors[name] = node
        elif id(node) not in seen and hasattr(node, "__dict__") and not callable(node):
            seen.add(id(node))
            waiting += [
                (f"{name}.{key}" if name else str(key), value) for key, value in vars(node).items()
            ]
    return tensors
