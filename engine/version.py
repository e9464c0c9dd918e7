"""Which imagine-bot this is."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The installed version, as "0.1.0"; "not installed" where the sources are run as they lie."""
    try:
        return metadata.version("imagine-bot")
    except metadata.PackageNotFoundError:
        return "not installed"
