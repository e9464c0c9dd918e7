"""What is fed with anything: each target takes bytes, and raises only where the project is wrong.

Refusals must be the engine's or the bot's own errors with a sentence; whatever else comes out of
a target is a finding. What is taken must hold what the rest of the program relies on.
"""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Callable

from bot.errors import AttachmentError, sentence
from bot.language.formatting import chosen, file_name, understood
from bot.media.attachments import check_picture
from bot.ui.buttons import BUTTONS
from engine.errors import RequestError
from engine.painting.images import read_mask, read_picture
from engine.request.prompt import split_flags
from engine.request.request import ImageRequest, request_from_json, request_from_text
from tests.fuzz.corpus import WHOLE_PICTURES

LONGEST_SENTENCE = 2000  # what fits into a message


def text_of(data: bytes) -> str:
    """Any text that JSON can carry, lone surrogates included, as Discord's could."""
    return data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace")


@contextlib.contextmanager
def refusing_in_sentences(*kinds: type[Exception]):
    """Lets the refusals through that a person can read."""
    refused = None
    try:
        yield
    except kinds as error:
        refused = error
    if refused is None:
        return
    said = sentence(refused)
    assert said, f"{refused!r} has no sentence"
    assert len(said) <= LONGEST_SENTENCE, f"too long to be posted: {said[:200]}..."
    assert "Traceback" not in said
    said.encode()  # a lone surrogate in it could not be posted


def prompt(data: bytes) -> None:
    """What people type, flags and all."""
    with contextlib.suppress(UnicodeDecodeError), refusing_in_sentences(RequestError):
        text = text_of(data)
        split_flags(text)
        _holds(request_from_text(text))


def request(data: bytes) -> None:
    """A request as JSON: from another version's database, or a file's text."""
    with contextlib.suppress(UnicodeDecodeError), refusing_in_sentences(RequestError):
        _holds(request_from_json(text_of(data)))


def _holds(taken: ImageRequest) -> None:
    prompts = taken.prompts()
    assert 0 < len(prompts) <= 32
    assert any(prompt.weight for prompt in prompts)
    for words in prompts:
        str(words).encode()
    written = taken.model_dump_json(exclude_none=True)
    written.encode()  # what goes into the database
    assert request_from_json(written) == taken
    # What the bot makes of it for a message.
    assert len(understood(taken)) <= 4096
    assert len(chosen(taken)) <= 2048
    name = file_name(taken.prompt, 7, "0" * 32, "png")
    assert re.fullmatch(r"[\w.-]{1,100}", name), name


def picture(data: bytes) -> None:
    """A file that a person attached: at the intake, then in the worker."""
    with refusing_in_sentences(AttachmentError):
        check_picture(data)
    with refusing_in_sentences(RequestError):
        image = read_picture(data)
        assert image.mode == "RGB"
        assert min(image.size) > 0
    with refusing_in_sentences(RequestError):
        assert read_mask(data).mode == "L"


def changed_picture(data: bytes) -> None:
    """A whole picture with some bytes changed: what a blind guess never comes near."""
    rng = random.Random(data)
    file = bytearray(rng.choice(WHOLE_PICTURES))
    for _ in range(rng.randint(1, 8)):
        at, kind = rng.randrange(len(file)), rng.random()
        if kind < 0.6:
            file[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind < 0.8:
            del file[at:at + rng.randint(1, 16)]
        else:
            file[at:at] = data[:rng.randint(0, 16)]
        if not file:
            break
    picture(bytes(file))


def custom_id(data: bytes) -> None:
    """A custom id that somebody made by hand: it is one of ours exactly, or nobody's."""
    with contextlib.suppress(UnicodeDecodeError):
        text = text_of(data)
        for button in BUTTONS:
            match = button.__discord_ui_compiled_template__.fullmatch(text)
            if match is not None:
                assert button.custom_id_of(match["job"]) == text
                assert re.fullmatch(r"[0-9a-f]{32}", match["job"], re.ASCII)
                assert len(text) <= 100


TARGETS: dict[str, Callable[[bytes], None]] = {
    "prompt": prompt, "request": request, "picture": picture,
    "changed-picture": changed_picture, "custom-id": custom_id}
