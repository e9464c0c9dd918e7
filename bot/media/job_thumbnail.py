"""A job's picture, small, as a file for a list of pictures."""

from __future__ import annotations

import asyncio
import io

import discord

from bot.language.formatting import alt_text
from bot.media.resize import thumbnail
from data.jobs.stored import StoredJob
from data.store import Store


async def job_thumbnail(store: Store, job: StoredJob) -> discord.File | None:
    """Return the job's picture as a small WebP with its alt text; None if its file is gone."""
    data = await store.picture(job.id)
    if data is None:
        return None
    small = await asyncio.to_thread(thumbnail, data)
    alt = alt_text(job.request, job.notices)
    return discord.File(io.BytesIO(small), filename=f"{job.id}.webp", description=alt)
