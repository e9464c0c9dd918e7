"""A host's settings for tests, with a made-up token."""

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

# The id of the server that is shown /admin.
HOST_SERVER = 1456074443980800512


def made_settings(folder: Path, **sections: Any) -> Settings:
    """The default settings with data in ``folder`` and one thread; ``sections`` replace some."""
    made: dict[str, Any] = {
        "discord": DiscordSettings(token=SecretStr("made.up.token"), host_server=str(HOST_SERVER)),
        "painting": PaintingSettings(data_folder=folder / "data", device="cpu", threads=1),
        "limits": LimitSettings(),
        "delivery": DeliverySettings(),
        "test": TestSettings(),
    }
    return Settings(**made | sections)
