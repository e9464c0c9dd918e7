"""Texts about a picture, made from plain values.

What users typed is escaped here, once: it cannot format text, mention anyone or add links.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Sequence

import discord

from bot.language import _, mark, plural, translated
from data.jobs.messages import JobMessage
from engine.events import Done
from engine.request.prompt import Prompt
from engine.request.request import ImageRequest
from engine.request.steering import ALL, Steer

PROMPT_LENGTH = 1000
_LINK = re.compile(r"(?i)\b(https?|discord)(?=:)")
_ZERO_WIDTH = "\u200b"
# They reverse the text after them; marks, which right-to-left languages need, stay.
_REVERSING = {code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
ALT_LENGTH = 1024  # Discord's limit


def one_line(text: str) -> str:
    """Return what a person typed on one line, with characters that reverse text made visible."""
    return " ".join(text.split()).translate(_REVERSING)


def alt_text(request: ImageRequest, notices: Sequence[str] = ()) -> str:
    """Return the description of a picture for people who cannot see it, without markdown.

    It has the prompts as they were understood, and ``notices`` about what was not.
    """
    prompts: list[str] = []
    for prompt, begins in _in_parts(request):
        words = one_line(prompt.words)
        words = _("without {words}", words=words) if prompt.weight < 0 else words
        words = _("then {words}", words=words) if begins else words
        prompts.append(words)
    prompts += [_("like a picture")] if request.like else []
    for _at, nudged in request.nudges():
        words = ", ".join(one_line(each.words) for each in nudged if each.weight > 0)
        prompts.append(_("then {words}", words=words))
    parts = [", ".join(prompts)]
    if request.where is not None:
        parts.append(_("where: {where}", where=one_line(request.where)))
    text = ". ".join([*parts, *(one_line(translated(each)) for each in notices)])
    return text if len(text) <= ALT_LENGTH else f"{text[: ALT_LENGTH - 1].rstrip()}…"


def escape(text: str, length: int = PROMPT_LENGTH) -> str:
    """Return ``text`` as plain words on one line, cut to ``length`` before escaping."""
    text = one_line(text)
    cut = text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
    plain = discord.utils.escape_mentions(discord.utils.escape_markdown(cut, ignore_links=False))
    # A backslash does not escape mentions of channels and commands, emoji and times in angle
    # brackets, and addresses that Discord would turn into links.
    plain = plain.replace("<", f"<{_ZERO_WIDTH}")
    return _LINK.sub(rf"\1{_ZERO_WIDTH}", plain)


def duration(seconds: float) -> str:
    """Format seconds: "12 s", "2 min", "1 h 5 min"."""
    if seconds < 90:
        return _("{seconds} s", seconds=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("{minutes} min", minutes=minutes)
    hours, rest = divmod(minutes, 60)
    return (
        _("{hours} h {minutes} min", hours=hours, minutes=rest)
        if rest
        else _("{hours} h", hours=hours)
    )


def from_now(seconds: float) -> str:
    """Return Discord's mark for a time so many seconds from now, which it shows and counts down."""
    return f"<t:{round(time.time() + seconds)}:R>"


def ordinal(number: int) -> str:
    """Format a position: 1 -> "1st", 12 -> "12th"."""
    last = 0 if 11 <= number % 100 <= 13 else number % 10
    ending = {1: mark("{number}st"), 2: mark("{number}nd"), 3: mark("{number}rd")}.get(
        last, mark("{number}th")
    )
    return _(ending, number=number)


def shown_prompt(request: ImageRequest, length: int = PROMPT_LENGTH) -> str:
    """Return a request's prompt, escaped; if it has no words, what it has instead."""
    return escape(request.prompt, length) or (_("like a picture") if request.like else _("noise"))


def place_in_queue(position: int, eta: float | None) -> str:
    """Format a place in the queue: "Queued: 3rd in line (expected in 2 minutes)".

    Discord counts down the time, so it stays right where nothing edits the message.
    """
    place = _("you're next") if position <= 1 else _("{place} in line", place=ordinal(position))
    if eta is None:
        return _("Queued: {place}", place=place)
    return _("Queued: {place} (expected {when})", place=place, when=from_now(eta))


def prompt_lines(request: ImageRequest) -> str:
    """List the request's prompts, one per line, each with its region, weight and stop.

    The parts of a story are separated by a line.
    """
    lines: list[str] = []
    for prompt, begins in _in_parts(request):
        if begins:
            lines.append(_("then") if request.loudness is None else _("where the sound is louder"))
        lines.append(_words_line(prompt))
    for each in request.like or ():
        stop = -math.inf if each.stop is None else each.stop
        lines.append(_prompt_line(_("like a picture"), each.weight, stop))
    for noise in request.noises():
        lines.append(_prompt_line(_("noise {seed}", seed=noise.seed), noise.weight, -math.inf))
    for at, change in _changes(request):
        lines += [at, *change]
    shown, length = [], 0
    for i, line in enumerate(lines):
        length += len(line) + 1
        if length > 2500:
            shown.append("- " + _("and {number} more", number=len(lines) - i))
            break
        shown.append(line)
    return "\n".join(shown)


def _changes(request: ImageRequest) -> Iterator[tuple[str, list[str]]]:
    """Each iteration at which steering changes something, and a line for each change."""
    nudges = iter(request.nudges())
    lines: dict[int, list[str]] = {}
    for each in request.steering or ():
        now = lines.setdefault(each.at, [])
        if each.paint is None:
            now.append(f"- {change_text(each)}")
        else:
            _at, prompts = next(nudges)  # one for each step that paints words
            now += [_words_line(prompt) for prompt in prompts]
    for at, change in lines.items():
        yield _("from iteration {number}", number=at), change


def change_text(step: Steer) -> str:
    """Format what a step of steering changes: "frozen: @left", "50 more iterations", or words."""
    if step.paint is not None:
        return escape(step.paint, 300)
    if step.freeze is not None:
        return _("frozen: {place}", place=escape(step.freeze, 100))
    if step.unfreeze == ALL:
        return _("everything can change again")
    if step.unfreeze is not None:
        return _("can change again: {place}", place=escape(step.unfreeze, 100))
    if step.longer is not None:
        return plural("{number} more iteration", "{number} more iterations", step.longer)
    rate = step.rate or 1.0
    if rate >= 1:
        return _("bolder: {rate:g} times the learning rate", rate=rate)
    return _("calmer: {rate:g} times the learning rate", rate=rate)


def steering_line(request: ImageRequest, length: int) -> str:
    """Return what steering changed, and at which iterations, as far as it fits; "" without any."""
    if not request.steering:
        return ""
    changes = [f"{each.at}: {change_text(each)}" for each in request.steering]
    shown: list[str] = []
    for change in changes:
        if shown and len(" · ".join([*shown, change])) > length:
            shown.append(_("and {number} more", number=len(changes) - len(shown)))
            break
        cut = change[: length - 1].rstrip("\\")  # it may end in the middle of an escaped letter
        shown.append(change if len(change) <= length else f"{cut}…")
    return _("changed while it was painted: {changes}", changes=" · ".join(shown))


def _in_parts(request: ImageRequest) -> Iterator[tuple[Prompt, bool]]:
    """Each prompt, and whether a part of the story after the first begins with it."""
    part = 0
    for prompt in request.prompts():
        now = prompt.part or 0
        yield prompt, now > part
        part = max(part, now)


def _words_line(prompt: Prompt) -> str:
    words = escape(prompt.words, 300)
    words = words if prompt.region is None else f"{words} @{prompt.region}"
    return _prompt_line(words, prompt.weight, prompt.stop)


def _prompt_line(words: str, weight: float, stop: float) -> str:
    line = f"- {words}"
    if weight != 1:
        away = " " + _("(avoided)") if weight < 0 else ""
        line += f" × {weight:g}{away}"
    return line if stop == -math.inf else f"{line}, {_('stops at {distance:g}', distance=stop)}"


def settings_line(
    request: ImageRequest,
    seed: int | None = None,
    size: tuple[int, int] | None = None,
    iterations: int | None = None,
) -> str:
    """Format the settings on one line: the values used, or those asked for."""
    parts = []
    seed = request.seed if seed is None else seed
    if seed is not None:
        parts.append(_("seed {seed}", seed=seed))
    if size is not None:
        parts.append(f"{size[0]}×{size[1]}")
    elif request.width or request.height:
        parts.append(f"{request.width or _('auto')}×{request.height or _('auto')}")
    if size is None and request.aspect is not None:
        parts.append(_("aspect {aspect:.3g}", aspect=request.aspect))
    iterations = request.iterations if iterations is None else iterations
    if iterations is not None:
        parts.append(plural("{number} iteration", "{number} iterations", iterations))
    parts.append(_("model {model}", model=escape(request.networks, 60)))
    parts += _over_time(request)
    if request.preset != "default":
        parts.append(_("preset {preset}", preset=request.preset))
    parts += _going_on(request)
    if request.strength is not None:
        parts.append(_("strength {strength:g}", strength=request.strength))
    if request.where is not None:
        parts.append(_("where: {where}", where=escape(request.where, 100)))
    if request.mask is not None:
        parts.append(_("with a mask"))
    return " · ".join(parts)


def _going_on(request: ImageRequest) -> list[str]:
    """How it goes on from a picture, and whether it is a tile or relaxed."""
    parts = [text for on, text in ((request.tile, _("tile")), (request.relax, _("relaxed"))) if on]
    if request.init_image is None:
        return parts
    if request.vary is not None:
        return [*parts, _("variation {amount:g}", amount=request.vary)]
    if request.grow is not None:
        return [*parts, _("larger")]
    if request.extend is not None:
        return [*parts, _("extended by {extent}", extent=escape(request.extend, 60))]
    return [*parts, _("from a picture")]


def _over_time(request: ImageRequest) -> list[str]:
    """How a story and a sound change the prompts, and how the camera moves."""
    parts = []
    if request.change_every is not None:
        parts.append(_("changes every {number} iterations", number=request.change_every))
    if request.loudness is not None:
        parts.append(_("follows a sound"))
    if request.fade is not None:
        parts.append(_("fade {fade:g}", fade=request.fade))
    motion = request.motion(1)
    if motion is None:
        return parts
    if motion.zoom != 1:
        parts.append(_("zoom {zoom:g}", zoom=motion.zoom))
    if motion.degrees:
        parts.append(_("rotated by {degrees:g}°", degrees=motion.degrees))
    if any(motion.pan):
        parts.append(_("moved by {across:g},{down:g}", across=motion.pan[0], down=motion.pan[1]))
    if any(motion.tilt):
        right, down = motion.tilt
        parts.append(_("tilted by {right:g},{down:g}°", right=right, down=down))
    return [*parts, plural("every iteration", "every {number} iterations", motion.every)]


def result_line(request: ImageRequest, done: Done) -> str:
    """Format a finished picture's settings and time."""
    settings = settings_line(request, done.seed, (done.width, done.height), done.iterations)
    parts = [settings, _("{seconds:.1f} s", seconds=done.seconds)]
    if done.stopped:
        parts.append(_("stopped early"))
    return " · ".join(parts)


def file_name(prompt: str, seed: int, job_id: str, ending: str = "png") -> str:
    """Return a file name made only of letters, digits and hyphens, for any prompt."""
    words = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:40].strip("-")
    return f"{words or 'picture'}-{seed}-{job_id[:8]}.{ending}"


def link_to(message: JobMessage | None) -> str:
    """Return a link to a job's message, after a dot, or "" without one."""
    if message is None:
        return ""
    place = "@me" if message.guild_id is None else message.guild_id
    address = f"https://discord.com/channels/{place}/{message.channel_id}/{message.message_id}"
    return f" · [{_('message')}]({address})"
