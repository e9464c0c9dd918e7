"""The host's settings as the preview uses them."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from bot.host.settings import (
    DeliverySettings,
    DiscordSettings,
    LimitSettings,
    OperationsSettings,
    PaintingSettings,
    PrivacySettings,
    Section,
    Settings,
    SettingsError,
    TestSettings,
    readable_settings,
)
from bot.host.shard_settings import ShardSettings
from bot.standin import StandIn
from engine.jobs.cluster.settings import LOCAL


def preview_settings(
    standin: StandIn, folder: Path, env_file: Path | None = Path(".env")
) -> Settings:
    """Return the settings of the environment and ``env_file``, connected to the stand-in.

    Everything is stored in ``folder`` instead of the host's database and bucket, and painted on
    this machine; nothing else listens or is backed up. Raises SettingsError about a wrong setting;
    the token can be missing.
    """
    found, sentences = readable_settings(env_file)
    wrong = [sentence for sentence in sentences if not sentence.startswith("DISCORD_TOKEN")]
    if wrong:
        raise SettingsError("\n".join(wrong))

    def section(kind: type[Section]) -> Section:
        read = found[kind]
        assert isinstance(read, kind)
        return read

    painting = section(PaintingSettings)
    apart = {"data_folder": folder, "database_url": None, "pictures": None, "engine": LOCAL}
    alone = {"metrics_port": 0, "backup_hours": 0.0}
    everyone = {"allowed_servers": "", "allowed_people": ""}
    return Settings(
        discord=DiscordSettings.model_construct(
            token=SecretStr(standin.token), host_server=standin.world.guild_id
        ),
        painting=painting.model_copy(update=apart),
        limits=section(LimitSettings).model_copy(update=everyone),
        delivery=section(DeliverySettings),
        test=TestSettings.model_construct(
            discord_url=standin.url, media_host=f"127.0.0.1:{standin.port}"
        ),
        privacy=section(PrivacySettings),
        operations=section(OperationsSettings).model_copy(update=alone),
        shards=ShardSettings.model_construct(),
    )
