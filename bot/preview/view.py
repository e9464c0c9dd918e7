"""What a person sees in a channel, as JSON for the page."""

from __future__ import annotations

from typing import Any

from bot.preview.people import Place
from bot.standin import StandIn
from bot.standin.channels import Channel
from bot.standin.guilds import User
from bot.standin.interactions import ANSWER_SECONDS, AUTOCOMPLETE
from bot.standin.messages import EPHEMERAL

NO_ANSWER = "The application did not respond"


def place_of(standin: StandIn, place: Place) -> dict[str, Any]:
    """Return the server, its roles, the people, and whether the bot is connected."""
    world = standin.world
    return {
        "server": world.guild.name,
        "bot": {"id": world.bot.id, "name": world.bot.name},
        "ready": standin.gateway.ready.is_set() and bool(standin.registered.everywhere),
        "people": [
            {"id": person.user.id, "name": person.user.name, "about": person.about}
            for person in place.people
        ],
        "roles": [{"id": role.id, "name": role.name} for role in world.guild.roles[1:]],
    }


def channels_of(place: Place, user: User) -> list[dict[str, Any]]:
    """Return the channels that a person sees."""
    return [
        {
            "id": channel.id,
            "name": "imagine" if channel.guild is None else channel.name,
            "type": channel.kind,
            "direct": channel.guild is None,
            "moderates": channel.guild is not None and channel.permissions_of(user).manage_messages,
        }
        for channel in place.channels(user)
    ]


def commands_of(standin: StandIn, user: User, channel: Channel) -> list[dict[str, Any]]:
    """Return the commands and menus that a person is shown, as the bot registered them."""
    kept = ("name", "type", "description", "options", "id")
    return [
        {name: value for name, value in command.items() if name.startswith(kept)}
        for command in standin.registered.shown(channel, user)
    ]


def messages_of(standin: StandIn, user: User, channel: Channel) -> list[dict[str, Any]]:
    """Return the messages that a person sees, oldest first.

    A command or button that the bot has not answered in time appears as Discord shows it.
    """
    interactions = standin.interactions
    now = standin.clock.now()
    silent = [
        {"id": each.id, "author": standin.world.bot.payload(), "content": NO_ANSWER, "failed": True}
        for each in interactions.by_token.values()
        if each.user is user
        and each.channel is channel
        and each.kind != AUTOCOMPLETE
        and each.answer is None
        and now - each.created > ANSWER_SECONDS
    ]
    seen = [*channel.messages.values(), *interactions.hidden(user, channel), *silent]
    hidden = {"flags": EPHEMERAL, "embeds": [], "components": [], "attachments": []}
    return sorted(
        (hidden | message for message in seen), key=lambda message: int(str(message["id"]))
    )
