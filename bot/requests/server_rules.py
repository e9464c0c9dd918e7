"""Applies a server's settings to a request: fills in defaults, or refuses it.

Members with Manage Server can ask in any channel and without any role, because they could change
the setting. Blocked words, maximums, limits per member and the cooldown apply to them too.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

from bot.errors import LimitError, NotAllowedError
from bot.guild.blocked_words import FORMS, blocked_words
from bot.guild.rules import Rules, is_chosen
from bot.guild.setting_kinds import RANDOM
from bot.language import _, plural
from bot.language.formatting import escape
from bot.requests.asking import Asking
from bot.requests.limits import requested_size
from bot.requests.origin import Origin
from bot.requests.usage import check_usage
from data.store import Store
from engine.clock import now_ms
from engine.models.catalogue import load_catalogue
from engine.request.flag_values import parse_size
from engine.request.recipe import Recipe, make_recipe
from engine.request.request import ImageRequest, make_request

_NAMED = 3


class ServerRules:
    """Applies each server's settings, a part of the gate."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def check(self, asking: Asking, request: ImageRequest, rules: Rules) -> ImageRequest:
        """Return the request with the server's defaults; raises BotError, EngineError."""
        origin = asking.origin
        guild_id = origin.place.guild_id
        if guild_id is not None:
            check_private(origin, rules)
            await check_asked(origin, request, rules)
            await self._check_usage(guild_id, origin, rules, request.count or 1)
        request = request.with_values(**_base_defaults(request, rules))
        recipe = await asyncio.to_thread(_recipe, request)
        # The only validation on the way to the queue: a shrunk size may be out of range.
        request = request.changed(**_number_defaults(request, rules, recipe, _big(origin, rules)))
        check_maximums(request, rules, big=_big(origin, rules))
        check_steering(request, rules, recipe)
        return request

    async def check_change(
        self, origin: Origin, guild_id: str | None, request: ImageRequest, rules: Rules
    ) -> None:
        """Raise BotError unless this user can have a picture of that server changed to ``request``.

        It is painted already, so nothing is filled in, and it does not count as another one. A
        private picture is changed outside its server, where a person has no roles.
        """
        if guild_id is not None:
            if guild_id == origin.place.guild_id:
                check_member(origin, request, rules)
            await check_content(origin, request, rules)
        check_steering(request, rules, await asyncio.to_thread(_recipe, request))

    async def _check_usage(self, guild_id: str, origin: Origin, rules: Rules, count: int) -> None:
        now = now_ms()
        usage = await self._store.guilds.usage(guild_id, origin.person, now)
        waiting = await self._store.unfinished_of(origin.person)
        check_usage(rules, origin.roles, usage, waiting.count(guild_id), now, count)


async def check_asked(origin: Origin, request: ImageRequest, rules: Rules) -> None:
    """Raise NotAllowedError unless a server lets this user ask for this in this channel."""
    check_member(origin, request, rules)
    await check_content(origin, request, rules)


def check_member(origin: Origin, request: ImageRequest, rules: Rules) -> None:
    """Raise NotAllowedError unless the channel and the user's roles are allowed."""
    if not _manages(origin):
        check_channel(origin, rules)
        check_roles(origin, request, rules)


async def check_content(origin: Origin, request: ImageRequest, rules: Rules) -> None:
    """Raise NotAllowedError for words and concepts that the server does not allow."""
    # This takes milliseconds for a long prompt and a long list.
    await asyncio.to_thread(check_words, request, rules)
    if not origin.age_restricted:
        await asyncio.to_thread(check_concepts, request, rules)


def check_private(origin: Origin, rules: Rules) -> None:
    """Raise NotAllowedError for a private request where the server wants to see all pictures."""
    if origin.private and not rules.value("private"):
        raise NotAllowedError(
            _("This server doesn't allow private pictures. Ask me in a direct message instead.")
        )


def check_channel(origin: Origin, rules: Rules) -> None:
    """Raise NotAllowedError unless the channel, or a thread's parent, allows pictures."""
    here = set(origin.channels)
    allowed = rules.items("channels_allowed")
    if here & set(rules.items("channels_denied")):
        raise NotAllowedError(_("I can't paint in this channel. Try another one."))
    if allowed and not here & set(allowed):
        where = _any_of([f"<#{channel}>" for channel in allowed[:_NAMED]])
        raise NotAllowedError(_("I can't paint in this channel. Try {channels}.", channels=where))


def check_place(origin: Origin, rules: Rules) -> None:
    """Raise NotAllowedError unless the user can make pictures in this place at all."""
    if origin.place.guild_id is not None and not _manages(origin):
        check_channel(origin, rules)
        check_may_use(origin, rules)


def check_may_use(origin: Origin, rules: Rules) -> None:
    """Raise NotAllowedError if the user lacks a role for making pictures."""
    using = rules.items("roles_use")
    if using and not origin.roles & set(using):
        raise NotAllowedError(_("You need {roles} to make pictures here.", roles=_roles(using)))


def check_roles(origin: Origin, request: ImageRequest, rules: Rules) -> None:
    """Raise NotAllowedError if the user lacks a role for making, or editing, pictures.

    An edit is any request with a starting picture, whatever command or button it came from. Who
    can't edit pictures can't bring others to paint like either.
    """
    check_may_use(origin, rules)
    editing = rules.items("roles_edit")
    if not editing or origin.roles & set(editing):
        return
    if request.init_image is not None:
        raise NotAllowedError(_("You need {roles} to edit pictures here.", roles=_roles(editing)))
    if request.pictures_needed():
        raise NotAllowedError(
            _("You need {roles} to paint from other pictures here.", roles=_roles(editing))
        )


def check_words(request: ImageRequest, rules: Rules) -> None:
    """Raise NotAllowedError if the request contains a blocked word."""
    entries = rules.items("blocked_words")
    if not entries:
        return
    blocked = blocked_words(tuple(entries))
    for text in request.texts():
        found = blocked.find(text)
        if found is not None:
            # Behind a spoiler, because some answers are public.
            raise NotAllowedError(
                _("||{word}|| is blocked in this server.", word=escape(found, 100))
            )


def allows_words(prompt: str, rules: Rules) -> bool:
    """Whether the server's blocked words let a prompt of ours be shown, and painted."""
    try:
        check_words(make_request(prompt), rules)
    except NotAllowedError:
        return False
    return True


def check_concepts(request: ImageRequest, rules: Rules) -> None:
    """Raise NotAllowedError if the request names a concept that only adults can ask for."""
    concepts = rules.items("concepts")
    if not concepts or not rules.value("concepts_adults_only"):
        return
    named = blocked_words(tuple(f"{FORMS}{concept}" for concept in concepts))
    for text in request.texts():
        found = named.find(text)
        if found is not None:
            raise NotAllowedError(
                _(
                    "In this server, ||{concept}|| is only for age-restricted channels.",
                    concept=escape(found.removeprefix(FORMS), 100),
                )
            )


def check_maximums(request: ImageRequest, rules: Rules, *, big: bool) -> None:
    """Raise LimitError above the server's maximums; the host's limits are checked later."""
    for field in ("iterations", "cutouts", "learning_rate", "count"):
        value, most = getattr(request, field), rules.value(f"max_{field}")
        if value is not None and value > most and rules.source(f"max_{field}") == "server":
            raise LimitError(
                _(
                    "{field} can be at most {most:g} in this server, not {value:g}.",
                    value=value,
                    field=field.replace("_", " "),
                    most=most,
                )
            )
    most = rules.max_pixels
    width, height = requested_size(request)
    if not big and width * height > most and rules.source("max_size") == "server":
        side = math.isqrt(most)
        raise LimitError(
            _(
                "{width}x{height} is too big: this server allows at most {most} pixels. "
                "Try {side}x{side}.",
                width=width,
                height=height,
                most=most,
                side=side,
            )
        )


def check_steering(request: ImageRequest, rules: Rules, recipe: Recipe | None) -> None:
    """Raise LimitError if steering goes beyond the server's or the host's maximums."""
    most, number = most_iterations(rules), _iterations(request, recipe)
    if request.longer and number > most:
        raise LimitError(
            plural(
                "At most {number} iteration is allowed here, not {iterations}.",
                "At most {number} iterations are allowed here, not {iterations}.",
                most,
                iterations=number,
            )
        )
    usual = None if recipe is None else recipe.learning_rate
    rate = request.learning_rate or usual
    highest = rules.value("max_learning_rate")
    if rate is None or request.rate_factor == 1:
        return
    if rate * request.rate_factor > highest and rules.source("max_learning_rate") == "server":
        raise LimitError(
            _(
                "{field} can be at most {most:g} in this server, not {value:g}.",
                value=rate * request.rate_factor,
                field="learning rate",
                most=highest,
            )
        )


def most_iterations(rules: Rules) -> int:
    """Return how many iterations a picture can have here."""
    host, server = rules.host.limits.max_iterations, rules.value("max_iterations")
    return min(host, server) if rules.source("max_iterations") == "server" else host


def all_iterations(request: ImageRequest) -> int:
    """Return the iterations that a picture has, with those that were added; reads the catalogue.

    Of an edit it may have fewer.
    """
    return _iterations(request, _recipe(request))


def _iterations(request: ImageRequest, recipe: Recipe | None) -> int:
    usual = 0 if recipe is None else recipe.iterations
    return (request.iterations or usual) + (request.more or 0) + request.longer


def _base_defaults(request: ImageRequest, rules: Rules) -> dict[str, Any]:
    """Return the defaults that others depend on, model and preset, and the seed."""
    values = {
        name: rules.value(name) for name in ("model", "preset") if not is_chosen(request, name)
    }
    seed = rules.value("seed")
    if not is_chosen(request, "seed") and seed != RANDOM:
        values["seed"] = seed
    return values


def _number_defaults(
    request: ImageRequest, rules: Rules, recipe: Recipe | None, big: bool
) -> dict[str, Any]:
    """Return the numbers that are left open, lowered to their maximums."""
    values: dict[str, Any] = {}
    # The numbers of a preset that the user names belong together.
    own = request.preset != rules.value("preset")
    usual = (
        {}
        if recipe is None
        else {
            "iterations": recipe.iterations,
            "cutouts": recipe.augmentation.count,
            "learning_rate": recipe.learning_rate,
        }
    )
    for field in ("iterations", "cutouts", "learning_rate"):
        if getattr(request, field) is not None:
            continue
        value = None if own and field != "iterations" else rules.value(field)
        most = rules.value(f"max_{field}")
        if value is None and usual.get(field, 0) > most:
            value = most
        if value is not None:
            values[field] = min(value, most)
    if request.width is None and request.height is None and request.pixels is None:
        values.update(_size(request, rules, recipe, big))
    return values


def _size(request: ImageRequest, rules: Rules, recipe: Recipe | None, big: bool) -> dict[str, int]:
    """Return the size, if the server's default or maximum sets it.

    With an aspect, or the shape of an edit's picture, it is an area.
    """
    # An edit keeps its picture's shape.
    size = None if request.init_image else rules.value("size")
    if size is not None:
        width, height = parse_size(size).values()
    elif recipe is not None:
        width, height = recipe.width, recipe.height
    else:
        return {}
    most = rules.host.limits.max_pixels if big else rules.max_pixels
    if size is None and width * height <= most:
        return {}
    width, height = shrunk(width, height, most)
    if request.init_image or request.aspect is not None:
        return {"pixels": width * height}
    return {"width": width, "height": height}


def shrunk(width: int, height: int, most: int) -> tuple[int, int]:
    """Shrink the size to at most ``most`` pixels, keeping its shape."""
    if width * height <= most:
        return width, height
    scale = (most / (width * height)) ** 0.5
    return max(16, int(width * scale)), max(16, int(height * scale))


def pixels_allowed(origin: Origin, rules: Rules) -> int:
    """Return the most pixels that this user's pictures can have."""
    return rules.host.limits.max_pixels if _big(origin, rules) else rules.max_pixels


def _recipe(request: ImageRequest) -> Recipe | None:
    """Return the recipe that the model paints with; None if its catalogue entry is invalid.

    Raises UnknownModelError.
    """
    defaults = load_catalogue().model(request.networks).defaults
    try:
        return make_recipe(request.preset, defaults)
    except (KeyError, TypeError):
        return None  # the worker reports what is wrong with it


def _big(origin: Origin, rules: Rules) -> bool:
    return bool(origin.roles & set(rules.items("roles_big")))


def _manages(origin: Origin) -> bool:
    return origin.permissions.administrator or origin.permissions.manage_guild


def _roles(ids: Any) -> str:
    return _any_of([f"<@&{id}>" for id in ids[:_NAMED]])


def _any_of(names: list[str]) -> str:
    """Join names: "a", "a or b", "a, b or c"."""
    if len(names) == 1:
        return names[0]
    return _("{names} or {last}", names=", ".join(names[:-1]), last=names[-1])
