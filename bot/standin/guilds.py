"""Servers, roles and people, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field

import discord

MEMBER = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    embed_links=True,
    read_message_history=True,
    add_reactions=True,
    use_application_commands=True,
)
MODERATOR = MEMBER | discord.Permissions(manage_messages=True)
NOTHING = discord.Permissions.none()


@dataclass(eq=False)
class Role:
    """A role of a server."""

    id: str
    guild_id: str
    name: str
    permissions: discord.Permissions
    position: int

    def payload(self) -> dict:
        return {
            "id": self.id,
            "name": self.name,
            "permissions": str(self.permissions.value),
            "position": self.position,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": False,
            "mentionable": False,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
        }


@dataclass(eq=False)
class User:
    """A person, or the bot itself; everybody is a member of every server."""

    id: str
    name: str
    roles: list[Role] = field(default_factory=list)
    takes_dms: bool = True
    locale: str = "en-US"
    bot: bool = False

    def payload(self) -> dict:
        return {
            "id": self.id,
            "username": self.name,
            "discriminator": "0001" if self.bot else "0",
            "avatar": None,
            "global_name": None if self.bot else self.name.title(),
            "bot": self.bot,
            "public_flags": 0,
            "flags": 0,
            "primary_guild": None,
        }


@dataclass(eq=False)
class Guild:
    """A server. Its first role is everybody's."""

    id: str
    name: str
    owner: User
    roles: list[Role]
    joined_at: str
    kicked: bool = False  # the bot is not a member

    @property
    def everyone(self) -> Role:
        return self.roles[0]

    def roles_of(self, user: User) -> list[Role]:
        """The roles that somebody was given."""
        return [role for role in user.roles if role.guild_id == self.id]

    def permissions_of(self, user: User) -> discord.Permissions:
        """What somebody may do in the server, before a channel's overwrites."""
        allowed = self.everyone.permissions
        for role in self.roles_of(user):
            allowed = allowed | role.permissions  # |= would change the role's
        if user is self.owner or allowed.administrator:
            return discord.Permissions.all()
        return allowed

    def member(self, user: User) -> dict:
        """A member as interactions and messages have it, without the person."""
        return {
            "avatar": None,
            "banner": None,
            "communication_disabled_until": None,
            "nick": None,
            "premium_since": None,
            "roles": [role.id for role in self.roles_of(user)],
            "joined_at": self.joined_at,
            "deaf": False,
            "mute": False,
            "flags": 0,
            "pending": False,
        }

    def payload(self) -> dict:
        """The server without its channels and members."""
        return {
            "id": self.id,
            "name": self.name,
            "icon": None,
            "description": None,
            "home_header": None,
            "splash": None,
            "discovery_splash": None,
            "features": [],
            "banner": None,
            "owner_id": self.owner.id,
            "application_id": None,
            "region": "deprecated",
            "afk_channel_id": None,
            "afk_timeout": 300,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "widget_enabled": False,
            "widget_channel_id": None,
            "verification_level": 0,
            "roles": [role.payload() for role in self.roles],
            "default_message_notifications": 0,
            "mfa_level": 0,
            "explicit_content_filter": 0,
            "max_presences": None,
            "max_members": 500000,
            "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25,
            "vanity_url_code": None,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "preferred_locale": "en-US",
            "rules_channel_id": None,
            "safety_alerts_channel_id": None,
            "public_updates_channel_id": None,
            "premium_progress_bar_enabled": False,
            "nsfw": False,
            "nsfw_level": 0,
            "emojis": [],
            "stickers": [],
            "incidents_data": None,
        }
