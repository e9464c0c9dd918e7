"""How long the check for blocked words takes: ``python -m bench.bot.blocked_words``.

A list of a few hundred entries is searched for in prompts as people type them. None of the prompts
has a blocked word, so that each is read to the end. Prints JSON: the median and the 99th percentile
of the processor time of one prompt, in milliseconds; ``longest_ms`` is the median for a prompt of
2,000 characters, the longest that is allowed.
"""

from __future__ import annotations

import json
import statistics
import time

import typer

from bot.guild.blocked_words import BlockedWords

PROMPTS = (
    "a red star on a blue background",
    "a fox",
    "THE MOON",
    "a painting of a lighthouse in a storm",
    "two owls on a branch, ink drawing",
    "a castle:2 + fog:0.5 + blurry:-0.5",
    "naïve café, 1920s",
    "a bowl of ramen, studio light, 85mm",
    "red circle --seed 7 --size 256",
    "écume de mer",
    "a portrait of a robot in the style of the old masters, oil on canvas, cracked varnish",
    "an astronaut riding a horse",
    "the word 'hello' written in the sand",
    "a green cube",
    "city at night, neon, rain; reflections everywhere; wide angle",
    "十二月の雪、静かな村",
    "ночной город под дождём",
    "a $5 note and a 10% discount",
    "a map of an island (parchment)",
    "isometric voxel garden with a tiny pond, koi and lanterns",
    "B&W photograph of a jazz band",
    "foggy sky -> clear sky",
    "a cat sitting on a chair next to a window, soft morning light",
    "an over-the-top, larger-than-life, black-and-white sky-scraper",
    "f/1.4, ISO 100, t-shirt",
    "a wise old turtle carries a whole village on its shell through a sea of clouds at sunrise",
    "emoji 🦊🌕 in a field",
    "\uff46\uff4f\uff58 in full width",
    "the U.S.A. in 1776",
    "x" * 60,
    "a very long corridor with many doors, each of another colour, seen by a child",
)
RUNS = 200
SYLLABLES = ("ba", "cro", "den", "fi", "gru", "hol", "ju", "kle", "mor", "nix")


def blocked_entries() -> list[str]:
    """A list as a server might have: 300 words, 20 phrases, 5 regular expressions."""
    words = [f"{a}{b}{c}q" for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES][:300]
    return [
        *words,
        *(f"{words[i]} {words[i + 1]}" for i in range(20)),
        *(rf"regex:\b{syllable}+q+\d*\b" for syllable in SYLLABLES[:5]),
    ]


def milliseconds(blocked: BlockedWords, prompt: str) -> float:
    """The processor time of one check. Exits if the prompt is blocked."""
    started = time.process_time()
    found = blocked.find(prompt)
    elapsed = (time.process_time() - started) * 1000
    if found is not None:
        raise SystemExit(f"{prompt!r} should pass, but {found!r} blocks it.")
    return elapsed


def main(runs: int = RUNS) -> None:
    """Check each prompt ``runs`` times."""
    blocked = BlockedWords(blocked_entries())
    times = [milliseconds(blocked, prompt) for _ in range(runs) for prompt in PROMPTS]
    longest = (" ".join(PROMPTS) * 2)[:2000]
    print(
        json.dumps(
            {
                "median_ms": round(statistics.median(times), 4),
                "p99_ms": round(statistics.quantiles(times, n=100)[98], 4),
                "longest_ms": round(
                    statistics.median(milliseconds(blocked, longest) for _ in range(20)), 4
                ),
            }
        )
    )


if __name__ == "__main__":
    typer.run(main)
