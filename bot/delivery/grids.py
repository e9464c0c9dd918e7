"""The result of a grid: its pictures in one message, posted once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.delivery import messages
from bot.delivery.direct_messages import send_direct_message
from bot.delivery.endings import checked, stored_ending
from bot.delivery.grid_job import GridJob
from bot.delivery.messages import Text
from bot.delivery.picture_check import Verdict
from bot.delivery.results import Poster, Results, can_report, note_if_smaller
from bot.delivery.strip import Previews
from bot.errors import without_folders
from bot.guild.rules import GuildSettings, Rules
from bot.language import _, translated
from bot.language.formatting import escape, file_name
from bot.media.resize import shrink
from bot.media.sheet import sheet
from bot.requests.channels import as_number
from bot.ui.buttons import GridAgainButton
from data.jobs.stored import StoredJob
from data.store import Store
from engine.events import Cancelled, Done, Ending, Failed
from engine.jobs.job import Job
from engine.jobs.patience import Patience


@dataclass(frozen=True)
class Piece:
    """One picture of a grid: how its job ended, and what was found in it."""

    stored: StoredJob
    event: Ending
    verdict: Verdict


@dataclass(frozen=True)
class Outcome:
    """What became of a grid, whose first job is ``lead``; ``link`` is its result's.

    ``event`` stands for all of its ``number`` pictures.
    """

    lead: StoredJob
    number: int
    rules: Rules
    event: Ending
    link: str | None


class Grids:
    """Posts the results of grids."""

    def __init__(
        self,
        store: Store,
        guild_settings: GuildSettings,
        client: Poster,
        results: Results,
        patience: Patience,
    ) -> None:
        self._store = store
        self._guild_settings = guild_settings
        self._client = client
        self._results = results
        self._patience = patience

    async def resumed(self, jobs: Sequence[Job], id: str) -> tuple[GridJob, StoredJob]:
        """Return the grid whose ``jobs`` are left after a restart, and its first job."""
        stored = await self._store.grid(id)
        finished = {}
        for each in stored:
            if each.is_painted and (picture := await self._store.picture(each.id)) is not None:
                finished[each.id] = picture
        return GridJob(id, [each.id for each in stored], jobs, finished), stored[0]

    async def deliver(
        self, id: str, *, look_first: bool, previews: Previews | None = None
    ) -> Outcome | None:
        """Post the result of a grid all of whose jobs have ended; None if they were deleted.

        Pictures that failed, or were withheld or cancelled, leave their places empty.
        """
        stored = await self._store.grid(id)
        if not stored:
            return None
        lead = stored[0]
        rules = await self._guild_settings.rules(lead.guild_id)
        pieces = [await self._piece(each, rules) for each in stored]
        shown = [piece for piece in pieces if not isinstance(piece.event, Cancelled)]
        for piece in pieces:
            if piece not in shown:
                await self._store.set_told(piece.stored.id)
        if not shown:
            return Outcome(lead, len(stored), rules, Cancelled(), None)
        done = [piece.event for piece in pieces if isinstance(piece.event, Done)]
        event = _together(done) if done else shown[0].event

        async def make(limit: int) -> Text | None:
            if isinstance(event, Failed):
                reason = without_folders(translated(event.reason))
                text = messages.failed(lead.person, lead.request, reason)
                return messages.as_grid(text, len(stored))
            return await self._text(id, pieces, rules, limit, previews)

        link = await self._results.send(
            lead,
            make,
            lambda message: (
                messages.carries(message, GridAgainButton, id)
                and message.id != as_number(lead.progress_message_id)
            ),
            nonce=f"g{id}",
            look_first=look_first,
            ids=[piece.stored.id for piece in shown],
        )
        await send_direct_message(self._store.people, self._client, lead, event, link)
        return Outcome(lead, len(stored), rules, event, link)

    async def _piece(self, stored: StoredJob, rules: Rules) -> Piece:
        ending = await self._patience.until_done(
            lambda: stored_ending(self._store, stored), stored.id
        )
        if isinstance(ending, Cancelled):
            return Piece(stored, ending, Verdict())
        return Piece(stored, *await checked(self._store, stored, ending, rules))

    async def _text(
        self,
        id: str,
        pieces: Sequence[Piece],
        rules: Rules,
        limit: int,
        previews: Previews | None,
    ) -> Text:
        lead = pieces[0].stored
        shown = {p.stored.id: p.event if isinstance(p.event, Done) else None for p in pieces}
        done = [event for event in shown.values() if event is not None]
        cells = [None if event is None else event.picture for event in shown.values()]
        whole = await asyncio.to_thread(sheet, cells)
        fitting = await asyncio.to_thread(shrink, whole, limit)
        data, ending = fitting or (b"", "png")
        notes = [] if ending == "png" else note_if_smaller(whole, data)
        notes += dict.fromkeys(note for event in done for note in event.notices)
        notes += _missing(pieces)
        name = file_name(lead.request.prompt, done[0].seed, id, ending)
        look = await self._results.look(whole, done[0].iterations, list(shown), rules, previews)
        text = messages.grid_result(
            id,
            lead.person,
            lead.request,
            shown,
            (name, data),
            notes,
            can_report(lead, rules),
            look,
        )
        verdict = Verdict(tuple(found for piece in pieces for found in piece.verdict.findings))
        text = verdict.marked(text)
        if fitting is None:
            return messages.too_large(text)
        hidden = rules.value("spoiler") or lead.spoiler or verdict.action == "spoiler"
        return messages.spoilered(text) if hidden else text


def _together(done: Sequence[Done]) -> Done:
    """What the short line about the result says of all pictures."""
    return Done(
        b"",
        seed=done[0].seed,
        seconds=sum(event.seconds for event in done),
        iterations=done[0].iterations,
        width=done[0].width,
        height=done[0].height,
    )


def _missing(pieces: Sequence[Piece]) -> list[str]:
    """Sentences about pictures that are not shown."""
    notes = []
    for number, piece in enumerate(pieces, 1):
        if isinstance(piece.event, Failed):
            reason = escape(without_folders(translated(piece.event.reason)), 200)
            notes.append(_("Picture {number}: {reason}", number=number, reason=reason))
        elif isinstance(piece.event, Cancelled):
            notes.append(_("Picture {number} was cancelled.", number=number))
    return notes
