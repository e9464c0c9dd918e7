"""What the bot says about a picture: texts alone, made from plain values.

Whatever a person typed is escaped here, once: it neither formats, nor mentions, nor links.
"""

from __future__ import annotations

import re

import discord

from engine.events import Done
from engine.request import ImageRequest

PROMPT_LENGTH = 1000
_LINK = re.compile(r"(?i)\b(https?|discord)(?=:)")
_ZERO_WIDTH = "\u200b"


def escape(text: str, length: int = PROMPT_LENGTH) -> str:
    """``text`` as plain words on one line, cut to ``length`` characters before escaping."""
    text = " ".join(text.split())
    cut = text if len(text) <= length else f"{text[:length - 1].rstrip()}…"
    plain = discord.utils.escape_mentions(discord.utils.escape_markdown(cut, ignore_links=False))
    # Markdown of these kinds is not escaped by a backslash: channel and command mentions, emoji
    # and times in angle brackets, and addresses that Discord would turn into links.
    plain = plain.replace("<", f"<{_ZERO_WIDTH}")
    return _LINK.sub(rf"\1{_ZERO_WIDTH}", plain)


def duration(seconds: float) -> str:
    """Seconds as people say them: "12 s", "2 min", "1 h 5 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h" + (f" {rest} min" if rest else "")


def ordinal(number: int) -> str:
    """1 -> "1st", 12 -> "12th"."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 11 <= number % 100 <= 13 else ending}"


def place_in_queue(position: int, eta: float | None) -> str:
    """"Queued, 3rd, about 2 min", or that it is next."""
    place = "next" if position <= 1 else ordinal(position)
    return f"Queued, {place}" + ("" if eta is None else f", about {duration(eta)}")


def understood(request: ImageRequest) -> str:
    """What the prompt was understood as: each prompt on its line, with its weight and stop."""
    lines = []
    for prompt in request.prompts():
        line = f"- {escape(prompt.words, 300)}"
        if prompt.weight != 1:
            away = " (away from it)" if prompt.weight < 0 else ""
            line += f" × {prompt.weight:g}{away}"
        if prompt.stop > float("-inf"):
            line += f", until {prompt.stop:g}"
        lines.append(line)
    shown, length = [], 0
    for i, line in enumerate(lines):
        length += len(line) + 1
        if length > 2500:
            shown.append(f"- and {len(lines) - i} more")
            break
        shown.append(line)
    return "\n".join(shown)


def chosen(request: ImageRequest, seed: int | None = None, size: tuple[int, int] | None = None,
           iterations: int | None = None) -> str:
    """The settings on one line: what was asked for, or in its place what was taken."""
    parts = []
    seed = request.seed if seed is None else seed
    if seed is not None:
        parts.append(f"seed {seed}")
    if size is not None:
        parts.append(f"{size[0]}×{size[1]}")
    elif request.width or request.height:
        parts.append(f"{request.width or 'auto'}×{request.height or 'auto'}")
    if size is None and request.aspect is not None:
        parts.append(f"aspect {request.aspect:.3g}")
    iterations = request.iterations if iterations is None else iterations
    if iterations is not None:
        parts.append(f"{iterations} iterations")
    parts.append(f"model {escape(request.model, 60)}")
    if request.preset != "default":
        parts.append(f"preset {request.preset}")
    if request.init_image is not None:
        parts.append("from a picture")
    return " · ".join(parts)


def result_line(request: ImageRequest, done: Done) -> str:
    """Seed, time, iterations and the rest, of a finished picture."""
    settings = chosen(request, done.seed, (done.width, done.height), done.iterations)
    return f"{settings} · {done.seconds:.1f} s" + (" · stopped early" if done.stopped else "")


def file_name(prompt: str, seed: int, job_id: str, ending: str = "png") -> str:
    """A file's name of letters, digits and hyphens alone, whatever the prompt holds."""
    words = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:40].strip("-")
    return f"{words or 'picture'}-{seed}-{job_id[:8]}.{ending}"
