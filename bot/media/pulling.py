"""Attachments that say where prompts pull, and to which colours."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import discord

from bot.errors import AttachmentError
from bot.language import _
from bot.media.attachments import Attachments
from bot.requests.picture import Picture
from engine.pictures.masks import read_mask
from engine.pictures.palette import palette_in
from engine.request.prompt.second import mask_names

_HALF = 128  # of 255; what is darker is outside


async def pictures_to_paint_like(
    attached: Sequence[discord.Attachment | None],
    weights: Sequence[float | None],
    attachments: Attachments,
) -> tuple[list[dict[str, Any]], list[Picture]]:
    """Return the request's field ``like``, and the pictures that were attached.

    Each has a weight at the same place, None for the default. Raises AttachmentError if a weight
    has no picture, and like Attachments.picture.
    """
    for place, (each, weight) in enumerate(zip(attached, weights, strict=True), 1):
        if each is None and weight is not None:
            raise AttachmentError(
                _(
                    "Weight {number} has no picture; attach it, or leave the weight out.",
                    number=place,
                )
            )
    like, pictures = [], []
    for each, weight in zip(attached, weights, strict=True):
        if each is None:
            continue
        picture = await attachments.picture(each.url, each.filename)
        like.append({"picture": picture.sha256} | ({} if weight is None else {"weight": weight}))
        pictures.append(picture)
    return like, pictures


async def masks_of_regions(
    text: str, attached: Sequence[discord.Attachment | None], attachments: Attachments
) -> tuple[dict[str, Any], list[Picture]]:
    """Return the request's field ``regions``, and the masks, for regions that ``text`` names.

    The first mask belongs to the first region in the prompt that needs one, and so on. Without
    masks there is no field. Raises AttachmentError if there are more masks than such regions, or
    if a mask has no white.
    """
    masks = [each for each in attached if each is not None]
    if not masks:
        return {}, []
    names = mask_names(text)
    if len(names) < len(masks):
        raise AttachmentError(
            _(
                'Name the region of each mask in the prompt, as in "a castle @hill + a river '
                '@valley": the first mask is for the first name.'
            )
        )
    pictures = [await _mask(each, attachments) for each in masks]
    return {
        "regions": [
            {"name": name, "mask": picture.sha256}
            for name, picture in zip(names, pictures, strict=False)
        ]
    }, pictures


async def _mask(attached: discord.Attachment, attachments: Attachments) -> Picture:
    picture = await attachments.picture(attached.url, attached.filename)
    mask = await asyncio.to_thread(read_mask, picture.data)
    if mask.white.point(lambda value: 255 if value >= _HALF else 0).getbbox() is None:
        raise AttachmentError(
            _("That mask has no white area, so nothing would be painted in it. Attach another one.")
        )
    return picture


async def palette_of_picture(attached: discord.Attachment, attachments: Attachments) -> str:
    """Return the main colours of an attached picture, as the request's field ``palette``.

    Only the colours are kept.
    """
    picture = await attachments.picture(attached.url, attached.filename)
    return await asyncio.to_thread(palette_in, picture.data)
