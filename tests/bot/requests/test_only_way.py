"""The gate is the only way to the queue: nothing else in the bot submits a job."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# What starts work of the queue, by the only file that may call it.
STARTS = {
    "submit": "bot/requests/intake.py",
    "steer": "bot/requests/intake.py",
    "describe_picture": "bot/requests/describing.py",
}


def names_used(source: str) -> set[str]:
    """Return every attribute that is read in the source, and every string in it.

    A string may be the second argument of getattr.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


def users_of(name: str) -> set[str]:
    # The preview and its stand-in for Discord submit modals, to the bot that they show.
    return {
        str(path.relative_to(ROOT))
        for folder in ("bot", "cogs")
        for path in (ROOT / folder).rglob("*.py")
        if not {"preview", "standin"} & set(path.parts)
        and name in names_used(path.read_text("utf-8"))
    }


@pytest.mark.parametrize(("name", "only"), STARTS.items())
def test_nothing_else_starts_work(name, only):
    assert users_of(name) == {only}


@pytest.mark.parametrize(
    "source", ["bot.queue.submit(request)", "start = queue.submit", "getattr(queue, 'submit')"]
)
def test_a_second_way_would_be_found(source):
    assert "submit" in names_used(source)


@pytest.mark.parametrize(("name", "check"), [("submit", "check"), ("steer", "check_change")])
def test_the_gate_checks_before_work_starts_or_changes(name, check):
    tree = ast.parse((ROOT / STARTS[name]).read_text("utf-8"))
    functions = [
        [inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)]
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef)
    ]
    [starting] = [names for names in functions if name in names]
    assert starting.index(check) < starting.index(name)
