"""A picture from anywhere that says in its file how it was painted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.media.source_picture import PictureFinder
from bot.requests.picture import Picture
from data.jobs.stored import StoredJob
from engine.pictures.provenance import Made, read_made


@dataclass(frozen=True)
class FoundFile:
    """A ``picture`` and how it was ``made``, as its file says.

    ``job`` is the bot's own job that painted it, if this very file is its picture.
    """

    picture: Picture
    made: Made
    job: StoredJob | None


async def found_file(bot: PictureFinder, address: str) -> FoundFile | None:
    """Return what the file at ``address`` says; None if it does not say how it was painted.

    Raises AttachmentError if it cannot be downloaded, RequestError if it cannot be read.
    """
    picture = await bot.attachments.picture(address)
    made = await asyncio.to_thread(read_made, picture.data)
    if made is None:
        return None
    job = None if made.job is None else await bot.store.job(made.job)
    if job is None or not job.can_be_shown:
        return FoundFile(picture, made, None)
    # Anybody can write another job's id into a file, so its bytes must be that job's.
    return FoundFile(picture, made, job if job.result_sha256 == picture.sha256 else None)
