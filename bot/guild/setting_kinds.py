"""The kinds of server settings: number, size, choice, switch, seed, channels, roles, words.

Each kind reads what a person types, checks what a file contains, says which values there are and
shows one. All refusals are SettingErrors that say what to write instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import SettingError
from bot.guild.blocked_words import MAX_ENTRIES, check_entry
from bot.host.settings import Settings
from bot.language import _, plural
from bot.language.formatting import escape
from engine.errors import RequestError
from engine.request.flag_values import parse_size
from engine.request.limits import MAX_SEED
from engine.request.request import make_request

RANDOM = "random"
MAX_LISTED = 50
_ID = re.compile(r"[0-9]{15,20}")
STAR = "⭐"
# A server's own emoji as Discord writes it, a digit in a box, or other signs beyond ASCII.
_EMOJI = re.compile(r"<a?:\w{2,32}:[0-9]{15,20}>|[0-9#*]\ufe0f?\u20e3|[^\x00-\x7f\w\s]{1,12}")


class Kind:
    """The base of all kinds, and the kind of a plain text of up to 100 characters."""

    typed = True  # changed with /config set; other kinds have their own commands
    of_one_server = False  # has ids that mean nothing in another server

    def read(self, name: str, text: str, host: Settings) -> Any:
        """The value of what a person typed; raises SettingError."""
        return self.check(name, text.strip(), host)

    def check(self, name: str, value: Any, host: Settings) -> Any:
        """The value as it is stored, given one from a JSON file; raises SettingError."""
        if not isinstance(value, str) or not 1 <= len(value) <= 100:
            raise SettingError(_("{name} must be 1 to 100 characters long.", name=name))
        return value

    def fits(self, name: str, value: Any, host: Settings) -> bool:
        """Whether a stored value is still within the host's limits."""
        try:
            self.check(name, value, host)
        except SettingError:
            return False
        return True

    def show(self, value: Any) -> str:
        """The value for people, in Discord's markdown."""
        return escape(str(value), 100)

    def range(self, host: Settings) -> str:
        """Which values there are, in words."""
        return _("a name")

    def choices(self, host: Settings) -> list[str]:
        """Values to offer in autocompletion; none if they cannot be listed."""
        return []

    def refusal(self, name: str, value: Any, host: Settings) -> SettingError:
        """The error that says which values there are, for an invalid ``value``."""
        return SettingError(
            _(
                '{name} must be {range}, not "{value}".',
                name=name,
                range=self.range(host),
                value=escape(str(value), 40),
            )
        )


@dataclass(frozen=True)
class Number(Kind):
    """A number from ``low`` to ``high``; the host may narrow either."""

    low: Callable[[Settings], float]
    high: Callable[[Settings], float]
    whole: bool = True
    above: bool = False  # excludes low itself

    def read(self, name: str, text: str, host: Settings) -> Any:
        text = text.strip()
        try:
            return self.check(name, int(text) if self.whole else float(text), host)
        except ValueError:
            raise self.refusal(name, text, host) from None

    def check(self, name: str, value: Any, host: Settings) -> Any:
        numbers = (int,) if self.whole else (int, float)
        low, high = self.low(host), self.high(host)
        if (
            isinstance(value, bool)
            or not isinstance(value, numbers)
            or not math.isfinite(value)
            or not low <= value <= high
            or (self.above and value == low)
        ):
            raise self.refusal(name, value, host)
        return value

    def show(self, value: Any) -> str:
        return f"{value:g}" if isinstance(value, float) else str(value)

    def range(self, host: Settings) -> str:
        low, high = f"{self.low(host):.10g}", f"{self.high(host):.10g}"
        if self.above:
            return _("a number above {low}, up to {high}", low=low, high=high)
        if self.whole:
            return _("a whole number from {low} to {high}", low=low, high=high)
        return _("a number from {low} to {high}", low=low, high=high)


class Size(Kind):
    """Width and height in pixels, stored as "256x128", within the host's limit of pixels."""

    def check(self, name: str, value: Any, host: Settings) -> Any:
        try:
            size = parse_size(str(value))
            request = make_request("a size", **size)
        except RequestError:
            raise self.refusal(name, value, host) from None
        width, height = request.width or 0, request.height or 0
        most = host.limits.max_pixels
        if width * height > most:
            side = math.isqrt(most)
            raise SettingError(
                _(
                    "{width}x{height} is too big for {name}: the host allows at most "
                    "{most} pixels. Try {side}x{side}.",
                    name=name,
                    width=width,
                    height=height,
                    most=most,
                    side=side,
                )
            )
        return f"{width}x{height}"

    def range(self, host: Settings) -> str:
        return _(
            "a size like 256x128, 16 to 2048 per side, at most {most} pixels",
            most=host.limits.max_pixels,
        )

    def choices(self, host: Settings) -> list[str]:
        sides = (128, 192, 256, 384, 512, 768, 1024)
        return [f"{side}x{side}" for side in sides if side * side <= host.limits.max_pixels]


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few names."""

    names: Callable[[], Sequence[str]]

    def check(self, name: str, value: Any, host: Settings) -> Any:
        if value not in self.names():
            raise self.refusal(name, value, host)
        return value

    def range(self, host: Settings) -> str:
        return _("one of {names}", names=", ".join(self.names()))

    def choices(self, host: Settings) -> list[str]:
        return list(self.names())


class Switch(Kind):
    """On or off."""

    def read(self, name: str, text: str, host: Settings) -> Any:
        return self.check(name, {"on": True, "off": False}.get(text.strip().lower(), text), host)

    def check(self, name: str, value: Any, host: Settings) -> Any:
        if not isinstance(value, bool):
            raise self.refusal(name, value, host)
        return value

    def show(self, value: Any) -> str:
        return _("on") if value else _("off")

    def range(self, host: Settings) -> str:
        return _("on or off")

    def choices(self, host: Settings) -> list[str]:
        return ["on", "off"]


class Seed(Kind):
    """A new seed for each picture, or the same seed for all."""

    def read(self, name: str, text: str, host: Settings) -> Any:
        text = text.strip().lower()
        return self.check(name, int(text) if text.isascii() and text.isdigit() else text, host)

    def check(self, name: str, value: Any, host: Settings) -> Any:
        fixed = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEED
        if value != RANDOM and not fixed:
            raise self.refusal(name, value, host)
        return value

    def range(self, host: Settings) -> str:
        return _("random, or a whole number from 0 to {most}", most=MAX_SEED)

    def choices(self, host: Settings) -> list[str]:
        return [RANDOM, "0"]


@dataclass(frozen=True)
class Mentions(Kind):
    """Channels or roles of the server, by id; ``mark`` is what Discord writes before one."""

    mark: str
    typed = False
    of_one_server = True

    def check(self, name: str, value: Any, host: Settings) -> Any:
        if (
            not isinstance(value, list)
            or len(value) > MAX_LISTED
            or not all(isinstance(id, str) and _ID.fullmatch(id) for id in value)
        ):
            raise SettingError(
                _(
                    "{name} must be a list of at most {most} Discord IDs.",
                    name=name,
                    most=MAX_LISTED,
                )
            )
        return list(dict.fromkeys(value))

    def show(self, value: Any) -> str:
        return _shortened([f"<{self.mark}{id}>" for id in value], 8)

    def range(self, host: Settings) -> str:
        what = _("channels") if self.mark == "#" else _("roles")
        return _("up to {most} {what}", most=MAX_LISTED, what=what)


class Channel(Kind):
    """One channel of the server, by its id; typed as a mention or an id."""

    of_one_server = True

    def read(self, name: str, text: str, host: Settings) -> Any:
        return self.check(name, text.strip().removeprefix("<#").removesuffix(">"), host)

    def check(self, name: str, value: Any, host: Settings) -> Any:
        if not isinstance(value, str) or _ID.fullmatch(value) is None:
            raise self.refusal(name, value, host)
        return value

    def show(self, value: Any) -> str:
        return f"<#{value}>"

    def range(self, host: Settings) -> str:
        return _("a channel like #moderators")


class Emoji(Kind):
    """One emoji: a standard one, or a server's own like ``<:name:123>``."""

    def check(self, name: str, value: Any, host: Settings) -> Any:
        if not isinstance(value, str) or _EMOJI.fullmatch(value) is None:
            raise self.refusal(name, value, host)
        return value

    def range(self, host: Settings) -> str:
        return _("one emoji")


@dataclass(frozen=True)
class NumberByRole(Kind):
    """A number for each of some roles, by the role's id."""

    number: Number
    typed = False
    of_one_server = True

    def check(self, name: str, value: Any, host: Settings) -> Any:
        if (
            not isinstance(value, dict)
            or len(value) > MAX_LISTED
            or not all(_ID.fullmatch(str(id)) for id in value)
        ):
            raise SettingError(
                _(
                    "{name} must have a number for each role ID, for at most {most} roles.",
                    name=name,
                    most=MAX_LISTED,
                )
            )
        return {str(id): self.number.check(name, given, host) for id, given in value.items()}

    def show(self, value: Any) -> str:
        return _shortened([f"<@&{id}> {number}" for id, number in value.items()], 8)

    def range(self, host: Settings) -> str:
        return _("for each role, {range}", range=self.number.range(host))


class Words(Kind):
    """Words, phrases and expressions; see bot.guild.blocked_words."""

    typed = False

    def check(self, name: str, value: Any, host: Settings) -> Any:
        if not isinstance(value, list) or len(value) > MAX_ENTRIES:
            raise SettingError(
                _("{name} must be a list of at most {most} words.", name=name, most=MAX_ENTRIES)
            )
        return list(dict.fromkeys(check_entry(entry) for entry in value))

    def show(self, value: Any) -> str:
        # The words may be offensive: /config words list shows them behind spoilers.
        return plural("{number} word", "{number} words", len(value))

    def range(self, host: Settings) -> str:
        return _("up to {most} words, phrases or regex: expressions", most=MAX_ENTRIES)


def _shortened(parts: list[str], most: int) -> str:
    more = len(parts) - most
    return ", ".join(parts[:most]) + (_(" and {more} more", more=more) if more > 0 else "")
