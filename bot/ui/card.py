"""The one design of messages that show something: a frame with a heading, texts, pictures, buttons.

Cards are made of Discord's layout components ("Components V2"). What is a card and what is not:

- A message that shows something (facts, a list, a page, pictures) is a card.
- An answer of one or two sentences, a question with two buttons, and an error are plain text: a
  frame adds nothing, and a message that was a card once can never have plain text again.
- A job's messages (progress, result, failure) are text with an embed. The text is what pings the
  requester. They are edited from state to state, also those from before an update of the bot, and
  one of them that became a card could not take the form of the next state any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import discord

from bot.language import _

COLOUR = 0x5865F2  # of a card without a picture
LETTERS = 4000  # Discord's limit, of all texts of a message together
_ROW = 5  # buttons
NOBODY = discord.AllowedMentions.none()


class Card:
    """A message as a card, from top to bottom. ``colour`` is that of its edge, as 0xRRGGBB.

    Texts are shortened by whole lines where Discord's limit of letters ends: the heading and what
    was added first stay. ``files`` are those that the message needs.
    """

    def __init__(self, title: str = "", *, colour: int = COLOUR) -> None:
        self.colour = colour
        self.files: list[discord.File] = []
        self._items: list[discord.ui.Item[Any]] = []
        self._letters = LETTERS
        if title:
            self.text(f"### {title}")

    def text(self, text: str, *, most: int = LETTERS) -> None:
        """Add a text in Discord's markup, of at most so many letters; nothing if it is empty."""
        self.entries(text.splitlines(), letters=most)

    def entries(self, entries: Sequence[str], *, most: int = 1000, letters: int = LETTERS) -> None:
        """Add a list, each entry on lines of its own: as many whole ones as fit, up to ``most``."""
        shown = fitting(entries, min(letters, self._letters), most)
        if shown.strip():
            self._letters -= len(shown)
            self._items.append(discord.ui.TextDisplay(shown))

    def small(self, text: str) -> None:
        """Add small print."""
        if text:
            self.text("\n".join(f"-# {line}" for line in text.splitlines()))

    def fact(self, name: str, value: str, *, most: int = 1024) -> None:
        """Add a named text on lines of its own; nothing if it is empty."""
        if value:
            self.text(f"**{name}**\n{value}", most=most + len(name) + 5)

    def facts(self, facts: Mapping[str, str]) -> None:
        """Add short facts by their names, all on one line."""
        self.text(" · ".join(f"**{name}** {value}" for name, value in facts.items()))

    def pictures(self, files: Iterable[tuple[discord.File, bool]]) -> None:
        """Add up to ten pictures side by side, each with whether it is behind a spoiler.

        Their descriptions are their alt text.
        """
        gallery = discord.ui.MediaGallery[Any]()
        for file, hidden in files:
            self.files.append(file)
            gallery.add_item(
                media=f"attachment://{file.filename}",
                description=file.description,
                spoiler=hidden,
            )
        if gallery.items:
            self._items.append(gallery)

    def buttons(self, *buttons: discord.ui.Item[Any]) -> None:
        """Add buttons, five in a row."""
        for start in range(0, len(buttons), _ROW):
            self._items.append(discord.ui.ActionRow(*buttons[start : start + _ROW]))

    def view(self) -> discord.ui.LayoutView:
        """Return the message's components; the buttons answer by their ids, also after restarts."""
        view = discord.ui.LayoutView(timeout=None)
        view.add_item(discord.ui.Container(*self._items, accent_colour=self.colour))
        return view


async def show(interaction: discord.Interaction[Any], card: Card) -> None:
    """Answer with the card, without pings, for the user alone; or put it in place of the message.

    That is what happens to the message of a button that was deferred without an answer of its own.
    """
    view = card.view()
    if not interaction.response.is_done():
        await interaction.response.send_message(
            view=view, files=card.files, ephemeral=True, allowed_mentions=NOBODY
        )
    elif _is_text(interaction):  # from before an update: Discord refuses a card next to a text
        await interaction.edit_original_response(
            content=None, embeds=[], view=view, attachments=card.files, allowed_mentions=NOBODY
        )
    else:
        await interaction.edit_original_response(
            view=view, attachments=card.files, allowed_mentions=NOBODY
        )
    # The registered buttons answer clicks, also after a restart; the view is not needed.
    view.stop()


def _is_text(interaction: discord.Interaction[Any]) -> bool:
    """Whether the answer takes the place of a message that is no card."""
    message = interaction.message
    replaces = interaction.response.type == discord.InteractionResponseType.deferred_message_update
    return replaces and message is not None and not message.flags.components_v2


def fitting(entries: Sequence[str], letters: int, most: int = 1000) -> str:
    """As many whole entries as fit into so many letters, on lines, and how many more there are.

    If not even the first fits, it is cut.
    """
    if len(entries) <= most and len(text := "\n".join(entries)) <= letters:
        return text
    more, room, shown = len(entries), letters, 0
    room -= len(_more(more))
    for entry in entries[:most]:
        room -= len(entry) + 1
        if room < 0:
            break
        shown += 1
    if not shown:
        return f"{entries[0][: letters - 1].rstrip()}…" if letters > 0 else ""
    return "\n".join([*entries[:shown], _more(more - shown)])


def _more(number: int) -> str:
    return _("and {number} more", number=number)
