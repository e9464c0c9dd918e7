"""Writes a model of a user's own files into their catalogue."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.errors import MissingModelError, ModelError, os_reason
from engine.models.catalogue import NAME, load_catalogue, user_catalogue
from engine.models.kinds import DEFAULT_GENERATOR, DEFAULT_PERCEPTOR
from engine.models.recognition import Recognised
from engine.request.ensemble import Chosen, parse_perceptors


def add_model(
    name: str,
    *,
    generator: Recognised | str,
    perceptor: Recognised | str,
    perceptor_settings: Mapping[str, str | bool] | None = None,
    others: Sequence[Chosen] = (),
    defaults: Mapping[str, int],
    hashes: Mapping[Path, str],
    user_file: Path | None = None,
) -> Path:
    """Write the model ``name`` into the user's catalogue, and return the catalogue's path.

    Files stay where they are and are listed by absolute path, with their SHA-256 from ``hashes``;
    ``generator`` and ``perceptor`` are recognised ones or names in the catalogue; ``others`` are
    perceptors of the catalogue that guide its paintings as well. Raises ModelError if the name is
    taken or invalid, or if the catalogue cannot be written.
    """
    target = user_catalogue() if user_file is None else user_file
    catalogue = load_catalogue(target)
    if NAME.fullmatch(name) is None:
        raise ModelError(
            "A model can't be called {name}; use at most 64 letters, digits, dots, "
            "underscores and hyphens.",
            name=repr(name),
        )
    if name in {*catalogue.models, *catalogue.generators, *catalogue.perceptors}:
        raise ModelError(
            "The name {name} is taken; choose another, or remove its entries from {target} first.",
            name=name,
            target=target,
        )

    def file(path: Path) -> str:
        return f"{{ path = {_quoted(str(path.absolute()))}, sha256 = {_quoted(hashes[path])} }}"

    lines = [""]
    if isinstance(generator, Recognised):
        lines.append(f"[generators.{_quoted(name)}]")
        if generator.kind != DEFAULT_GENERATOR:
            lines.append(f"kind = {_quoted(generator.kind)}")
        lines += [f"{role} = {file(path)}" for role, path in generator.files.items()]
        lines.append("")
    elif generator not in catalogue.generators:
        raise MissingModelError(
            "There is no file and no generator called {name}; the generators are {names}.",
            name=repr(generator),
            names=", ".join(catalogue.generators),
        )
    if isinstance(perceptor, Recognised):
        lines.append(f"[perceptors.{_quoted(name)}]")
        if perceptor.kind != DEFAULT_PERCEPTOR:
            lines.append(f"kind = {_quoted(perceptor.kind)}")
        lines += [f"{role} = {file(path)}" for role, path in perceptor.files.items()]
        if perceptor_settings:
            said = ", ".join(f"{key} = {_value(v)}" for key, v in perceptor_settings.items())
            lines.append(f"settings = {{ {said} }}")
        lines.append("")
    guides = [] if isinstance(perceptor, Recognised) else [*parse_perceptors(perceptor)]
    guides += others
    for guide in guides:
        if guide.name not in catalogue.perceptors:
            raise MissingModelError(
                "There is no file and no perceptor called {name}; the perceptors are {names}.",
                name=repr(guide.name),
                names=", ".join(catalogue.perceptors),
            )
    if isinstance(perceptor, Recognised):
        guides.insert(0, Chosen(name))
    listed = ", ".join(_quoted(str(guide)) for guide in guides)
    lines += [
        f"[models.{_quoted(name)}]",
        f"generator = {_quoted(generator if isinstance(generator, str) else name)}",
        f"perceptor = {listed if len(guides) == 1 and guides[0].weight == 1 else f'[{listed}]'}",
        "",
        f"[models.{_quoted(name)}.defaults]",
        *(f"{key} = {value}" for key, value in defaults.items()),
        "",
    ]
    before = target.read_text(encoding="utf-8") if target.exists() else ""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(before + "\n".join(lines), encoding="utf-8")
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ModelError(
            "{target} can't be written: {reason}.", target=target, reason=os_reason(error)
        ) from None
    return target


def _value(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else _quoted(value)


def _quoted(text: str) -> str:
    """``text`` as a TOML string, which has JSON's escapes; non-ASCII text stays as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
