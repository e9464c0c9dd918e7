"""A picture whose address is in the prompt, as people paste it."""

from __future__ import annotations

from bot.errors import AttachmentError
from bot.language import _
from bot.media.attachments import Attachments
from bot.requests.picture import Picture
from engine.request.addresses import addresses


async def picture_in(text: str, attachments: Attachments) -> tuple[str, list[Picture]]:
    """Return the prompt without a picture's address, and the picture, if there is one.

    Raises AttachmentError if the address is not on Discord, or if there are several.
    """
    found = list(addresses(text))
    if not found:
        return text, []
    if len(found) > 1:
        raise AttachmentError(
            _("A picture can only start from one other. Keep one address in the prompt.")
        )
    start, end = found[0].span()
    address = text[start:end].strip("<>")
    try:
        attachments.check(address)
    except AttachmentError:
        raise AttachmentError(
            _(
                "I can only open pictures on Discord. Remove the address from the prompt, and "
                "attach the picture instead."
            )
        ) from None
    return f"{text[:start]} {text[end:]}", [await attachments.picture(address)]
