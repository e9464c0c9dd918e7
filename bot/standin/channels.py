"""Channels, threads and forums, and what people may do in them."""

from __future__ import annotations

from dataclasses import dataclass, field

import discord

from bot.standin.guilds import MEMBER, NOTHING, Guild, Role, User

TEXT, DIRECT, VOICE, CATEGORY, NEWS, FORUM = 0, 1, 2, 4, 5, 15
NEWS_THREAD, PUBLIC_THREAD, PRIVATE_THREAD = 10, 11, 12
THREADS = (NEWS_THREAD, PUBLIC_THREAD, PRIVATE_THREAD)
_WITHOUT_MESSAGES = (CATEGORY, FORUM)
_NEED_TO_SEND = discord.Permissions(
    mention_everyone=True, send_tts_messages=True, attach_files=True, embed_links=True
)


@dataclass(frozen=True)
class Overwrite:
    """What a channel adds to somebody's permissions, and what it takes away."""

    allow: discord.Permissions = NOTHING
    deny: discord.Permissions = NOTHING

    def change(self, permissions: discord.Permissions) -> discord.Permissions:
        return permissions & ~self.deny | self.allow


@dataclass(eq=False)
class Channel:
    """A channel, a thread or direct messages, with its messages by id, oldest first."""

    id: str
    name: str
    guild: Guild | None
    bot: User
    kind: int = TEXT
    parent: Channel | None = None  # of a thread, or a category
    nsfw: bool = False
    archived: bool = False
    locked: bool = False
    overwrites: dict[str, tuple[bool, Overwrite]] = field(default_factory=dict)
    messages: dict[str, dict] = field(default_factory=dict)
    recipient: str | None = None
    deleted: bool = False

    @property
    def guild_id(self) -> str | None:
        return None if self.guild is None else self.guild.id

    @property
    def is_thread(self) -> bool:
        return self.kind in THREADS

    @property
    def takes_messages(self) -> bool:
        return self.kind not in _WITHOUT_MESSAGES

    def overwrite(
        self,
        who: Role | User,
        *,
        allow: discord.Permissions = NOTHING,
        deny: discord.Permissions = NOTHING,
    ) -> None:
        """Set the overwrite of a role or a member."""
        self.overwrites[who.id] = (isinstance(who, Role), Overwrite(allow, deny))

    def permissions_of(self, user: User) -> discord.Permissions:
        """What somebody may do here, as https://discord.com/developers/docs/topics/permissions."""
        if self.guild is None:
            return MEMBER
        allowed = self.guild.permissions_of(user)
        if allowed.administrator:
            return allowed
        allowed = self._overwritten(user, allowed, self.guild)
        if not allowed.view_channel:
            return NOTHING
        sends = allowed.send_messages_in_threads if self.is_thread else allowed.send_messages
        return allowed if sends else allowed & ~_NEED_TO_SEND

    def _overwritten(
        self, user: User, allowed: discord.Permissions, guild: Guild
    ) -> discord.Permissions:
        here = self.parent.overwrites if self.is_thread and self.parent else self.overwrites
        nothing = (True, Overwrite())
        allowed = here.get(guild.everyone.id, nothing)[1].change(allowed)
        roles = [here[role.id][1] for role in guild.roles_of(user) if role.id in here]
        for overwrite in roles:
            allowed = allowed & ~overwrite.deny
        for overwrite in roles:
            allowed = allowed | overwrite.allow
        return here.get(user.id, nothing)[1].change(allowed)

    @property
    def bot_permissions(self) -> discord.Permissions:
        """What the bot may do here.

        Setting it makes an overwrite for the bot, in a thread's parent.
        """
        return self.permissions_of(self.bot)

    @bot_permissions.setter
    def bot_permissions(self, permissions: discord.Permissions) -> None:
        assert self.guild is not None
        usual = self.guild.permissions_of(self.bot)
        place = self.parent if self.is_thread and self.parent else self
        place.overwrite(self.bot, allow=permissions & ~usual, deny=usual & ~permissions)

    def payload(self) -> dict:
        if self.guild is None:
            return {"id": self.id, "type": DIRECT, "last_message_id": None, "flags": 0}
        shared = {
            "id": self.id,
            "type": self.kind,
            "guild_id": self.guild.id,
            "name": self.name,
            "flags": 0,
            "parent_id": None if self.parent is None else self.parent.id,
            "rate_limit_per_user": 0,
            "last_message_id": None,
        }
        return shared | (self._thread() if self.is_thread else self._channel())

    def _channel(self) -> dict:
        return {
            "position": 0,
            "permission_overwrites": [
                {
                    "id": target,
                    "type": 0 if is_role else 1,
                    "allow": str(overwrite.allow.value),
                    "deny": str(overwrite.deny.value),
                }
                for target, (is_role, overwrite) in self.overwrites.items()
            ],
            "nsfw": self.nsfw,
            "topic": None,
        } | ({"available_tags": []} if self.kind == FORUM else {})

    def _thread(self) -> dict:
        return {
            "owner_id": self.bot.id,
            "thread_metadata": {
                "archived": self.archived,
                "archive_timestamp": "2026-01-01T00:00:00+00:00",
                "auto_archive_duration": 1440,
                "locked": self.locked,
            },
            "message_count": len(self.messages),
            "member_count": 1,
            "total_message_sent": len(self.messages),
        }

    def resolved(self, user: User) -> dict:
        """The channel as an option of a command has it."""
        payload = self.payload() | {"permissions": str(self.permissions_of(user).value)}
        payload.pop("permission_overwrites", None)
        return payload
