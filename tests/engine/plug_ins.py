"""Packages with plug-ins, as an installer leaves them in a folder of the import path."""

from __future__ import annotations

from pathlib import Path


def install(folder: Path, package: str, code: str, entry_points: dict[str, dict[str, str]]) -> None:
    """Write ``package``'s module and metadata; ``entry_points`` are group -> name -> object."""
    module = package.replace("-", "_")
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    about = folder / f"{module}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines: list[str] = []
    for group, points in entry_points.items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
