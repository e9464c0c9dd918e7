"""`python -m tests.fuzz.million --cases 1000000 --seed 1`: many random cases, without guidance.

Each case is an input of the corpus, or an earlier case, with random changes. The run stops at the
first finding and prints its target and its bytes; add them to tests/fuzz/corpus.py.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import traceback
from collections.abc import Sequence

from tests.fuzz.corpus import SEEDS
from tests.fuzz.targets import TARGETS

# Decoding a picture takes a hundred times as long as reading a prompt.
SHARES = {
    "prompt": 0.45,
    "request": 0.35,
    "custom-id": 0.15,
    "picture": 0.01,
    "changed-picture": 0.04,
}
PIECES = [
    b" + ",
    b":",
    b":0.5",
    b"--seed ",
    b"--ar ",
    b"16:9",
    b" -> ",
    b'"',
    b"{",
    b"}",
    b",",
    b"\x00",
    b"\xed\xa0\x80",
    b"\xe2\x80\xae",
    b"\xef\xbc\x8b",
    b"1e999",
    b"NaN",
    b"-0",
    b"imagine:",
    b"\n",
    b"null",
    b"[",
    b"\\ud800",
    b"99999999999999999999",
]


def changed(data: bytes, rng: random.Random) -> bytes:
    """``data`` with a few pieces changed, inserted, deleted or repeated."""
    file = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randint(0, len(file))
        kind = rng.randrange(5)
        if kind == 0:
            file[at:at] = rng.choice(PIECES)
        elif kind == 1:
            file[at : at + 1] = rng.randbytes(1)
        elif kind == 2:
            del file[at : at + rng.randint(1, 8)]
        elif kind == 3:
            other = rng.randint(0, len(file))
            file[at:at] = file[min(at, other) : max(at, other)][:200]
        else:
            file[at:at] = chr(
                rng.choice(
                    [rng.randrange(0x80), rng.randrange(0xD800), rng.randrange(0xE000, 0x110000)]
                )
            ).encode()
    return bytes(file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases; returns 0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.million")
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=sorted(TARGETS), help="only this target")
    options = parser.parse_args(arguments)
    rng, started = random.Random(options.seed), time.monotonic()
    fed = dict.fromkeys(TARGETS, 0)
    seeds = {name: [seed for seed in found if len(seed) < 5000] for name, found in SEEDS.items()}
    for _ in range(options.cases):
        name = options.target or rng.choices(list(SHARES), list(SHARES.values()))[0]
        data = changed(rng.choice(seeds[name]), rng)
        if len(data) < 2000 and rng.random() < 0.01:  # cases can be changed again
            seeds[name].append(data)
        try:
            TARGETS[name](data)
        except Exception:  # noqa: BLE001  any exception is a finding
            traceback.print_exc()
            sys.stderr.write(f"{name}: {data!r}\n")
            return 1
        fed[name] += 1
    seconds = round(time.monotonic() - started, 1)
    sys.stdout.write(json.dumps({"cases": fed, "found": 0, "seconds": seconds}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
