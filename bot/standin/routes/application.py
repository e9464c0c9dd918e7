"""The bot itself, its commands, people, servers, and where the gateway is."""

from __future__ import annotations

from typing import Any

from bot.standin import checks
from bot.standin.commands import Commands
from bot.standin.gateway import Gateway
from bot.standin.guilds import User
from bot.standin.recorded import Recorded
from bot.standin.routes import Route
from bot.standin.world import World

_COMMANDS = r"/applications/(\d+)/commands"
_GUILD_COMMANDS = r"/applications/(\d+)/guilds/(\d+)/commands"


class ApplicationRoutes:
    """The routes of the bot's own account, commands and servers."""

    def __init__(self, world: World, commands: Commands, gateway: Gateway):
        self.world, self.commands, self.gateway = world, commands, gateway
        self.routes: list[Route] = [
            ("GET", r"/users/@me", lambda recorded: self.world.bot_user),
            ("GET", r"/oauth2/applications/@me", self.application),
            ("GET", r"/applications/@me", self.application),
            ("GET", r"/gateway/bot", self.find_gateway),
            ("GET", r"/users/(\d+)", self.user),
            ("POST", r"/users/@me/channels", self.direct),
            ("DELETE", r"/users/@me/guilds/(\d+)", self.leave),
            ("GET", r"/guilds/(\d+)", self.guild),
            ("GET", r"/guilds/(\d+)/members/(\d+)", self.member),
            ("GET", _COMMANDS, self.list_commands),
            ("PUT", _COMMANDS, self.sync),
            ("GET", _GUILD_COMMANDS, self.list_commands),
            ("PUT", _GUILD_COMMANDS, self.sync),
        ]

    def application(self, recorded: Recorded) -> Any:
        return {
            "id": self.world.application_id,
            "name": "imagine",
            "icon": None,
            "description": "",
            "type": None,
            "verify_key": "",
            "flags": 0,
            "flags_new": "0",
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": self.world.host.payload(),
            "approximate_guild_count": len(self.world.guilds),
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": [],
            "bot_public": True,
            "bot_require_code_grant": False,
            "rpc_origins": [],
            "integration_types_config": {},
        }

    def find_gateway(self, recorded: Recorded) -> Any:
        return {
            "url": self.gateway.url,
            "shards": self.gateway.shards,
            "session_start_limit": {
                "total": 1000,
                "remaining": self.gateway.starts_left,
                "reset_after": 14400000,
                "max_concurrency": self.gateway.concurrency,
            },
        }

    def user(self, recorded: Recorded, user_id: str) -> Any:
        return self.world.user(user_id).payload()

    def direct(self, recorded: Recorded) -> Any:
        user: User = self.world.user(str(recorded.payload["recipient_id"]))
        return self.world.direct(user.id).payload() | {"recipients": [user.payload()]}

    def leave(self, recorded: Recorded, guild_id: str) -> None:
        guild = self.world.joined_guild(guild_id)
        guild.kicked = True
        self.world.emit("GUILD_DELETE", {"id": guild_id}, guild_id)

    def guild(self, recorded: Recorded, guild_id: str) -> Any:
        return self.world.joined_guild(guild_id).payload()

    def member(self, recorded: Recorded, guild_id: str, user_id: str) -> Any:
        user = self.world.user(user_id)
        return self.world.joined_guild(guild_id).member(user) | {"user": user.payload()}

    def list_commands(
        self, recorded: Recorded, application_id: str, guild_id: str | None = None
    ) -> Any:
        if guild_id is None:
            return self.commands.everywhere
        self.world.joined_guild(guild_id)
        return self.commands.by_guild.get(guild_id, [])

    def sync(self, recorded: Recorded, application_id: str, guild_id: str | None = None) -> Any:
        checks.check_commands(recorded.payload)
        synced = [self._registered(command, application_id) for command in recorded.payload]
        if guild_id is None:
            self.commands.everywhere = synced
        else:
            self.world.joined_guild(guild_id)
            synced = [command | {"guild_id": guild_id} for command in synced]
            self.commands.by_guild[guild_id] = synced
        return synced

    def _registered(self, command: dict, application_id: str) -> dict:
        needed = command.get("default_member_permissions")
        return {
            "description": "",
            **command,
            "integration_types": command.get("integration_types") or [0],
            "default_member_permissions": None if needed is None else str(needed),
            "id": self.world.clock.snowflake(),
            "version": "1",
            "application_id": application_id,
            "type": command.get("type", 1),
        }
