"""A host's settings for tests: none that Discord or this machine would have to know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.host.settings import (
    DeliverySettings,
    DiscordSettings,
    LimitSettings,
    PaintingSettings,
    Settings,
    TestSettings,
)


def made_settings(folder: Path, **sections: Any) -> Settings:
    """The built-in settings, data in ``folder``, one thread; ``sections`` replace whole ones."""
    made: dict[str, Any] = {
        "discord": DiscordSettings(token=SecretStr("made.up.token")),
        "painting": PaintingSettings(data_folder=folder / "data", device="cpu", threads=1),
        "limits": LimitSettings(), "delivery": DeliverySettings(), "test": TestSettings()}
    return Settings(**made | sections)
