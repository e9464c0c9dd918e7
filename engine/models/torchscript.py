"""The tensors of a TorchScript archive, read without its code: OpenAI publishes CLIP as one.

Such an archive is a zip: ``data.pkl`` is the tree of modules, ``data/0``, ``data/1``, ... are
the tensors' bytes, ``code/`` the program, which is left alone. The unpickler here can make
three things: tensors, ordered dicts and empty nodes for modules; whatever else a pickle asks
for is refused.
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

_DTYPES = {"FloatStorage": torch.float32, "HalfStorage": torch.float16,
           "BFloat16Storage": torch.bfloat16, "DoubleStorage": torch.float64,
           "LongStorage": torch.int64, "IntStorage": torch.int32, "ShortStorage": torch.int16,
           "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool}
# All that unpickling a damaged archive may raise, torch's own errors among it.
_BROKEN = (pickle.UnpicklingError, EOFError, KeyError, ValueError, AttributeError, TypeError,
           IndexError, OverflowError, RuntimeError, OSError, NotImplementedError, struct.error,
           zipfile.BadZipFile)


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """The tensors [dotted name -> tensor, on the CPU] in the modules of the archive ``path``.

    They lie in the file, mapped into memory: copy what you keep.
    Raises CheckpointError for an archive that is damaged or asks for more than tensors.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            root = next(n for n in names if n.endswith("/constants.pkl")).rpartition("/")[0]
            if f"{root}/byteorder" in names and archive.read(f"{root}/byteorder") != b"little":
                raise CheckpointError("{path} was written on a big-endian machine; save it again "
                                      "on a little-endian one.", path=path)
            # Of one's own copy: a tensor that is written to changes no file.
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            tree = _TreeReader(archive, root, path, content).load()
    except _BROKEN:
        raise CheckpointError("{path} is damaged or cut off; fetch it again.", path=path) from None
    tensors = _flatten(tree)
    if not tensors:
        raise CheckpointError("{path} is a TorchScript archive without tensors.", path=path)
    return tensors


class _TreeReader(pickle.Unpickler):
    """Unpickles the module tree; only what :meth:`find_class` returns can ever be called."""

    def __init__(self, archive: zipfile.ZipFile, root: str, path: Path,
                 content: mmap.mmap) -> None:
        super().__init__(io.BytesIO(archive.read(f"{root}/data.pkl")))
        self._archive, self._root, self._path, self._content = archive, root, path, content
        self._storages: dict[str, Tensor] = {}
        # Made anew for each file: a pickle may set attributes on what it is handed.
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
        raise CheckpointError("{path} wants to run `{module}.{name}` when it is read, which is "
                              "refused; fetch it again from its publisher.", path=self._path,
                              module=module, name=name)

    def persistent_load(self, pid: Any) -> Tensor:
        kind, dtype, key, _, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype) or not isinstance(key, str):
            raise pickle.UnpicklingError("not a storage")
        if key not in self._storages:
            member = self._archive.getinfo(f"{self._root}/data/{key}")
            if (member.file_size != count * dtype.itemsize
                    or member.compress_type != zipfile.ZIP_STORED):
                raise pickle.UnpicklingError("a storage of another size than it should be")
            self._storages[key] = (
                torch.frombuffer(self._content, dtype=dtype, count=count,
                                 offset=self._begin(member)) if count
                else torch.empty(0, dtype=dtype))
        return self._storages[key]

    def _begin(self, member: zipfile.ZipInfo) -> int:
        """Where the bytes of ``member`` begin, past the header before them (APPNOTE 4.3.7)."""
        header = self._content[member.header_offset : member.header_offset + 30]
        name, extra = struct.unpack("<HH", header[26:30])
        return member.header_offset + 30 + int(name) + int(extra)


def _view(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...],
          *_: object) -> Tensor:
    """The tensor of ``size`` and ``stride`` in ``storage``, which may not reach beyond it."""
    if len(size) != len(stride) or min((offset, *size, *stride)) < 0:
        raise pickle.UnpicklingError("a tensor with a negative size")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) and last >= storage.numel():
        raise pickle.UnpicklingError("a tensor that reaches beyond its storage")
    return storage.as_strided(size, stride, offset)


def _flatten(tree: object) -> dict[str, Tensor]:
    # With a list of its own: neither a deep tree nor one that contains itself ends the stack.
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, object]] = [("", tree)]
    while waiting:
        name, node = waiting.pop()
        if isinstance(node, Tensor):
            tensors[name] = node
        elif id(node) not in seen and hasattr(node, "__dict__") and not callable(node):
            seen.add(id(node))
            waiting += [(f"{name}.{key}" if name else str(key), value)
                        for key, value in vars(node).items()]
    return tensors
