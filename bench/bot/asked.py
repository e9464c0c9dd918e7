"""What people ask for in bench.chaos."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from bot.standin.channels import Channel
from bot.standin.guilds import User
from bot.standin.interactions import Interaction


@dataclass
class Asked:
    """One use of /imagine or /edit; prompts are unique.

    ``blocked``: the bot could not post in the channel at some time during the job. ``must_fail``:
    the mask lets nothing change, which only the worker finds.
    """

    prompt: str
    user: User
    channel: Channel
    interaction: Interaction
    blocked: bool = False
    must_fail: bool = False

    @property
    def was_told(self) -> bool:
        """Whether the person was told that the job is queued."""
        return self.interaction.content.startswith("Queued")


def square(number: int, colour: str | None = None) -> bytes:
    """A small picture of one colour, which ``number`` chooses if it is not given."""
    file = io.BytesIO()
    Image.new("RGB", (32, 32), colour or (number * 40 % 256, 90, 160)).save(file, "PNG")
    return file.getvalue()
