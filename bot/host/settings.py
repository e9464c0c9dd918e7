"""The host's settings, from the environment and a `.env` file; the environment wins.

`.env.example` describes each setting for people; a test keeps the two in step.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import platformdirs
from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.host.shard_settings import ShardSettings
from engine.jobs.cluster.settings import LOCAL, ClusterSettings, read_engine, read_workers
from engine.jobs.devices import read_devices
from engine.request.defaults import DEFAULT_MODEL
from engine.request.ensemble import MOST_PERCEPTORS

APP = "imagine-bot"
PREFIXES = ("DISCORD_", "IMAGINE_")
# Read by the engine itself, in the bot's process and in the worker.
ENGINE_VARIABLES = (
    "IMAGINE_MODELS_FOLDER",
    "IMAGINE_MODELS_CATALOGUE",
    "IMAGINE_AESTHETIC_HEAD",
)
# Read by the package for buckets (data.pictures.bucket).
BUCKET_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
)

Section = TypeVar("Section", bound=BaseSettings)


class SettingsError(Exception):
    """A missing or invalid setting; the text names it and says what to write."""


class DiscordSettings(BaseSettings):
    """The bot's Discord account."""

    model_config = SettingsConfigDict(env_prefix="DISCORD_", extra="ignore")

    token: Annotated[SecretStr, Field(min_length=1)]
    # The id of the host's own server, the only one that is shown /admin.
    host_server: Annotated[str | None, Field(pattern=r"^\d{15,20}$")] = None


def _devices(text: str) -> str:
    return ",".join(read_devices(text))


_DATABASE_URL = re.compile(r"postgres(ql)?://\S+")


def _database_url(url: SecretStr) -> SecretStr:
    if _DATABASE_URL.fullmatch(url.get_secret_value()) is None:
        raise ValueError("not an address")  # _sentence names no password
    return url


def _batch(text: object) -> object:
    return None if text == "auto" else text


def _pictures(address: str, info: ValidationInfo) -> str:
    if not address.startswith("s3://"):
        raise ValueError("write s3://BUCKET/PREFIX.")
    # Restoring SQLite's backups moves pictures that they do not know aside, in the folder only.
    if info.data.get("database_url") is None:
        raise ValueError("a bucket needs a PostgreSQL database (IMAGINE_DATABASE_URL) as well.")
    return address


def _engine(text: str, info: ValidationInfo) -> str:
    engine = read_engine(text)
    if engine != LOCAL and info.data.get("device") not in ("auto", "cpu", "cuda"):
        raise ValueError("with a cluster, IMAGINE_DEVICE must be auto, cpu or cuda.")
    return engine


def _cluster_workers(text: str) -> str:
    read_workers(text)
    return text


class PaintingSettings(BaseSettings):
    """Where pictures are stored, and with what they are painted."""

    model_config = SettingsConfigDict(
        env_prefix="IMAGINE_", extra="ignore", protected_namespaces=()
    )

    data_folder: Path = Field(
        default_factory=lambda: platformdirs.user_data_path(APP, appauthor=False)
    )
    # A PostgreSQL server in place of the file in the data folder.
    database_url: Annotated[SecretStr, AfterValidator(_database_url)] | None = None
    # A bucket in place of the data folder's pictures; below database_url, which it needs.
    pictures: Annotated[str, AfterValidator(_pictures)] | None = None
    model: Annotated[str, Field(min_length=1, max_length=100)] = DEFAULT_MODEL
    device: Annotated[str, Field(min_length=1), AfterValidator(_devices)] = "auto"
    precision: Literal["auto", "float32", "bf16"] = "auto"
    threads: Annotated[int | None, Field(ge=1, le=256)] = None
    check_memory: bool = True
    cuda_graphs: bool = True
    triton_kernels: bool = True
    batch: Annotated[int | None, Field(ge=1, le=16), BeforeValidator(_batch)] = None
    # This machine, or a Ray cluster, of which the next four are.
    engine: Annotated[str, AfterValidator(_engine)] = LOCAL
    cluster_workers: Annotated[str, AfterValidator(_cluster_workers)] = "auto"
    cluster_gpus: Annotated[float, Field(gt=0, le=1)] = 1.0
    cluster_cpus: Annotated[float, Field(gt=0, le=256)] = 1.0
    cluster_idle_seconds: Annotated[float, Field(ge=0, le=86400)] = 300.0


def address_of_database(painting: PaintingSettings) -> str | None:
    """Return the PostgreSQL server's address with its password; None for SQLite's file."""
    return None if painting.database_url is None else painting.database_url.get_secret_value()


def cluster_of(painting: PaintingSettings) -> ClusterSettings | None:
    """Return the Ray cluster that paints; None for this machine."""
    if painting.engine == LOCAL:
        return None
    least, most = read_workers(painting.cluster_workers)
    return ClusterSettings(
        painting.engine,
        painting.device,
        least,
        most,
        painting.cluster_gpus,
        painting.cluster_cpus,
        painting.cluster_idle_seconds,
    )


_IDS = r"^\s*(\d{15,20}\s*(,\s*\d{15,20}\s*)*)?$"


class LimitSettings(BaseSettings):
    """Who can use the bot, and how much one user can ask for."""

    model_config = SettingsConfigDict(env_prefix="IMAGINE_", extra="ignore")

    max_jobs_per_person: Annotated[int, Field(ge=1, le=1000)] = 10
    max_iterations: Annotated[int, Field(ge=1, le=5000)] = 1000
    max_pixels: Annotated[int, Field(ge=256, le=2048 * 2048)] = 512 * 512
    max_perceptors: Annotated[int, Field(ge=1, le=MOST_PERCEPTORS)] = 2
    max_share: Annotated[int, Field(ge=100, le=1000)] = 200
    max_attachment_mb: Annotated[float, Field(gt=0, le=100)] = 10.0
    # Ids of Discord with commas between them; empty: all.
    allowed_servers: Annotated[str, Field(pattern=_IDS)] = ""
    allowed_people: Annotated[str, Field(pattern=_IDS)] = ""

    @property
    def server_ids(self) -> frozenset[str]:
        """The servers that can have the bot; empty for all."""
        return _ids(self.allowed_servers)

    @property
    def person_ids(self) -> frozenset[str]:
        """The users that can use the bot; empty for all."""
        return _ids(self.allowed_people)


def _ids(text: str) -> frozenset[str]:
    return frozenset(id.strip() for id in text.split(",") if id.strip())


class DeliverySettings(BaseSettings):
    """How often progress messages change, and how logs look."""

    model_config = SettingsConfigDict(env_prefix="IMAGINE_", extra="ignore")

    preview_seconds: Annotated[float, Field(ge=0, le=600)] = 4.0
    log_format: Literal["plain", "json"] = "plain"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class PrivacySettings(BaseSettings):
    """How long pictures are kept."""

    model_config = SettingsConfigDict(env_prefix="IMAGINE_", extra="ignore")

    # 0: forever, or until someone deletes them.
    retention_days: Annotated[int, Field(ge=0, le=36500)] = 365


class OperationsSettings(BaseSettings):
    """Metrics, backups and disk space; a port, hours or MB of 0 turns a feature off."""

    model_config = SettingsConfigDict(env_prefix="IMAGINE_", extra="ignore")

    metrics_host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9464
    backup_hours: Annotated[float, Field(ge=0, le=24 * 30)] = 24.0
    backups_kept: Annotated[int, Field(ge=1, le=1000)] = 7
    pictures_mb: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    frames_mb: Annotated[float, Field(ge=0, le=1e9)] = 1000.0


class TestSettings(BaseSettings):
    """For tests only: another server in place of Discord, and its media host."""

    __test__ = False  # no test class, whatever its name
    model_config = SettingsConfigDict(env_prefix="IMAGINE_TEST_", extra="ignore")

    discord_url: Annotated[str | None, Field(pattern=r"^http://127\.0\.0\.1:\d+$")] = None
    media_host: Annotated[str | None, Field(pattern=r"^127\.0\.0\.1:\d+$")] = None


@dataclass(frozen=True)
class Settings:
    """All settings, by section."""

    discord: DiscordSettings
    painting: PaintingSettings
    limits: LimitSettings
    delivery: DeliverySettings
    test: TestSettings
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    operations: OperationsSettings = field(default_factory=OperationsSettings)
    shards: ShardSettings = field(default_factory=ShardSettings)


SECTIONS: dict[str, type[BaseSettings]] = {
    "discord": DiscordSettings,
    "painting": PaintingSettings,
    "limits": LimitSettings,
    "delivery": DeliverySettings,
    "test": TestSettings,
    "privacy": PrivacySettings,
    "operations": OperationsSettings,
    "shards": ShardSettings,
}


def variable(section: type[BaseSettings], field: str) -> str:
    """Return the environment variable of a field."""
    return f"{section.model_config['env_prefix']}{field}".upper()


def variables() -> list[str]:
    """Return every environment variable that is a setting."""
    return [
        variable(section, field) for section in SECTIONS.values() for field in section.model_fields
    ]


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Return the settings from the environment, and from ``env_file`` if it exists.

    Raises SettingsError about the first setting that is missing, misspelt or invalid.
    """
    if env_file is not None and not env_file.is_file():
        env_file = None
    _refuse_misspelt(env_file)
    return Settings(
        discord=_read(DiscordSettings, env_file),
        painting=_read(PaintingSettings, env_file),
        limits=_read(LimitSettings, env_file),
        delivery=_read(DeliverySettings, env_file),
        test=_read(TestSettings, env_file),
        privacy=_read(PrivacySettings, env_file),
        operations=_read(OperationsSettings, env_file),
        shards=_read(ShardSettings, env_file),
    )


def readable_settings(
    env_file: Path | None = Path(".env"),
) -> tuple[dict[type[BaseSettings], BaseSettings], list[str]]:
    """Return the valid sections by their class, and a sentence for each problem.

    For commands that need no token, and for the doctor.
    """
    if env_file is not None and not env_file.is_file():
        env_file = None
    found: dict[type[BaseSettings], BaseSettings] = {}
    wrong = []
    try:
        _refuse_misspelt(env_file)
    except SettingsError as error:
        wrong.append(str(error))
    for section in SECTIONS.values():
        try:
            found[section] = _read(section, env_file)
        except SettingsError as error:
            wrong.append(str(error))
    return found, wrong


def export_engine_variables(env_file: Path | None = Path(".env")) -> None:
    """Copy the engine's variables from `.env` into this process's environment.

    The worker process inherits them.
    """
    if env_file is None or not env_file.is_file():
        return
    for name, value in dotenv_values(env_file).items():
        if name in (*ENGINE_VARIABLES, *BUCKET_VARIABLES) and value:
            os.environ.setdefault(name, value)


def _read(section: type[Section], env_file: Path | None) -> Section:
    try:
        return section(_env_file=env_file)
    except ValidationError as error:
        raise SettingsError(_sentence(section, error)) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{env_file} isn't UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"Can't read {env_file}: {error.strerror}.") from None


def _refuse_misspelt(env_file: Path | None) -> None:
    """Raise SettingsError for a variable with our prefix that is no setting."""
    known = {*variables(), *ENGINE_VARIABLES}
    names = set(os.environ)
    if env_file is not None:
        try:
            names |= set(dotenv_values(env_file))
        except (OSError, UnicodeDecodeError):
            return  # reading the sections reports it
    for name in sorted(names):
        if name.upper() in known or not name.upper().startswith(PREFIXES):
            continue
        near = difflib.get_close_matches(name.upper(), sorted(known), 1)
        hint = f"; did you mean {near[0]}?" if near else "; see .env.example for all settings."
        raise SettingsError(f"There is no setting {name}{hint}")


def _sentence(section: type[BaseSettings], error: ValidationError) -> str:
    first = error.errors()[0]
    if not first["loc"]:  # about several settings together
        return str(first["ctx"]["error"])
    field = str(first["loc"][0])
    name = variable(section, field.removeprefix(str(section.model_config["env_prefix"]).lower()))
    limits: dict[str, Any] = first.get("ctx", {})
    if name == "DISCORD_TOKEN":
        return (
            "DISCORD_TOKEN is missing; put your bot's token into the environment or into "
            ".env (docs/hosting.md says where to get it)."
        )
    if name == "IMAGINE_DATABASE_URL":
        return (
            f"{name} isn't the address of a PostgreSQL database; write "
            "postgresql://USER:PASSWORD@HOST/DATABASE."
        )
    kind, given = first["type"], str(first.get("input"))[:60]
    if kind == "literal_error":
        return f"{name} is {given!r}; it must be {limits['expected']}."
    if kind in ("greater_than_equal", "greater_than", "less_than_equal"):
        limit = limits.get("ge", limits.get("gt", limits.get("le")))
        words = {
            "greater_than_equal": "at least",
            "greater_than": "more than",
            "less_than_equal": "at most",
        }[kind]
        return f"{name} is {given}; it must be {words} {limit}."
    if kind == "string_pattern_mismatch" and limits.get("pattern") == _IDS:
        return f"{name} is {given!r}; write IDs of 15 to 20 digits with commas between them."
    if kind.startswith(("int", "float")):
        return f"{name} is {given!r}; it must be a number."
    if name == "DISCORD_HOST_SERVER":
        return f"{name} is {given!r}; it must be a server's ID: 15 to 20 digits."
    if kind == "value_error":
        return f"{name} is {given!r}; {limits['error']}"
    if kind == "string_too_short":
        return f"{name} is empty; give it a value or remove it."
    return f"{name} can't be {given!r}: {first['msg'][0].lower()}{first['msg'][1:]}."
