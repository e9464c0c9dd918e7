"""The custom ids of buttons and modals: made from a job's id, and read from messages.

By them a message tells which job it is about, even after a restart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

JOB_ID = r"[0-9a-f]{32}"
_BUTTON = re.compile(rf"imagine:[a-z]+:(?P<job>{JOB_ID})")


def button_id(action: str, job_id: str) -> str:
    """Return the custom id of the button ``action`` about a job."""
    return f"imagine:{action}:{job_id}"


def button_pattern(action: str) -> str:
    """Return the regular expression of :func:`button_id`; its group "job" is the job's id."""
    return rf"imagine:{action}:(?P<job>{JOB_ID})"


def custom_ids(components: Any) -> Iterator[str]:
    """Return the custom ids of a message's ``components``, including nested ones."""
    for component in components:
        custom_id = getattr(component, "custom_id", None)
        if custom_id:
            yield custom_id
        yield from custom_ids(getattr(component, "children", ()))


def shows_grid(components: Any) -> bool:
    """Whether a message's buttons are those of a grid's result, which is about several jobs."""
    ids = list(custom_ids(components))
    return any(id.startswith("imagine:upscale:") for id in ids) and any(
        id.startswith("imagine:gridagain:") for id in ids
    )


def job_with_buttons(components: Any) -> str | None:
    """Return the id of the job that a message's buttons are about; None without buttons."""
    return next(
        (
            found["job"]
            for custom_id in custom_ids(components)
            if (found := _BUTTON.fullmatch(custom_id))
        ),
        None,
    )
