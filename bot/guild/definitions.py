"""The table of a server's settings: their names, kinds, defaults and limits.

docs/settings.md is generated from it (``python -m bot.guild.settings_table``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.errors import SettingError
from bot.guild.concepts import Concepts
from bot.guild.setting_kinds import (
    RANDOM,
    STAR,
    Channel,
    Choice,
    Emoji,
    Kind,
    Mentions,
    Number,
    NumberByRole,
    Seed,
    Size,
    Switch,
    Words,
)
from bot.host.settings import Settings
from bot.language import AUTO, LANGUAGES, _
from engine.request.limits import range_of, whole_range
from engine.request.prompt import MAX_CHOICES
from engine.request.recipe import PRESETS


@dataclass(frozen=True)
class Definition:
    """One setting. ``default`` is the host's or the built-in value; None is shown as ``unset``.

    ``variable`` is the host's setting that gives the default, ``limit`` the one that bounds it.
    """

    name: str
    about: Callable[[], str]
    kind: Kind
    default: Callable[[Settings], Any] = lambda host: None
    unset: Callable[[], str] = lambda: _("none")
    variable: str | None = None
    limit: str | None = None

    def shown(self, value: Any) -> str:
        """Return the value as text for users."""
        return self.unset() if value is None or value in ([], {}) else self.kind.show(value)


def _constant(number: float) -> Callable[[Settings], float]:
    return lambda host: number


_MOST_CUTOUTS = whole_range("cutouts")[1]
_MOST_AT_ONCE = whole_range("count")[1]
_MAX_RATE = float(range_of("learning_rate").high)
_LEAST_SHARE = 10  # percent
_MOST_A_DAY, _LONGEST_COOLDOWN, _MOST_DAYS = 10_000, 86_400, 36_500
_ITERATIONS = Number(_constant(1), lambda host: host.limits.max_iterations)
_CUTOUTS = Number(_constant(1), _constant(_MOST_CUTOUTS))
_RATE = Number(_constant(0), _constant(_MAX_RATE), whole=False, above=True)
_SHARE = Number(_constant(_LEAST_SHARE), lambda host: host.limits.max_share)
_A_DAY = Number(_constant(0), _constant(_MOST_A_DAY))


def _of_model() -> str:
    return _("set by the model or preset")


def _everyone() -> str:
    return _("everyone")


REPLIES = ("off", "prefix", "all")
PROGRESS = ("line", "remove")

SECTIONS: dict[str, tuple[Definition, ...]] = {
    "defaults": (
        Definition(
            "model",
            lambda: _("the default model"),
            Kind(),
            lambda host: host.painting.model,
            variable="IMAGINE_MODEL",
        ),
        Definition(
            "size",
            lambda: _("the default width and height in pixels"),
            Size(),
            unset=_of_model,
            limit="IMAGINE_MAX_PIXELS",
        ),
        Definition(
            "iterations",
            lambda: _("the default number of iterations"),
            _ITERATIONS,
            unset=_of_model,
            limit="IMAGINE_MAX_ITERATIONS",
        ),
        Definition(
            "cutouts",
            lambda: _("the default number of cutouts per iteration"),
            _CUTOUTS,
            unset=_of_model,
        ),
        Definition(
            "learning_rate",
            lambda: _("the default learning rate: how much each iteration changes the picture"),
            _RATE,
            unset=_of_model,
        ),
        Definition(
            "preset",
            lambda: _("the default preset: a named set of numbers, such as the augmentations"),
            Choice(lambda: list(PRESETS)),
            lambda host: "default",
        ),
        Definition("seed", lambda: _("the default seed"), Seed(), lambda host: RANDOM),
        Definition(
            "preview_seconds",
            lambda: _("seconds between two previews of a picture"),
            Number(lambda host: host.delivery.preview_seconds, _constant(600), whole=False),
            lambda host: host.delivery.preview_seconds,
            variable="IMAGINE_PREVIEW_SECONDS",
            limit="IMAGINE_PREVIEW_SECONDS",
        ),
    ),
    "maximums": (
        Definition(
            "max_size",
            lambda: _("the maximum size; other shapes can have as many pixels as this one"),
            Size(),
            unset=lambda: _("the host's limit"),
            variable="IMAGINE_MAX_PIXELS",
            limit="IMAGINE_MAX_PIXELS",
        ),
        Definition(
            "max_iterations",
            lambda: _("the maximum number of iterations"),
            _ITERATIONS,
            lambda host: host.limits.max_iterations,
            variable="IMAGINE_MAX_ITERATIONS",
            limit="IMAGINE_MAX_ITERATIONS",
        ),
        Definition(
            "max_cutouts",
            lambda: _("the maximum number of cutouts"),
            _CUTOUTS,
            lambda host: _MOST_CUTOUTS,
        ),
        Definition(
            "max_learning_rate",
            lambda: _("the maximum learning rate"),
            _RATE,
            lambda host: _MAX_RATE,
        ),
        Definition(
            "max_count",
            lambda: _("how many pictures a member can ask for at once (count)"),
            Number(_constant(1), _constant(_MOST_AT_ONCE)),
            lambda host: _MOST_AT_ONCE,
        ),
        Definition(
            "max_choices",
            lambda: _("how many pictures the choices in one prompt can make"),
            Number(_constant(1), _constant(MAX_CHOICES)),
            lambda host: MAX_CHOICES,
        ),
    ),
    "who and where": (
        Definition(
            "channels_allowed",
            lambda: _("the only channels I paint in, including their threads"),
            Mentions("#"),
            unset=lambda: _("everywhere"),
        ),
        Definition(
            "channels_denied",
            lambda: _("channels I don't paint in, including their threads"),
            Mentions("#"),
        ),
        Definition(
            "roles_use", lambda: _("roles that can make pictures"), Mentions("@&"), unset=_everyone
        ),
        Definition(
            "roles_edit", lambda: _("roles that can edit pictures"), Mentions("@&"), unset=_everyone
        ),
        Definition(
            "roles_big",
            lambda: _("roles that can exceed max_size, up to the host's limit"),
            Mentions("@&"),
        ),
        Definition(
            "roles_spoiler",
            lambda: _("roles whose pictures are posted behind a spoiler"),
            Mentions("@&"),
        ),
        Definition(
            "replies",
            lambda: _(
                "which replies to my pictures edit them: off, prefix (those that start with "
                '"edit:" or "+", have an arrow or carry a picture), or all'
            ),
            Choice(lambda: list(REPLIES)),
            lambda host: "prefix",
        ),
    ),
    "limits per member": (
        Definition(
            "jobs_waiting",
            lambda: _("how many pictures a member can have in the queue at a time"),
            Number(_constant(1), lambda host: host.limits.max_jobs_per_person),
            lambda host: host.limits.max_jobs_per_person,
            variable="IMAGINE_MAX_JOBS_PER_PERSON",
            limit="IMAGINE_MAX_JOBS_PER_PERSON",
        ),
        Definition(
            "jobs_a_day",
            lambda: _("how many pictures a member can make in 24 hours"),
            _A_DAY,
            unset=lambda: _("unlimited"),
        ),
        Definition(
            "jobs_a_day_by_role",
            lambda: _("the same per role; a member's most generous limit counts"),
            NumberByRole(_A_DAY),
        ),
        Definition(
            "share_by_role",
            lambda: _(
                "a role's share of the queue in percent of the usual one; the largest counts"
            ),
            NumberByRole(_SHARE),
            unset=lambda: _("100 for everyone"),
            limit="IMAGINE_MAX_SHARE",
        ),
        Definition(
            "cooldown",
            lambda: _("seconds a member waits between two pictures"),
            Number(_constant(0), _constant(_LONGEST_COOLDOWN)),
            lambda host: 0,
        ),
    ),
    "content": (
        Definition(
            "progress",
            lambda: _(
                "what becomes of the message with the progress when the picture is posted: line "
                "(a short line with a link), or remove"
            ),
            Choice(lambda: list(PROGRESS)),
            lambda host: "line",
        ),
        Definition(
            "strip",
            lambda: _("whether results show a row of previews: how the picture came about"),
            Switch(),
            lambda host: False,
        ),
        Definition(
            "sparkline",
            lambda: _("whether results show as a small curve how the loss fell"),
            Switch(),
            lambda host: False,
        ),
        Definition("blocked_words", lambda: _("words that aren't allowed in prompts"), Words()),
        Definition("concepts", lambda: _("what pictures aren't allowed to show"), Concepts()),
        Definition(
            "concepts_adults_only",
            lambda: _(
                "whether prompts that name one of the concepts are painted only in "
                "age-restricted channels"
            ),
            Switch(),
            lambda host: False,
        ),
        Definition(
            "spoiler",
            lambda: _("whether pictures are posted behind a spoiler"),
            Switch(),
            lambda host: False,
        ),
        Definition(
            "private",
            lambda: _(
                "whether members can have pictures that only they see, in direct messages, with "
                "the option private"
            ),
            Switch(),
            lambda host: False,
        ),
        Definition(
            "language",
            lambda: _("the language of my messages about pictures; auto uses each member's own"),
            Choice(lambda: [AUTO, *LANGUAGES]),
            lambda host: AUTO,
        ),
    ),
    "moderation": (
        Definition(
            "log_channel",
            lambda: _("the channel in which I post what moderators do"),
            Channel(),
        ),
    ),
    "starboard": (
        Definition(
            "starboard_channel",
            lambda: _("the channel in which I post pictures with many stars, once each"),
            Channel(),
        ),
        Definition(
            "starboard_emoji",
            lambda: _("the reaction that counts as a star"),
            Emoji(),
            lambda host: STAR,
        ),
        Definition(
            "starboard_threshold",
            lambda: _("how many stars a picture needs for the starboard"),
            Number(_constant(1), _constant(1000)),
            lambda host: 5,
        ),
    ),
    "storage": (
        Definition(
            "retention_days",
            lambda: _("days until pictures and their data are deleted"),
            Number(_constant(1), lambda host: host.privacy.retention_days or _MOST_DAYS),
            lambda host: host.privacy.retention_days or None,
            unset=lambda: _("until someone deletes them"),
            variable="IMAGINE_RETENTION_DAYS",
            limit="IMAGINE_RETENTION_DAYS",
        ),
    ),
}
DEFINITIONS = {
    definition.name: definition for section in SECTIONS.values() for definition in section
}


def definition_of(name: str) -> Definition:
    """Return the setting called ``name``; raises SettingError if it is unknown."""
    found = DEFINITIONS.get(name.strip().lower())
    if found is None:
        raise SettingError(
            _(
                'There\'s no setting called "{name}". Choose from: {names}.',
                name=name[:40],
                names=", ".join(DEFINITIONS),
            )
        )
    return found
