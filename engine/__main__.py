"""`imagine`, and `python -m engine`: errors become one sentence and an exit code."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command.

    It ends with 0, with 2 where a person has something to change, said in one sentence on
    stderr, or with 130 where Ctrl-C stopped it (143: SIGTERM).
    """
    # Threads that spin while they wait make a step many times slower wherever something else
    # runs too; read by torch when it is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        raise SystemExit(_run())
    except KeyboardInterrupt:
        print("imagine: Stopped at once.", file=sys.stderr)
        raise SystemExit(130) from None


def _run() -> int:
    from engine.cli import run  # first, as it holds the clock
    from engine.cli.imagine import app
    from engine.errors import EngineError

    assert run.BEGAN
    from typer import TyperException

    try:
        return int(app(standalone_mode=False, prog_name="imagine") or 0)
    except TyperException as error:
        sentence = error.format_message().splitlines()[0]
    except EngineError as error:
        sentence = str(error)
    print(f"imagine: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
