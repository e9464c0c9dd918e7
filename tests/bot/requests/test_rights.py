"""What is not known gives no rights: private threads, and threads whose channel is missing."""

from __future__ import annotations

from unittest.mock import create_autospec

import discord
import pytest

from bot.requests.rights import permissions_of

ALL = discord.Permissions.all()
WITHOUT_THREADS = discord.Permissions(view_channel=True, manage_messages=True)


def thread(*, private: bool, parent: object, permissions: discord.Permissions) -> discord.Thread:
    made = create_autospec(discord.Thread, instance=True)
    made.parent = parent
    made.is_private.return_value = private
    made.permissions_for.return_value = permissions
    if parent is None:  # as discord.py does
        made.permissions_for.side_effect = discord.ClientException("Parent channel not found")
    return made


@pytest.mark.parametrize(
    ("place", "seen"),
    [
        (thread(private=False, parent=object(), permissions=WITHOUT_THREADS), True),
        (thread(private=True, parent=object(), permissions=WITHOUT_THREADS), False),
        (thread(private=True, parent=object(), permissions=ALL), True),
        (thread(private=False, parent=None, permissions=ALL), False),
    ],
)
def test_threads_are_seen_only_by_members_who_surely_can(place, seen):
    member = create_autospec(discord.Member, instance=True)
    assert permissions_of(member, place).view_channel == seen
