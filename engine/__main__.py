"""`imagine`, and `python -m engine`: errors become one sentence and an exit code."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command.

    It ends with 0, with 2 where a person has something to change, said in one sentence on
    stderr, or with 130 where Ctrl-C stopped it (143: SIGTERM).
    """
    try:
        raise SystemExit(_run())
    except KeyboardInterrupt:
        print("imagine: Stopped at once.", file=sys.stderr)
        raise SystemExit(130) from None


def _run() -> int:
    from engine import studio  # first, as it holds the clock
    from engine.command import app
    from engine.errors import EngineError

    assert studio.BEGAN
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
