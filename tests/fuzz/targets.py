"""The fuzzing targets: each takes any bytes, and raises only if the project has a bug.

Input may be refused only by the engine's or the bot's own errors with a message; any other
exception is a finding. Accepted input must fulfil what the rest of the program relies on.
"""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Callable

from bot.errors import user_message
from bot.language.formatting import file_name, prompt_lines, settings_line
from bot.media.attachments import picture_from
from bot.ui.buttons import BUTTONS
from engine.errors import RequestError
from engine.pictures.masks import read_mask
from engine.pictures.reading import read_picture
from engine.request.from_text import request_from_text
from engine.request.prompt import split_flags
from engine.request.request import ImageRequest, request_from_json
from tests.fuzz.corpus import WHOLE_PICTURES

LONGEST_MESSAGE = 2000  # Discord's limit


def text_of(data: bytes) -> str:
    """Any text that JSON can carry, including lone surrogates, as from Discord."""
    return data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace")


@contextlib.contextmanager
def refusing_with_message(*kinds: type[Exception]):
    """Accept these errors if their messages can be posted."""
    refused = None
    try:
        yield
    except kinds as error:
        refused = error
    if refused is None:
        return
    message = user_message(refused)
    assert message, f"{refused!r} has no message"
    assert len(message) <= LONGEST_MESSAGE, f"too long to be posted: {message[:200]}..."
    assert "Traceback" not in message
    message.encode()  # a lone surrogate could not be posted


def prompt(data: bytes) -> None:
    """What people type, with flags."""
    with contextlib.suppress(UnicodeDecodeError), refusing_with_message(RequestError):
        text = text_of(data)
        _check_accepted(request_from_text(text))
        split_flags(text)


def request(data: bytes) -> None:
    """A request as JSON, such as from another version's database or a file."""
    with contextlib.suppress(UnicodeDecodeError), refusing_with_message(RequestError):
        _check_accepted(request_from_json(text_of(data)))


def _check_accepted(taken: ImageRequest) -> None:
    prompts = taken.prompts()
    assert any(prompt.weight for prompt in prompts) or taken.like or taken.noise
    assert len(prompts) <= 32
    for words in prompts:
        str(words).encode()
    written = taken.model_dump_json(exclude_none=True)
    written.encode()  # it goes into the database
    assert request_from_json(written) == taken
    # What the bot shows of it in a message.
    assert len(prompt_lines(taken)) <= 4096
    assert len(settings_line(taken)) <= 2048
    name = file_name(taken.prompt, 7, "0" * 32, "png")
    assert re.fullmatch(r"[\w.-]{1,100}", name), name


def picture(data: bytes) -> None:
    """An attachment: decoded by the bot, then read by the worker."""
    with refusing_with_message(RequestError):
        assert picture_from(data).data == data
        # What the bot has accepted, the worker can read.
        image = read_picture(data)
        assert image.mode == "RGB"
        assert min(image.size) > 0
        mask = read_mask(data, image).white
        assert (mask.mode, mask.size) == ("L", image.size)


def changed_picture(data: bytes) -> None:
    """A valid picture with some bytes changed, which random bytes never come near."""
    rng = random.Random(data)
    file = bytearray(rng.choice(WHOLE_PICTURES))
    for _ in range(rng.randint(1, 8)):
        at, kind = rng.randrange(len(file)), rng.random()
        if kind < 0.6:
            file[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind < 0.8:
            del file[at : at + rng.randint(1, 16)]
        else:
            file[at:at] = data[: rng.randint(0, 16)]
        if not file:
            break
    picture(bytes(file))


def custom_id(data: bytes) -> None:
    """A forged custom id: either it is exactly one of ours, or no button accepts it."""
    with contextlib.suppress(UnicodeDecodeError):
        text = text_of(data)
        for button in BUTTONS:
            match = button.__discord_ui_compiled_template__.fullmatch(text)
            if match is not None:
                assert button.custom_id_of(match["job"]) == text
                assert re.fullmatch(r"[0-9a-f]{32}", match["job"], re.ASCII)
                assert len(text) <= 100


TARGETS: dict[str, Callable[[bytes], None]] = {
    "prompt": prompt,
    "request": request,
    "picture": picture,
    "changed-picture": changed_picture,
    "custom-id": custom_id,
}
