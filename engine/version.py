"""The version of imagine-bot."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The installed version, for example "0.1.0"; "not installed" if run from the sources."""
    try:
        return metadata.version("imagine-bot")
    except metadata.PackageNotFoundError:
        return "not installed"
