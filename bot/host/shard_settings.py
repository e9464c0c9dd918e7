"""The host's settings about shards; bot.host.settings reads them."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MOST = 100_000
_PART = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")


def read_shard_ids(text: str) -> tuple[int, ...]:
    """The numbers in a text such as ``0-3,8``, in ascending order; raises ValueError."""
    found: set[int] = set()
    for part in filter(None, text.replace(" ", "").split(",")):
        read = _PART.fullmatch(part)
        if read is None or int(read[1]) > int(read[2] or read[1]):
            raise ValueError("write numbers and ranges from 0 with commas, such as 0-3,8.")
        found.update(range(int(read[1]), int(read[2] or read[1]) + 1))
    return tuple(sorted(found))


def _readable(text: str) -> str:
    read_shard_ids(text)
    return text


class ShardSettings(BaseSettings):
    """Into how many shards Discord splits the servers, and which ones this process connects."""

    model_config = SettingsConfigDict(env_prefix="IMAGINE_", extra="ignore")

    # None: as many as Discord recommends.
    shards: Annotated[int | None, Field(ge=1, le=MOST)] = None
    # Empty: all of them.
    shard_ids: Annotated[str, AfterValidator(_readable)] = ""

    @property
    def own(self) -> tuple[int, ...]:
        """The shards of this process, in ascending order; empty for all."""
        return read_shard_ids(self.shard_ids)

    @model_validator(mode="after")
    def _exist(self) -> Self:
        if self.own and self.shards is None:
            raise ValueError(
                "IMAGINE_SHARD_IDS needs IMAGINE_SHARDS, the number of all shards, which must be "
                "the same for all processes of this bot."
            )
        if self.own and self.shards is not None and self.own[-1] >= self.shards:
            raise ValueError(
                f"IMAGINE_SHARD_IDS has {self.own[-1]}; with IMAGINE_SHARDS={self.shards} they "
                f"are 0 to {self.shards - 1}."
            )
        return self
