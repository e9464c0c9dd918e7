"""The base of the buttons under a picture. Each carries a job's id; the state is in the database.

So they keep working after a restart. discord.py only logs what a dynamic item raises, and swallows
what its `interaction_check` raises: :class:`JobButton` runs both inside one guard that answers the
user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import discord

from bot.errors import GoneError, Guarded
from bot.guild.rules import GuildSettings
from bot.host.logs import about_job
from bot.language import _, mark
from bot.moderation.log import ModerationLog
from bot.permissions import Verb
from bot.requests.custom_ids import button_id, button_pattern
from bot.requests.deletions import Deletions
from bot.requests.intake import Intake
from bot.requests.removal import Removal
from bot.requests.rights import check_may_see, check_owner_or_moderator
from bot.requests.styles import OwnStyles
from bot.ui.answers import defer, in_time
from bot.ui.from_custom_id import FromCustomId
from data.jobs.stored import StoredJob
from data.people import Act, LoggedAct
from data.store import Store
from engine.jobs.queue import PaintQueue

GONE = mark("That picture was deleted. Use /imagine to paint a new one.")


class Board(Protocol):
    """The starboard and the gallery of a server."""

    async def hide(self, job: StoredJob, *, hidden: bool = True) -> None:
        """Take a reported job out of both, or let it in again."""


class ButtonBot(Protocol):
    """What the buttons use of the client."""

    store: Store
    queue: PaintQueue
    intake: Intake
    removal: Removal
    moderation_log: ModerationLog
    deletions: Deletions
    guild_settings: GuildSettings
    styles: OwnStyles

    @property
    def starboard(self) -> Board:
        """What reported pictures are taken out of."""

    def add_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """Handle clicks on these buttons in any message."""


@dataclass(frozen=True)
class Placed:
    """A button about the job ``job_id``, or the message's, in the row ``place``."""

    kind: type[JobButton]
    place: int
    job_id: str | None = None
    label: str | None = None
    choice: str | None = None

    def __call__(self, job_id: str) -> JobButton:
        """Return the button in a message about ``job_id``."""
        about = self.job_id or job_id
        button = self.kind(about) if self.choice is None else self.kind(about, self.choice)
        if self.label is not None:
            button.item.label = self.label
        return button


class JobButton(FromCustomId, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"(?!)"):
    """The base of all buttons about one job; a subclass defines its look and its action.

    ``guarded_verb`` is None if anyone may press the button; otherwise it names an action that only
    the requester and moderators may take. ``place`` is the row under the message; a row has five
    buttons at most. ``choices`` has the labels of a button that comes in several kinds; the first
    is the usual one.
    """

    action: ClassVar[str]
    label: ClassVar[str]
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary
    guarded_verb: ClassVar[Verb | None] = None
    opens_modal: ClassVar[bool] = False
    place: ClassVar[int] = 0
    choices: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init_subclass__(cls, **more: Any) -> None:
        if not hasattr(cls, "action"):  # a base of several buttons matches no id
            super().__init_subclass__(template=r"(?!)")
            return
        choice = f":(?P<choice>{'|'.join(cls.choices)})" if cls.choices else ""
        super().__init_subclass__(template=button_pattern(cls.action) + choice)

    def __init__(self, job_id: str, choice: str = "") -> None:
        self.choice = choice or next(iter(self.choices), "")
        super().__init__(
            discord.ui.Button(
                label=_(self.choices[self.choice] if self.choices else self.label),
                style=self.style,
                custom_id=self.custom_id_of(job_id, choice),
            )
        )
        self.job_id = job_id

    @classmethod
    def custom_id_of(cls, job_id: str, choice: str = "") -> str:
        """Return the custom id that Discord sends when the button is pressed."""
        if not cls.choices:
            return button_id(cls.action, job_id)
        return f"{button_id(cls.action, job_id)}:{choice or next(iter(cls.choices))}"

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Find the job, check whose it is, and act; errors are answered."""
        async with Guarded(interaction, f"the button {self.action}"):
            bot: ButtonBot = interaction.client
            with about_job(self.job_id):
                if self.opens_modal:
                    job = await in_time(bot.store.job(self.job_id))
                else:
                    await defer(interaction)
                    job = await bot.store.job(self.job_id)
                if job is None:
                    raise GoneError(_(GONE))
                if self.guarded_verb is None:
                    check_may_see(interaction, job)
                else:
                    await check_owner_or_moderator(interaction, job, self.guarded_verb)
                await self.act(interaction, bot, job)

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Do what the button does. It may raise.

        It must edit the deferred answer, or open the modal.
        """
        raise NotImplementedError  # subclasses implement it


def view_of(job_id: str, buttons: Sequence[type[JobButton] | Placed]) -> discord.ui.View:
    """Return a view of buttons about one job; it is not kept after sending."""
    view = discord.ui.View(timeout=None)
    for button in buttons:
        item = button(job_id)
        item.row = button.place
        view.add_item(item)
    return view


async def note_act(
    interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob, act: Act
) -> None:
    """Log what a moderator does to another person's picture; raises StoreError."""
    person = str(interaction.user.id)
    if job.person != person and job.guild_id is not None:
        await bot.moderation_log.note(LoggedAct(job.guild_id, person, act, job.person, job.id))
