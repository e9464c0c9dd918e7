"""The commands that make the models say what they take."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from training.drawn.__main__ import app as drawn
from training.natural.__main__ import app as natural

COMMANDS = {
    "drawn": (drawn, ["generator", "words", "drawings", "export"]),
    "natural": (
        natural,
        [
            "classes",
            "corpus",
            "words",
            "show-words",
            "perceptor",
            "draw",
            "robust",
            "export-robust",
            "looks",
            "export-looks",
            "generator",
            "export-generator",
            "show-generator",
        ],
    ),
}


@pytest.mark.parametrize("model", COMMANDS)
def test_each_command_has_help(model: str) -> None:
    app, names = COMMANDS[model]
    assert sorted(typer.main.get_command(app).commands) == sorted(names)  # type: ignore[attr-defined]
    for name in names:
        told = CliRunner().invoke(app, [name, "--help"])
        assert told.exit_code == 0, told.output
        assert "--help" in told.output
