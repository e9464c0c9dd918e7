"""Kinds that other packages add, by the entry points of their metadata.

An entry point names a function ``build(files, settings)`` as in engine.models.kinds. Its package is
imported when a model of its kind is loaded, not before. The name of a kind that is ours stays ours.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from engine.errors import EngineError, ModelError
from engine.models.kind import Kind
from engine.translatable import Translatable

# The base class of each group's networks. Named, since importing one loads torch.
_BASES = {
    "imagine_bot.generators": ("engine.models.generators.base", "Generator"),
    "imagine_bot.perceptors": ("engine.models.perceptors.base", "Perceptor"),
}


@dataclass(frozen=True)
class PlugIn(Kind):
    """A kind of another package. An entry's files are all its tables with a path or a url."""

    entry_point: EntryPoint | None = None

    def roles(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """The keys of ``row`` that are tables of a file."""
        return tuple(
            key
            for key, value in row.items()
            if isinstance(value, Mapping) and ("path" in value or "url" in value)
        )

    def _built(self, files: Mapping[str, Path], settings: Mapping[str, Any]) -> Any:
        point = self.entry_point
        assert point is not None
        module, name = _BASES[point.group]
        base = getattr(importlib.import_module(module), name)
        try:
            built = point.load()(files, settings)
        except (EngineError, MemoryError):
            raise
        except Exception as error:  # whatever its code raises
            raise self._broken(f"{type(error).__name__}: {error}") from error
        if not isinstance(built, base):
            raise self._broken(
                Translatable(
                    "it returned {kind}, not a {name}", kind=type(built).__name__, name=name
                )
            )
        return built.eval().requires_grad_(False)

    def _broken(self, reason: str | Translatable) -> ModelError:
        point = self.entry_point
        assert point is not None
        return ModelError(
            "The plug-in {name} of the package {package} can't be used ({reason}); update or "
            "uninstall it.",
            name=point.name,
            package=package_of(point),
            reason=reason,
        )


class Kinds(Mapping[str, Kind]):
    """Kinds by name: the ``own`` ones, then those of the entry points' ``group``.

    The metadata of installed packages is only read for a name that is not an own one, and to list
    all names. Raises ModelError if two packages have a kind of the name that is asked for.
    """

    def __init__(self, group: str, own: Mapping[str, Kind]) -> None:
        self.group, self.own = group, own

    def __getitem__(self, name: str) -> Kind:
        if name in self.own:
            return self.own[name]
        found = {package_of(point): point for point in entry_points(group=self.group, name=name)}
        if not found:
            raise KeyError(name)
        if len(found) > 1:
            raise ModelError(
                "Several packages have a plug-in called {name} ({packages}); uninstall all but "
                "one of them.",
                name=name,
                packages=", ".join(sorted(found)),
            )
        point = next(iter(found.values()))
        return PlugIn(point.module, (), entry_point=point)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> list[str]:
        others = {point.name for point in entry_points(group=self.group)}
        return [*self.own, *sorted(others - self.own.keys())]


def package_of(point: EntryPoint) -> str:
    """The name of the package that an entry point belongs to."""
    return point.module.partition(".")[0] if point.dist is None else point.dist.name
