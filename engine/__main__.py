"""`imagine` and `python -m engine`: errors become one message and an exit code."""

from __future__ import annotations

import os

from engine.cli.streams import complain, prepare, standard_output
from engine.garbage import pause_collection
from engine.openmp import set_waiting


def main() -> None:
    """Run the command, and exit.

    The exit code is 0; 2 for an error, with one message on stderr that says what to change; 130
    if Ctrl-C stopped it, 143 if SIGTERM did.
    """
    pause_collection()
    set_waiting(os.environ)
    prepare()
    try:
        raise SystemExit(_run())
    except KeyboardInterrupt:
        complain("imagine: Stopped.")
        raise SystemExit(130) from None


def _run() -> int:
    from engine.cli import run  # first, as it starts the clock
    from engine.cli.imagine import app
    from engine.errors import EngineError

    assert run.STARTED
    from typer import TyperException

    try:
        with standard_output():
            return int(app(standalone_mode=False, prog_name="imagine") or 0)
    except TyperException as error:
        message = _about_option(error) or error.format_message().splitlines()[0]
    except EngineError as error:
        message = str(error)
    complain(f"imagine: {message}")
    return 2


def _about_option(error: Exception) -> str | None:
    """What to do instead of an option of another tool; None for another error."""
    from engine.request.flag_values import unknown_option
    from engine.request.prompt.flags import FOREIGN, SAME

    name = str(getattr(error, "option_name", "")).lstrip("-").replace("_", "-")
    return str(unknown_option(name)) if name in FOREIGN or name in SAME else None


if __name__ == "__main__":
    main()
