"""Requests from what people type: a prompt with flags, and with choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import RequestError
from engine.request.addresses import addresses
from engine.request.flag_values import with_flags
from engine.request.prompt import expand, split_flags
from engine.request.prompt.flags import avoided
from engine.request.prompt.second import split_at_carets
from engine.request.request import ImageRequest, make_request
from engine.request.shape import with_shape
from engine.request.style import Style
from engine.request.words import words_in


def request_from_text(text: str, **values: Any) -> ImageRequest:
    """A request from a prompt with flags, as people type it: "a fox --seed 7 --ar 16:9".

    A flag overrides the same field in ``values``; of a size and an aspect the last one wins. Next
    to pictures to paint ``like``, or ``noise``, a prompt without words, such as "-", is an empty
    one. Raises RequestError, also for a prompt with choices (see :func:`requests_from_text`).
    """
    requests = requests_from_text(text, **values)
    if len(requests) > 1:
        raise RequestError(
            "The choices in brackets make {count} pictures, and only one can be made here; choose "
            "one of them, or put the brackets in double quotes.",
            count=len(requests),
        )
    return requests[0]


def requests_from_text(
    text: str,
    *,
    style: str | None = None,
    kept: Mapping[str, Any] | None = None,
    **values: Any,
) -> tuple[ImageRequest, ...]:
    """The requests for all choices in a prompt with flags: "{red, blue} fox --seed 7" has two.

    Each is in the ``style`` (engine.request.style), whose flags both ``values`` and the prompt's
    override; they override what is ``kept`` of a former request. Otherwise like
    :func:`request_from_text`.
    """
    styled = Style.read(style or "")
    fields = with_shape(kept or {}, styled.under(values))
    return tuple(_from_text(each, fields, styled) for each in expand(_without_surrogates(text)))


def _from_text(text: str, fields: dict[str, Any], style: Style) -> ImageRequest:
    prompt, flags = split_flags(text)
    prompt = style.applied(prompt)
    check_addresses(prompt)
    avoid = flags.pop("no", None)
    if style.avoid:
        avoid = style.avoid if avoid is None else f"{style.avoid}, {avoid}"
    fields = with_flags(fields, flags)
    if avoid is not None:
        prompt = _without(prompt, avoid, may_be_empty="where" in fields)
    if (fields.get("like") or fields.get("noise")) and not any(words_in(prompt)):
        prompt = ""  # in Discord a prompt can't be left out
    return make_request(prompt, **fields)


def check_addresses(prompt: str) -> None:
    """Raise RequestError if there is the address of a page or a picture in a prompt."""
    address = next(addresses(prompt), None)
    if address is not None:
        raise RequestError(
            'The prompt has the address "{address}"; addresses are not opened, so give the picture '
            "itself, and remove the address.",
            address=prompt[slice(*address.span())].strip("<>")[:60],
        )


def _without(prompt: str, avoid: str, *, may_be_empty: bool) -> str:
    """``prompt``, or each part of a story, with what ``--no`` pushes away from.

    Without words, a target phrase of "where" may be the prompt.
    """
    pushing = " + ".join(str(each) for each in avoided(avoid))
    if not prompt.strip():
        return pushing if may_be_empty else prompt
    parts = [part.strip() for part in split_at_carets(prompt)]
    return " ^ ".join(f"{part} + {pushing}" if part else "" for part in parts)


def _without_surrogates(text: str) -> str:
    """``text`` with lone surrogates replaced by U+FFFD: JSON can carry them, UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
