"""The messages about a job: content, embed, files and buttons, for each of its states."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import discord

from bot.delivery.strip import Strip
from bot.language import _, plural, translated
from bot.language.formatting import (
    ALT_LENGTH,
    alt_text,
    duration,
    escape,
    from_now,
    place_in_queue,
    prompt_lines,
    result_line,
    settings_line,
)
from bot.requests.custom_ids import custom_ids
from bot.ui.buttons import (
    AgainButton,
    CancelButton,
    ContinueButton,
    DeleteButton,
    EditButton,
    FavouriteButton,
    GridAgainButton,
    GridDeleteButton,
    GridRemixButton,
    KeepButton,
    RemixButton,
    ReportButton,
    StopButton,
    VideoButton,
)
from bot.ui.job_button import JobButton, Placed, view_of
from bot.ui.steering_buttons import STEERING
from bot.ui.variation_buttons import MoreButton, UpscaleButton, VaryButton
from engine.events import Done, Progress, Queued
from engine.request.request import ImageRequest

WAITING, PAINTING, PAINTED, FAILED = 0x95A5A6, 0x3498DB, 0x2ECC71, 0xE67E22
_BAR = 16
_FIELD = 1024  # characters, Discord's limit
SPOILER = "SPOILER_"
OVERLAY = "may-change.jpg"


@dataclass(frozen=True)
class Look:
    """How a result looks: the ``colour`` of its edge, and what the server's settings add.

    ``losses`` is a line about them, empty without.
    """

    colour: int = PAINTED
    losses: str = ""
    strip: Strip | None = None


_PLAIN = Look()


@dataclass(frozen=True)
class Text:
    """The parts of one message, except the view, which each sending needs fresh.

    ``files`` are (name, bytes), because sending consumes discord.py's File objects; ``alt``
    describes them for people who cannot see them. ``job_id`` is whose buttons they are, if not
    those of the job that the message is sent for. ``strip`` is a second picture below the first.
    """

    content: str
    embed: discord.Embed
    buttons: tuple[type[JobButton] | Placed, ...]
    files: tuple[tuple[str, bytes], ...] = field(repr=False, default=())
    alt: str | None = None
    job_id: str | None = None
    strip: Strip | None = None

    @property
    def embeds(self) -> list[discord.Embed]:
        """The embed, unless it is empty, and one for the strip, unless that is a spoiler."""
        embeds = [self.embed] if self.embed else []
        if self.strip is not None and not self.strip.name.startswith(SPOILER):
            below = discord.Embed(colour=self.embed.colour)
            embeds.append(below.set_image(url=f"attachment://{self.strip.name}"))
        return embeds

    def view(self, job_id: str) -> discord.ui.View:
        """Return the buttons of this message."""
        return view_of(self.job_id or job_id, self.buttons)

    def new_files(self) -> list[discord.File]:
        """Return the files as new File objects, for one sending."""
        alts = {OVERLAY: _("The area that can change")}
        files = [
            (name, data, alts.get(name.removeprefix(SPOILER), self.alt))
            for name, data in self.files
        ]
        if self.strip is not None:
            files.append((self.strip.name, self.strip.data, self.strip.alt))
        return [
            discord.File(io.BytesIO(data), filename=name, description=alt)
            for name, data, alt in files
        ]


UNDERWAY: tuple[type[JobButton], ...] = (StopButton, CancelButton, RemixButton)
PAINTING_NOW: tuple[type[JobButton] | Placed, ...] = (*UNDERWAY, *STEERING)
FINISHED: tuple[type[JobButton], ...] = (
    AgainButton,
    RemixButton,
    ContinueButton,
    EditButton,
    VideoButton,
    FavouriteButton,
    DeleteButton,
)
GRID = (GridAgainButton, Placed(GridRemixButton, 1), Placed(GridDeleteButton, 2))
_OF_GRID: dict[type[JobButton] | Placed, type[JobButton]] = {
    AgainButton: GridAgainButton,
    RemixButton: GridRemixButton,
}
RETRY: tuple[type[JobButton], ...] = (AgainButton, RemixButton)


def _embed(request: ImageRequest, colour: int, settings: str | None = None) -> discord.Embed:
    embed = discord.Embed(description=prompt_lines(request), colour=colour)
    embed.set_footer(text=(settings or settings_line(request))[:2048])
    return embed


def queued(person: str, request: ImageRequest, event: Queued | None) -> Text:
    """The job is queued; without an event its position is unknown."""
    line = _("Queued") if event is None else place_in_queue(event.position, event.eta)
    return Text(_for(line, person), _embed(request, WAITING), UNDERWAY)


def _for(line: str, person: str) -> str:
    return _("{what} · for {person}", what=line, person=f"<@{person}>")


def painting(person: str, request: ImageRequest, event: Progress) -> Text:
    """The job is running, with its newest preview."""
    # From here on the size is known: the model rounds it, an edit has its picture's.
    size = (event.width, event.height) if event.width and event.height else None
    embed = _embed(request, PAINTING, settings_line(request, size=size))
    if event.iteration == 0 and not event.preview:
        ready = Text(_for(_("Getting ready"), person), embed, UNDERWAY)
        return _marked(ready, request, event.overlay, event.notices)
    share = event.iteration / max(1, event.iterations)
    full = round(share * _BAR)
    line = _(
        "Painting {bar} {iteration} of {iterations}",
        bar=f"`{'█' * full}{'░' * (_BAR - full)}`",
        iteration=event.iteration,
        iterations=event.iterations,
    )
    if event.eta is not None:
        line += " · " + _("expected {when}", when=from_now(event.eta))
    content = _for(line, person)
    if not event.preview:
        return _marked(Text(content, embed, PAINTING_NOW), request, event.overlay, event.notices)
    name = f"preview-{event.iteration}.jpg"
    embed.set_image(url=f"attachment://{name}")
    if request.steering and event.notices and not event.overlay:
        embed.add_field(name=_("Notes"), value=_listed(event.notices), inline=False)
    text = Text(content, embed, PAINTING_NOW, ((name, event.preview),), alt_text(request))
    return _marked(text, request, event.overlay, event.notices)


def _marked(text: Text, request: ImageRequest, overlay: bytes, notices: Sequence[str] = ()) -> Text:
    """Add the overlay of the editable area, small if there is a preview; none if it is empty.

    ``notices`` come with it, so that someone whose mask was read otherwise can cancel in time.
    """
    if not overlay:
        return text
    embed = text.embed.copy()
    link = f"attachment://{OVERLAY}"
    embed = embed.set_thumbnail(url=link) if text.files else embed.set_image(url=link)
    about = _("The marked area can change.")
    if request.where is not None:
        about += " " + _(
            "At the right: how well each place matches, brighter is better, and the area found."
        )
    embed.add_field(name=_("Editable area"), value=about, inline=False)
    if notices:
        embed.add_field(name=_("Notes"), value=_listed(notices), inline=False)
    return replace(text, embed=embed, files=(*text.files, (OVERLAY, overlay)))


def result(
    person: str,
    request: ImageRequest,
    done: Done,
    picture: tuple[str, bytes],
    *,
    can_keep: bool = False,
    can_report: bool = False,
    look: Look = _PLAIN,
) -> Text:
    """The finished picture as a message of its own, which pings only the requester.

    ``can_keep`` says that old pictures are deleted to free up space, so this one can be kept;
    ``can_report`` that the server has a channel for reports.
    """
    embed = _embed(request, look.colour, _lines(result_line(request, done), look.losses))
    embed.set_image(url=f"attachment://{picture[0]}")
    if done.notices:
        embed.add_field(name=_("Notes"), value=_listed(done.notices), inline=False)
    buttons = (*FINISHED[:-1], KeepButton, FINISHED[-1]) if can_keep else FINISHED
    buttons = (*buttons[:4], MoreButton, *buttons[4:])
    buttons = (*buttons, ReportButton) if can_report else buttons
    alt = alt_text(request, done.notices)
    return Text(f"<@{person}>", embed, buttons, (picture,), alt, strip=look.strip)


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


def grid_result(
    id: str,
    person: str,
    request: ImageRequest,
    done: Mapping[str, Done | None],
    picture: tuple[str, bytes],
    notices: Sequence[str] = (),
    can_report: bool = False,
    look: Look = _PLAIN,
) -> Text:
    """The finished pictures of the grid ``id`` as a message, which pings only the requester.

    ``done`` has the pictures by their jobs' ids, None in place of those that are not shown.
    """
    shown = [event for event in done.values() if event is not None]
    size = (shown[0].width, shown[0].height)
    settings = settings_line(request.with_values(seed=None), None, size, shown[0].iterations)
    seeds = _("seeds {seeds}", seeds=", ".join(str(event.seed) for event in shown))
    seconds = _("{seconds:.1f} s", seconds=sum(event.seconds for event in shown))
    parts = [seeds, settings, seconds]
    parts += [_("stopped early")] if any(event.stopped for event in shown) else []
    embed = _embed(request, look.colour, _lines(" · ".join(parts), look.losses))
    embed.set_image(url=f"attachment://{picture[0]}")
    if notices:
        embed.add_field(name=_("Notes"), value=_listed(notices), inline=False)
    each = [
        Placed(kind, place, job_id, f"{letter}{number}")
        for place, (letter, kind) in enumerate((("U", UpscaleButton), ("V", VaryButton)))
        for number, (job_id, event) in enumerate(done.items(), 1)
        if event is not None
    ]
    buttons: list[type[JobButton] | Placed] = [*each, *GRID]
    if can_report:
        buttons.append(Placed(ReportButton, 2))
    alt = plural("{number} picture", "{number} pictures", len(shown))
    alt = f"{alt}: {alt_text(request, notices)}"[:ALT_LENGTH]
    return Text(f"<@{person}>", embed, tuple(buttons), (picture,), alt, job_id=id, strip=look.strip)


def too_large(text: Text) -> Text:
    """Return a result without its picture, whose file Discord does not take."""
    text.embed.set_image(url=None)
    note = _("Painted, but the file is too large to post here. Find it in /history.")
    return replace(text, files=(), content=f"{text.content} {note}", strip=None)


def as_grid(text: Text, number: int) -> Text:
    """Return the message for the jobs of a grid of so many pictures."""
    embed = text.embed.copy()
    if embed:
        embed.title = plural("{number} picture", "{number} pictures", number)
    return replace(
        text, embed=embed, buttons=tuple(_OF_GRID.get(each, each) for each in text.buttons)
    )


def _listed(notices: Sequence[str]) -> str:
    """Return a list of the sentences, as many as fit into an embed's field."""
    lines = [f"- {escape(translated(notice), 300)}"[:_FIELD] for notice in notices]
    while len("\n".join(lines)) > _FIELD:
        lines.pop()
    return "\n".join(lines)


def as_time_lapse(text: Text) -> Text:
    """Return the message for a job that makes a time-lapse: named so, with the buttons that work.

    A time-lapse can be cancelled while it is made, deleted and reported afterwards, and asked for
    again if it failed.
    """
    embed = text.embed.copy()
    if embed:
        embed.title = _("Time-lapse")
    kept = tuple(
        button
        for button in text.buttons
        if button in (CancelButton, AgainButton, DeleteButton, ReportButton)
    )
    return replace(text, embed=embed, buttons=kept)


def time_lapse(
    person: str,
    request: ImageRequest,
    done: Done,
    name: str,
    *,
    can_report: bool = False,
    colour: int = PAINTED,
) -> Text:
    """The finished time-lapse as a message of its own, which pings the requester."""
    text = Text(
        f"<@{person}>",
        _embed(request, colour, settings_line(request, done.seed, (done.width, done.height))),
        (DeleteButton, ReportButton) if can_report else (DeleteButton,),
        ((name, done.video),),
        alt_text(request, done.notices),
    )
    return as_time_lapse(text)


def spoilered(text: Text) -> Text:
    """Put a message's pictures behind a spoiler.

    Discord hides files whose names start with SPOILER_, but not pictures in embeds.
    """
    if not text.files:
        return text
    embed = text.embed.copy().set_image(url=None).set_thumbnail(url=None)
    strip = text.strip and replace(text.strip, name=SPOILER + text.strip.name)
    files = tuple((SPOILER + name, data) for name, data in text.files)
    return replace(text, embed=embed, files=files, strip=strip)


def finished(done: Done, link: str, request: ImageRequest, overlay: bytes = b"") -> Text:
    """The progress message after the result is posted: a short line, and the overlay if any."""
    line = _("Painted in {time}: {link}", time=duration(done.seconds), link=link)
    return _marked(Text(line, discord.Embed(), ()), request, overlay)


def failed(person: str, request: ImageRequest, reason: str) -> Text:
    """The failure as a message of its own, which pings the requester."""
    return Text(f"<@{person}> {escape(reason)}", _embed(request, FAILED), RETRY)


def ended(request: ImageRequest, words: str) -> Text:
    """The progress message of a job without a result: failed or cancelled."""
    return Text(words, _embed(request, FAILED), RETRY)


def paused(person: str, request: ImageRequest) -> Text:
    """The progress message while the bot restarts; the job continues afterwards."""
    return Text(
        _for(_("I'm restarting; this picture will continue when I'm back"), person),
        _embed(request, WAITING),
        UNDERWAY,
    )


def pings(person: str) -> discord.AllowedMentions:
    """Allow the mention of one user."""
    return discord.AllowedMentions(
        everyone=False, roles=False, replied_user=False, users=[discord.Object(int(person))]
    )


def carries(message: discord.Message, button: type[JobButton], job_id: str) -> bool:
    """Whether a message has this button about this job, which identifies a posted result."""
    return button.custom_id_of(job_id) in custom_ids(message.components)
