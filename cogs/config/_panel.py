"""The texts of /config: the panel of all settings, and the log of their changes."""

from __future__ import annotations

import json
from typing import Any

import discord

from bot.guild.definitions import DEFINITIONS, SECTIONS
from bot.guild.rules import Rules
from bot.language import _
from bot.language.formatting import escape
from bot.ui.card import COLOUR, Card
from data.guilds import Change

LOG_PAGE, _LINE = 8, 240
_SHOWN_WORDS, _SHOWN_LETTERS = 3, 20


def panel(rules: Rules) -> discord.ui.LayoutView:
    """Show every setting with its value and where it comes from.

    Discord allows 40 components and 4,000 characters; the panel has 18, and shortens lists.
    """
    titles = {
        "defaults": _("Defaults"),
        "maximums": _("Maximums"),
        "who and where": _("Who and where"),
        "limits per member": _("Limits per member"),
        "content": _("Content"),
        "moderation": _("Moderation"),
        "starboard": _("Starboard"),
        "storage": _("Storage"),
    }
    sources = {"server": _("server"), "host": _("host"), "built in": _("built in")}
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(
        discord.ui.TextDisplay(
            _("## This server's settings\n-# Each with its value and where it comes from")
        )
    )
    for section, definitions in SECTIONS.items():
        lines = [
            f"`{definition.name}` **{definition.shown(rules.value(definition.name))}** · "
            f"{sources[rules.source(definition.name)]}"
            for definition in definitions
        ]
        view.add_item(
            discord.ui.Container(
                discord.ui.TextDisplay(f"### {titles[section]}\n" + "\n".join(lines)),
                accent_colour=COLOUR,
            )
        )
    view.add_item(
        discord.ui.TextDisplay(
            _(
                "-# Change one with /config set or /config reset. Channels, roles, words and "
                "concepts have their own commands. See /config log for who changed what."
            )
        )
    )
    return view


def log_page(changes: list[Change], page: int) -> Card:
    """Return a page of the log, newest first."""
    card = Card(_("Changes of settings"))
    if not changes:
        card.text(
            _("Nobody has changed a setting in this server yet.")
            if page == 1
            else _("There are no older changes.")
        )
    lines = [
        f"<t:{change.at // 1000}:R> {_whose(change)} `{change.name}`: {_what(change)}"
        for change in changes[:LOG_PAGE]
    ]
    card.entries([line[:_LINE] for line in lines])
    if len(changes) > LOG_PAGE:
        card.text(_("-# Older changes: /config log page:{page}", page=page + 1))
    return card


def _whose(change: Change) -> str:
    return _("someone") if change.person is None else f"<@{change.person}>"


def _what(change: Change) -> str:
    definition = DEFINITIONS.get(change.name)
    if change.name == "blocked_words":
        before, after = change.before or [], change.after or []
        added = [entry for entry in after if entry not in before]
        removed = [entry for entry in before if entry not in after]
        parts = [_words("+", added), _words("−", removed)]  # noqa: RUF001  a minus sign
        return " ".join(part for part in parts if part)
    if change.name == "concepts":
        before, after = _concepts(change.before), _concepts(change.after)
        parts = [
            _words("−", [line for line in before if line not in after]),  # noqa: RUF001  as above
            _words("+", [line for line in after if line not in before]),
        ]
        return " ".join(part for part in parts if part)
    if definition is None:  # a setting of another version
        return f"{_raw(change.before)} → {_raw(change.after)}"
    return " → ".join(
        _("not set") if value is None else definition.shown(value)[:80]
        for value in (change.before, change.after)
    )


def _concepts(value: Any) -> list[str]:
    return [
        f"{entry['action']} {entry['threshold']:g} {concept}"
        for concept, entry in (value or {}).items()
    ]


def _words(sign: str, entries: list[str]) -> str:
    shown = [f"||{escape(entry, _SHOWN_LETTERS)}||" for entry in entries[:_SHOWN_WORDS]]
    more = [f"({len(entries)})"] if len(entries) > _SHOWN_WORDS else []
    return " ".join([sign, *shown, *more]) if entries else ""


def _raw(value: Any) -> str:
    return escape(json.dumps(value), 40)
