"""Registered commands, and the data of an interaction that uses one."""

from __future__ import annotations

from typing import Any

import discord

from bot.standin.channels import Channel
from bot.standin.guilds import Role, User

SLASH, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP, STRING, ATTACHMENT = 1, 2, 3, 11
_KINDS: dict[int, tuple[type, ...]] = {
    STRING: (str,),
    4: (int,),
    5: (bool,),
    6: (User,),
    7: (Channel,),
    8: (Role,),
    9: (User, Role),
    10: (float, int),
    ATTACHMENT: (dict,),
}


class RefusedError(AssertionError):
    """A person's client would not let them do this."""


class Resolved:
    """Collects what an interaction names by id."""

    def __init__(self, channel: Channel, user: User):
        self.channel, self.user = channel, user
        self.data: dict[str, dict[str, Any]] = {}

    def add(self, value: Any) -> Any:
        """The value as the option or the select has it."""
        guild = self.channel.guild
        if isinstance(value, User):
            self._put("users", value.id, value.payload())
            if guild is not None:
                permissions = str(self.channel.permissions_of(value).value)
                member = guild.member(value) | {"permissions": permissions}
                del member["deaf"], member["mute"]  # resolved members have neither
                self._put("members", value.id, member)
        elif isinstance(value, Role):
            self._put("roles", value.id, value.payload())
        elif isinstance(value, Channel):
            self._put("channels", value.id, value.resolved(self.user))
        elif isinstance(value, dict):
            kind = "messages" if "channel_id" in value else "attachments"
            self._put(kind, value["id"], value)
            return value["id"]
        else:
            return value
        return value.id

    def _put(self, kind: str, key: str, payload: dict) -> None:
        self.data.setdefault(kind, {})[key] = payload


class Commands:
    """The commands of the application: everywhere, and by server."""

    def __init__(self) -> None:
        self.everywhere: list[dict] = []
        self.by_guild: dict[str, list[dict]] = {}

    def shown(self, channel: Channel, user: User) -> list[dict]:
        """What a person sees in a channel."""
        context = 1 if channel.guild_id is None else 0
        found = [*self.by_guild.get(channel.guild_id or "", ()), *self.everywhere]
        return [
            command
            for command in found
            if (command.get("contexts") is None or context in command["contexts"])
            and _is_shown(command, channel, user)
        ]

    def find(self, channel: Channel, user: User, name: str, kind: int = SLASH) -> dict:
        for command in self.shown(channel, user):
            if (command["name"], command["type"]) == (name, kind):
                return command
        raise RefusedError(f"{user.name} sees no command {name!r} in {channel.name!r}")

    def data(self, channel: Channel, user: User, path: str, values: dict[str, Any]) -> dict:
        """A slash command's data; ``path`` is its name, as in ``config channels allow``."""
        command, described, kinds = self._described(channel, user, path)
        resolved = Resolved(channel, user)
        options = _options(described, path, values, resolved)
        for option in described.get("options", []):
            if option["type"] in (SUBCOMMAND, GROUP):
                raise RefusedError(f"/{path} is a group")
            if option.get("required") and option["name"] not in values:
                raise RefusedError(f"/{path} requires {option['name']}")
        return _data(command, SLASH, options=_nested(path, kinds, options), resolved=resolved.data)

    def completion(
        self, channel: Channel, user: User, path: str, name: str, typed: str, others: dict
    ) -> dict:
        """The data of an autocompletion; required options may be missing."""
        command, described, kinds = self._described(channel, user, path)
        focused = _option(described, name, path)
        if not focused.get("autocomplete"):
            raise RefusedError(f"{name} of /{path} has no autocompletion")
        resolved = Resolved(channel, user)
        options = _options(described, path, others, resolved)
        options.append({"name": name, "type": focused["type"], "value": typed, "focused": True})
        return _data(command, SLASH, options=_nested(path, kinds, options), resolved=resolved.data)

    def _described(self, channel: Channel, user: User, path: str) -> tuple[dict, dict, list[int]]:
        """The command, its subcommand, and the kinds of the groups and subcommand to it."""
        name, *inner = path.split()
        command = described = self.find(channel, user, name)
        kinds = []
        for part in inner:
            described = _option(described, part, path)
            kinds.append(described["type"])
        return command, described, kinds

    def menu(self, channel: Channel, user: User, name: str, target: User | dict) -> dict:
        """The data of a command in the menu of a message or a person."""
        kind = USER_MENU if isinstance(target, User) else MESSAGE_MENU
        command = self.find(channel, user, name, kind)
        resolved = Resolved(channel, user)
        return _data(command, kind, target_id=resolved.add(target), resolved=resolved.data)


def _data(command: dict, kind: int, **more: Any) -> dict:
    data = {"id": command["id"], "name": command["name"], "type": kind, **more}
    return data if "guild_id" not in command else data | {"guild_id": command["guild_id"]}


def _is_shown(command: dict, channel: Channel, user: User) -> bool:
    needed = command.get("default_member_permissions")
    if needed is None or channel.guild_id is None:
        return True
    permissions = channel.permissions_of(user)
    if needed == "0":
        return permissions.administrator
    return permissions >= discord.Permissions(int(needed))


def _option(described: dict, name: str, path: str) -> dict:
    for option in described.get("options", []):
        if option["name"] == name:
            return option
    raise RefusedError(f"/{path} has no option {name!r}")


def _options(described: dict, path: str, values: dict, resolved: Resolved) -> list[dict]:
    return [
        _filled(_option(described, name, path), value, resolved) for name, value in values.items()
    ]


def _nested(path: str, kinds: list[int], options: list[dict]) -> list[dict]:
    """The options inside the subcommand and its group."""
    for name, kind in reversed(list(zip(path.split()[1:], kinds, strict=True))):
        options = [{"name": name, "type": kind, "options": options}]
    return options


def _filled(option: dict, value: Any, resolved: Resolved) -> dict:
    """An option with a value that its kind, choices and range allow."""
    kind, name = option["type"], option["name"]
    if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != 5):
        raise RefusedError(f"{name} does not take {value!r}")
    if option.get("choices") and value not in [choice["value"] for choice in option["choices"]]:
        raise RefusedError(f"{name} has no choice {value!r}")
    if isinstance(value, str):
        low, high = option.get("min_length", 0), option.get("max_length", 6000)
        if not low <= len(value) <= high:
            raise RefusedError(f"{name} takes {low} to {high} characters")
    elif isinstance(value, int | float):
        low, high = option.get("min_value", float("-inf")), option.get("max_value", float("inf"))
        if not low <= value <= high:
            raise RefusedError(f"{name} is {low} to {high}")
    if isinstance(value, Channel) and value.kind not in (
        option.get("channel_types") or [value.kind]
    ):
        raise RefusedError(f"{name} takes no channel of type {value.kind}")
    return {"name": name, "type": kind, "value": resolved.add(value)}
