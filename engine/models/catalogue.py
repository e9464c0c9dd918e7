"""The catalogue of models: names, files, hashes and licences, from TOML (catalogue.toml)."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import platformdirs

from engine.errors import ModelError, RequestError, UnknownModelError, os_reason
from engine.models.kind import Kind
from engine.models.kinds import DEFAULT_GENERATOR, DEFAULT_PERCEPTOR, GENERATORS, PERCEPTORS
from engine.request.ensemble import Chosen, parse_perceptors
from engine.translatable import Translatable

T = TypeVar("T")
APP = "imagine-bot"
FOLDER_VARIABLE = "IMAGINE_MODELS_FOLDER"
CATALOGUE_VARIABLE = "IMAGINE_MODELS_CATALOGUE"
_SHIPPED = Path(__file__).with_name("catalogue.toml")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# OpenAI writes ViT-B/32 and ViT-L/14@336px.
_PUNCTUATION = re.compile(r"[/@]")
_SHA256 = re.compile(r"[0-9a-f]{64}")
EXAMPLES = ("a red fox in the snow", "a castle on a hill")
# Roles of small files that describe the weights.
_DESCRIPTIONS = ("config", "preprocessor", "tokenizer", "tokenizer_config")
_SECTIONS = ("generators", "perceptors", "models")
# Models that were renamed: stored jobs and users' catalogues have the old names.
_RENAMED = {"embedded": "drawn"}


@dataclass(frozen=True)
class Source:
    """One file: at ``path``, or downloaded from ``url`` and stored as ``file``.

    ``sha256`` is in hexadecimal digits; ``size`` is the approximate number of bytes.
    """

    file: str
    path: Path | None = None
    url: str | None = None
    sha256: str | None = None
    size: int | None = None

    def location(self, folder: Path) -> Path:
        """Its path, now or after the download; ``folder`` is the folder of downloads."""
        return folder / self.file if self.path is None else self.path


@dataclass(frozen=True)
class Part:
    """A generator or a perceptor in the catalogue.

    ``files`` are the files that its ``kind`` needs, by role; ``settings`` are passed to the kind;
    ``kind_name`` is the kind's name.
    """

    name: str
    kind: Kind
    kind_name: str
    files: Mapping[str, Source]
    settings: Mapping[str, Any]
    about: str = ""
    licence: str = "not given"


class Guide(NamedTuple):
    """A perceptor of a model, and how much its losses count next to those of others."""

    part: Part
    weight: float = 1.0


@dataclass(frozen=True)
class ModelEntry:
    """A generator and perceptors that paint together, with default settings for them.

    ``examples`` are prompts that it knows all words of.
    """

    name: str
    generator: Part
    guides: tuple[Guide, ...]
    defaults: Mapping[str, object]
    note: str = ""
    examples: tuple[str, ...] = EXAMPLES

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its generator and its perceptors."""
        return self.generator, *(guide.part for guide in self.guides)

    @property
    def perceptor(self) -> Part:
        """Its perceptor, or the first of several."""
        return self.guides[0].part

    @property
    def sources(self) -> tuple[Source, ...]:
        """All its files, the generator's first."""
        return tuple(source for part in self.parts for source in part.files.values())

    @property
    def weights(self) -> tuple[Source, ...]:
        """Its files without the small ones that describe the others."""
        return tuple(
            source
            for part in self.parts
            for role, source in part.files.items()
            if role not in _DESCRIPTIONS
        )


@dataclass(frozen=True)
class Catalogue:
    """All generators, perceptors and models, by name."""

    generators: Mapping[str, Part]
    perceptors: Mapping[str, Part]
    models: Mapping[str, ModelEntry]

    def model(self, name: str) -> ModelEntry:
        """The model called ``name``; "imagenet-16384/RN50" is a model with another perceptor.

        Or with several: "imagenet-16384/ViT-B-32,RN50:0.5" (engine.request.ensemble). Old names of
        renamed models still work, and OpenAI's spelling of perceptors ("ViT-B/32"). Raises
        UnknownModelError, which lists the names, and RequestError for a wrong weight.
        """
        base, slash, other = name.partition("/")
        entry = _find(self.models, base)
        if entry is None:
            raise UnknownModelError(
                "There is no model called {name}; choose one of {names}.",
                name=repr(name),
                names=", ".join(self.models),
            )
        if not slash:
            return entry
        guides = _guides(parse_perceptors(other), self.perceptor)
        return ModelEntry(name, entry.generator, guides, entry.defaults, entry.note)

    def perceptor(self, name: str) -> Part:
        """The perceptor called ``name``, as here or as published ("ViT-L/14@336px").

        Raises UnknownModelError, which lists the names.
        """
        found = _find(self.perceptors, name) or self.perceptors.get(_PUNCTUATION.sub("-", name))
        if found is None:
            raise UnknownModelError(
                "There is no perceptor called {name}; choose one of {names}.",
                name=repr(name),
                names=", ".join(self.perceptors),
            )
        return found


def _guides(perceptors: Iterable[Chosen], find: Callable[[str], Part]) -> tuple[Guide, ...]:
    """The ``perceptors``; raises RequestError if two names mean the same one."""
    guides = tuple(Guide(find(each.name), each.weight) for each in perceptors)
    names = [guide.part.name for guide in guides]
    for name in names:
        if names.count(name) > 1:
            raise RequestError(
                "The perceptor {name} is named twice; name it once, perhaps with a weight as in "
                "{name}:2.",
                name=name,
            )
    return guides


def _find(entries: Mapping[str, T], name: str) -> T | None:
    """The entry called ``name``, now or before it was renamed."""
    return entries.get(name) or entries.get(_RENAMED.get(name, name))


def models_folder(folder: Path | None = None) -> Path:
    """The folder of downloads: ``folder``, $IMAGINE_MODELS_FOLDER, or the user's cache."""
    if folder is not None:
        return folder
    variable = os.environ.get(FOLDER_VARIABLE)
    return (
        Path(variable)
        if variable
        else (platformdirs.user_cache_path(APP, appauthor=False) / "models")
    )


def user_catalogue() -> Path:
    """The user's catalogue: $IMAGINE_MODELS_CATALOGUE, or models.toml in their settings."""
    variable = os.environ.get(CATALOGUE_VARIABLE)
    return (
        Path(variable)
        if variable
        else (platformdirs.user_config_path(APP, appauthor=False) / "models.toml")
    )


def load_catalogue(user_file: Path | None = None) -> Catalogue:
    """The shipped catalogue and the user's, whose entries replace those of the same name.

    Raises ModelError, which names the file and the entry, if the user's catalogue is invalid.
    """
    own = user_catalogue() if user_file is None else user_file
    files = [_SHIPPED, own] if own.exists() else [_SHIPPED]
    tables = [(file, _read_toml(file)) for file in files]
    generators: dict[str, Part] = {}
    perceptors: dict[str, Part] = {}
    models: dict[str, ModelEntry] = {}
    for file, table in tables:
        for name, row in table["generators"].items():
            entry = _Row(file, f"generators.{name}", row)
            generators[name] = entry.part(name, GENERATORS, DEFAULT_GENERATOR)
        for name, row in table["perceptors"].items():
            entry = _Row(file, f"perceptors.{name}", row)
            perceptors[name] = entry.part(name, PERCEPTORS, DEFAULT_PERCEPTOR)
    for file, table in tables:  # last, since a model can pair parts of both files
        for name, row in table["models"].items():
            entry = _Row(file, f"models.{name}", row)
            models[name] = ModelEntry(
                name,
                entry.one_of("generator", generators),
                entry.guides("perceptor", perceptors),
                entry.table("defaults"),
                entry.text("note"),
                entry.texts("examples", EXAMPLES),
            )
    return Catalogue(generators, perceptors, models)


def _read_toml(file: Path) -> dict[str, dict[str, Any]]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(
            "The catalogue {file} is not valid TOML ({reason}); correct it.",
            file=file,
            reason=error,
        ) from None
    except OSError as error:
        raise ModelError(
            "The catalogue {file} can't be read: {reason}.", file=file, reason=os_reason(error)
        ) from None
    for section, rows in table.items():
        if section not in _SECTIONS or not isinstance(rows, dict):
            raise ModelError(
                "The catalogue {file} has `{section}`; only [generators.NAME], "
                "[perceptors.NAME] and [models.NAME] are allowed.",
                file=file,
                section=section,
            )
        for name, row in rows.items():
            if not isinstance(row, dict) or NAME.fullmatch(name) is None:
                raise ModelError(
                    "The catalogue {file} has [{section}.{name}]; names can only have "
                    "letters, digits, dots, underscores and hyphens.",
                    file=file,
                    section=section,
                    name=name,
                )
    return {section: table.get(section, {}) for section in _SECTIONS}


class _Row:
    """One entry of a catalogue, read field by field; errors name the file and the entry."""

    def __init__(self, file: Path, name: str, row: Mapping[str, Any]) -> None:
        self.file, self.name, self.row = file, name, row

    def wrong(self, what: Translatable) -> ModelError:
        return ModelError(
            "In the catalogue {file}, [{entry}] {what}.", file=self.file, entry=self.name, what=what
        )

    def text(self, key: str, default: str = "") -> str:
        value = self.row.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(Translatable("has a `{key}` that is not text", key=key))
        return value

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self.row.get(key, default)
        if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
            raise self.wrong(Translatable("has `{key}` that are not a list of texts", key=key))
        return tuple(value) or default

    def table(self, key: str) -> Mapping[str, Any]:
        value = self.row.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(Translatable("has a `{key}` that is not a table", key=key))
        return value

    def one_of(self, key: str, entries: Mapping[str, T]) -> T:
        entry = _find(entries, self.text(key))
        if entry is None:
            raise self.wrong(
                Translatable(
                    "needs a `{key}` that is one of {names}", key=key, names=", ".join(entries)
                )
            )
        return entry

    def guides(self, key: str, entries: Mapping[str, Part]) -> tuple[Guide, ...]:
        value = self.row.get(key)
        if not isinstance(value, list):
            return (Guide(self.one_of(key, entries)),)
        names = self.texts(key, ())
        try:
            return _guides(parse_perceptors(",".join(names)), Catalogue({}, entries, {}).perceptor)
        except (RequestError, UnknownModelError) as error:
            raise self.wrong(
                Translatable("has a wrong `{key}`: {what}", key=key, what=error.message)
            ) from None

    def part(self, name: str, kinds: Mapping[str, Kind], default: str) -> Part:
        kind_name = self.text("kind", default)
        kind = kinds.get(kind_name)
        if kind is None:
            raise self.wrong(
                Translatable("needs a `kind` that is one of {names}", names=", ".join(kinds))
            )
        files = {role: self.source(role) for role in kind.roles(self.row)}
        return Part(
            name,
            kind,
            kind_name,
            files,
            self.table("settings"),
            self.text("about"),
            self.text("licence", "not given"),
        )

    def source(self, key: str) -> Source:
        row = self.table(key)
        inner = _Row(self.file, f"{self.name}.{key}", row)
        path, url, sha256 = inner.text("path"), inner.text("url"), inner.text("sha256").lower()
        size = row.get("size")
        if bool(path) == bool(url):
            raise inner.wrong(Translatable("needs either a `path` or a `url`"))
        if sha256 and _SHA256.fullmatch(sha256) is None:
            raise inner.wrong(Translatable("has a `sha256` that is not 64 hexadecimal digits"))
        if size is not None and (type(size) is not int or size < 0):
            raise inner.wrong(Translatable("has a `size` that is not a number of bytes"))
        if path:
            there = self.file.parent / path
            return Source(there.name, path=there, sha256=sha256 or None, size=size)
        if not url.startswith(("https://", "http://")):
            raise inner.wrong(Translatable("has a `url` that does not start with https://"))
        file = inner.text("file")
        if NAME.fullmatch(file) is None:
            raise inner.wrong(
                Translatable("needs the `file` name under which the download is stored")
            )
        return Source(file, url=url, sha256=sha256 or None, size=size)
