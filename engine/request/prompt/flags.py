"""Flags in a prompt: "--name value" or "--name=value", anywhere between spaces.

A value of several words needs double quotes, as in --where "the red jacket"; only ``--no`` takes
everything up to the next flag. What phone keyboards make of two hyphens is read, too, and one
hyphen before the flags that other tools write so, as in ``-ar 16:9``. A dash in a sentence, as in
``a fox — red and quick``, is a word.
"""

from __future__ import annotations

import re

from engine.errors import RequestError
from engine.request.prompt.grammar import Prompt
from engine.request.prompt.peers import parse_prompts
from engine.request.quotes import MARKS, masked
from engine.translatable import Translatable

AVOID = -0.5
"""The weight of what --no names, as in Midjourney."""

NUMBERS = (
    "aesthetic",
    "ar",
    "away",
    "change-every",
    "count",
    "cutouts",
    "ema",
    "every",
    "fade",
    "grow",
    "height",
    "iterations",
    "keep",
    "learning-rate",
    "rotate",
    "saturation",
    "seed",
    "size",
    "smoothness",
    "strength",
    "threshold",
    "vary",
    "width",
    "zoom",
)
METHOD_WORDS = (
    "method",
    "regulariser",
    "augment",
    "distance",
    "symmetry",
    "palette",
    "edge",
    "optimiser",
    "schedule",
    "starts",
)
WORDS = (
    *("model", "perceptor", "preset", "addition", "where", "noise", "pan", "tilt", "extend"),
    "steer",
    *METHOD_WORDS,
)
SWITCHES = ("tile", "relax")
"""Flags without a value; they can have one of SAID."""
SAID = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
LISTS = {"perceptor": ",", "steer": "\n"}
"""Words that can be given several times, and what then stands between them."""
SAME = {
    "aspect": "ar",
    "steps": "iterations",
    "lr": "learning-rate",
    "negative": "no",
    "negative-prompt": "no",
    "neg": "no",
    "regularizer": "regulariser",
    "cpe": "change-every",
    "change-prompt-every": "change-every",
    **dict.fromkeys(("r", "repeat", "n", "batch"), "count"),
    "optimizer": "optimiser",
    "augments": "augment",
    "augs": "augment",
    "perceptors": "perceptor",
    "steering": "steer",
    "clip-model": "perceptor",
    "clip-models": "perceptor",
    "zoom-scale": "zoom",
    "zoom-frequency": "every",
    "zoom-save-every": "every",
}
"""Other tools' names for flags that there are here."""
FOREIGN: dict[str, Translatable | None] = {
    **dict.fromkeys(("v", "version", "niji"), Translatable("choose a model with --model")),
    **dict.fromkeys(
        ("q", "quality", "stop", "draft", "fast", "turbo"),
        Translatable("say how long to paint with --iterations"),
    ),
    **dict.fromkeys(
        ("s", "stylize", "style", "sref", "sw", "raw", "p", "personalize", "exp", "profile"),
        Translatable("describe the style in words, as in a castle + oil painting"),
    ),
    **dict.fromkeys(
        ("c", "chaos", "weird"),
        Translatable("ask again for another picture, since each seed paints its own"),
    ),
    **dict.fromkeys(
        ("iw", "cref", "cw", "oref", "ow", "denoise"),
        Translatable("say how much of a starting picture can change with --strength"),
    ),
    **dict.fromkeys(
        ("cfg", "cfg-scale", "scale", "guidance", "guidance-scale"),
        Translatable("give words a weight, as in a castle:2"),
    ),
    **dict.fromkeys(
        ("w", "h", "hd", "upscale", "uplight", "upbeta"), Translatable("choose a size with --size")
    ),
    **dict.fromkeys(
        ("init-image", "image", "mask", "like", "region", "image-prompt", "image-prompts", "ip"),
        Translatable("give the picture itself, outside the prompt"),
    ),
    **dict.fromkeys(
        ("zoom-shift-x", "zoom-shift-y"), Translatable("shift the picture with --pan, as in 2,0")
    ),
    **dict.fromkeys(("sampler", "video", "test", "testp", "public", "stealth")),
}
"""Other tools' flags that there are not, and what to do instead."""

_HYPHENS = "(?:--|[\u2010\u2011\u2212]{2})"
_NAME = r"[A-Za-z][A-Za-z_-]*"
_OURS = "|".join(sorted((*NUMBERS, *SAME), key=len, reverse=True))
_WORDY = "|".join((*WORDS, *SWITCHES, "no"))
_NUMERIC = "|".join(sorted((*NUMBERS, *SAME, *FOREIGN), key=len, reverse=True))
_START = (
    rf"(?:(?<!\S){_HYPHENS}"
    # A dash, or one hyphen, starts a flag only where it cannot be punctuation.
    rf"|(?<!\S)[\u2014\u2013\u2015](?=(?:{_WORDY})(?:=|\s|$)|(?:{_NUMERIC})[\s=]+[\d.])"
    rf"|(?<!\S)-(?=no\s|(?:{_NUMERIC})[\s=]+[\d.])"
    rf"|(?<=[\w,.;!?)])--(?=(?:{_OURS})[\s=]+[\d.]))"
)
_FLAG = re.compile(
    rf"{_START}(?P<name>{_NAME})(?:=|\s+|$)(?P<value>(?<==)\S*|(?!(?:--|[\u2014\u2013\u2015])[A-Za-z])\S+)?",
    re.IGNORECASE,
)
_AVOIDED = re.compile(
    rf"{_START}(?:no|neg|negative|negative[-_]prompt)(?:=|\s+|$)"
    rf"(?P<value>.*?)(?={_START}{_NAME}(?:[=\s]|$)|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_UNREAD = re.compile(rf"(?<!\S){_HYPHENS}[A-Za-z]\S*")
_APART = re.compile(
    rf"(?<!\S)(?:--|[\u2014\u2013\u2015])\s+(?P<name>{'|'.join(NUMBERS)})(?:=|\s+)\d\S*",
    re.IGNORECASE,
)


def split_flags(text: str) -> tuple[str, dict[str, str]]:
    """``text`` without its flags, and the flags' values by lower-case name.

    A flag without a value has the value "". Any name is accepted here, and other tools' names for
    our own flags become ours. The values of several ``--no`` are joined by commas, those of LISTS
    by what these say. Raises RequestError if another flag is given twice, or if something that
    looks like one can't be read.
    """
    flags: dict[str, str] = {}
    rest = _take_avoided(text, flags)
    shape = masked(rest)
    pieces, start = [], 0
    for found in _FLAG.finditer(shape):
        name = found["name"].lower().replace("_", "-")
        name = SAME.get(name, name)
        value = "" if found["value"] is None else rest[slice(*found.span("value"))]
        end = found.end()
        if name in SWITCHES and value.lower() not in SAID:
            value, end = "", found.end("name")  # what follows is words
        if name in flags and name not in LISTS:
            raise RequestError("--{name} is given twice; remove one.", name=name[:40])
        before = [flags[name]] if name in flags else []
        value = value.strip(MARKS)
        if LISTS.get(name) == "\n":
            value = " ".join(value.split())
        flags[name] = LISTS.get(name, ",").join([*before, value])
        pieces.append(rest[start : found.start()])
        start = end
    rest = " ".join([*pieces, rest[start:]])
    unread = _UNREAD.search(masked(rest)) or _APART.search(masked(rest))
    if unread is not None:
        raise RequestError(
            '"{given}" can\'t be read as an option; write it like "--seed 7", or put it in double '
            "quotes.",
            given=rest[unread.start() : unread.end()][:40],
        )
    return (re.sub(r"\s+", " ", rest).strip() if flags else text.strip()), flags


def _take_avoided(text: str, flags: dict[str, str]) -> str:
    """``text`` without ``--no``, whose values go into ``flags``."""
    shape, lists, pieces, start = masked(text), [], [], 0
    for found in _AVOIDED.finditer(shape):
        lists.append(text[slice(*found.span("value"))].strip())
        pieces.append(text[start : found.start()])
        start = found.end()
    if not lists:
        return text
    flags["no"] = ", ".join(each for each in lists if each)
    return " ".join([*pieces, text[start:]])


def avoided(value: str) -> tuple[Prompt, ...]:
    """The prompts that ``--no value`` adds: "snow, red berries:0.8" has two.

    Their weight is -0.5 or what is given, as a negative number. Raises RequestError.
    """
    prompts: list[Prompt] = []
    start = 0
    # Not at decimal commas.
    commas = [found.start() for found in re.finditer(r",(?!\d)", masked(value))]
    for comma in [*commas, len(value)]:
        part, start = value[start:comma].strip(), comma + 1
        if part:
            prompts += parse_prompts(part)
    if not prompts:
        raise RequestError("--{name} needs a value.", name="no")
    return tuple(
        Prompt(prompt.words, AVOID if prompt.weight == 1 else -abs(prompt.weight), prompt.stop)
        for prompt in prompts
    )
