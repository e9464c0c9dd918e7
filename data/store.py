"""The store: everything the bot keeps, behind one object; see also engine.jobs.job.JobStore."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import platformdirs

from data.claims import Claims
from data.database import Database
from data.denied_servers import DeniedServers
from data.errors import StoreError
from data.guilds import Guilds
from data.jobs.files import Files
from data.jobs.history import History
from data.jobs.lineage import Lineage
from data.jobs.owners import Owner
from data.jobs.queue_jobs import QueueJobs
from data.jobs.quota import Quota
from data.jobs.server_jobs import ServerJobs
from data.jobs.words import add_older_words
from data.learnt import keep_learnt, read_learnt
from data.messages import Messages
from data.overview import Overview
from data.people import People
from data.picture_checks import PictureChecks
from data.pictures.base import Pictures
from data.pictures.place import place_for_pictures
from data.privacy.alias import share_key
from data.privacy.personal_data import Privacy
from data.purges import Purges
from data.retention import Retention
from data.running_bots import RunningBots
from data.shards import Shards
from data.sqlite.backup import DATABASE
from data.sqlite.database import SqliteDatabase
from data.sqlite.recovery import check_whole, recover
from data.stars import Stars
from data.styles import Styles
from engine.jobs.effort import Learnt
from engine.tasks import spawn

LEASE_SECONDS = 60.0
# Other machines are told by no lock that a process died, and continue its jobs within 30 s.
SHARED_LEASE_SECONDS = 15.0


def data_folder() -> Path:
    """The default folder for the bot's files: the user's data folder."""
    return platformdirs.user_data_path("imagine-bot", appauthor=False)


async def _open_server(url: str) -> Database:
    try:
        # Not installed, and not loaded, where SQLite is used.
        from data.postgres.database import PostgresDatabase
    except ModuleNotFoundError as error:
        raise StoreError(
            "PostgreSQL needs the package {package}. Install it: "
            "pip install 'imagine-bot[postgres]'",
            package=error.name,
        ) from None
    return await PostgresDatabase.open(url)


class Store(QueueJobs):
    """The database and the files of one data folder, opened with :meth:`open`.

    Its methods are about jobs; other concerns are its parts:

    - ``wishes``: asking the process that works on a job to stop, cancel or change it
    - ``guilds``: settings of servers, their log, and how much people asked for
    - ``people``: bans and limits, the moderators' log, preferences
    - ``history``: a person's pictures and favourites, searched
    - ``lineage``: what a picture was made from, and what from it
    - ``messages``: which job a Discord message shows, and addresses of pictures to edit
    - ``picture_checks``: concepts that were found in pictures
    - ``server_jobs``: the jobs of one server, for its moderators
    - ``purges``: removing all pictures of a member
    - ``quota``: the disk space of pictures
    - ``retention``: deleting what was kept long enough
    - ``privacy``: exporting and deleting what is stored about a person
    - ``overview``: numbers for the host
    - ``denied_servers``: servers that cannot have the bot
    - ``running_bots``: which process runs a bot
    - ``stars``: how often pictures were starred, the starboard, the gallery
    - ``shards``: which process is connected to which of Discord's shards
    - ``claims``: work that one process at a time does

    These methods and parts are all that is used above ``data``, so they are what every back end
    offers. Their SQL runs on any :class:`data.database.Database`; only data.sqlite,
    data.postgres and :meth:`open` know which one it is.
    Every method raises StoreError if the database or a file cannot be used.
    """

    def __init__(
        self, folder: Path, database: Database, pictures: Pictures, owner: Owner, lease: float
    ) -> None:
        super().__init__(database, Files(folder), pictures, owner, lease)
        self.folder = folder
        self.guilds = Guilds(database)
        self.people = People(database, folder)
        self.history = History(database)
        self.lineage = Lineage(database)
        self.messages = Messages(database)
        self.picture_checks = PictureChecks(database, self.states, pictures)
        self.server_jobs = ServerJobs(database)
        self.purges = Purges(database)
        self.quota = Quota(database, self.files, pictures)
        self.retention = Retention(database, self)
        self.privacy = Privacy(database, self)
        self.overview = Overview(database)
        self.denied_servers = DeniedServers(database)
        self.running_bots = RunningBots(database, owner)
        self.stars = Stars(database)
        self.shards = Shards(database, owner)
        self.claims = Claims(database, owner)
        self.styles = Styles(database)
        # Whether the database is the folder's file; else the host backs up the server itself.
        self.on_file = True
        self.damage: str | None = None
        self._indexing: asyncio.Task[int] | None = None

    @classmethod
    async def open(
        cls,
        folder: Path | None = None,
        *,
        database_url: str | None = None,
        pictures_url: str | None = None,
        lease_seconds: float | None = None,
    ) -> Store:
        """Open ``folder``, by default :func:`data_folder`; it is created if missing.

        The database is a SQLite file in it, unless ``database_url`` is a PostgreSQL server's. A
        damaged file is set aside and replaced by the newest good backup (see data.sqlite.recovery).
        Pictures are files in it, too, unless ``pictures_url`` is a bucket's (data.pictures.bucket).
        Raises StoreError if the database cannot be used or is of a newer version.
        """
        folder = data_folder() if folder is None else folder
        pictures = place_for_pictures(folder, pictures_url)
        await asyncio.to_thread(Files(folder).make)
        if database_url is None:
            # Before this process is an owner: a damaged database is replaced only without one.
            await asyncio.to_thread(recover, folder)
        owner = await asyncio.to_thread(Owner, folder / "owners")
        try:
            database: Database = (
                await SqliteDatabase.open(folder / DATABASE)
                if database_url is None
                else await _open_server(database_url)
            )
        except BaseException:
            owner.close()
            raise
        if lease_seconds is None:
            lease_seconds = LEASE_SECONDS if database_url is None else SHARED_LEASE_SECONDS
        store = cls(folder, database, pictures, owner, lease_seconds)
        store.on_file = database_url is None
        try:
            await pictures.open(await store._identity())
            if pictures.shared:
                await share_key(folder, pictures)
        except BaseException:
            await store.close()
            raise
        store._indexing = spawn(add_older_words(database), "the index of words")
        return store

    async def close(self) -> None:
        """Release all jobs for the next store that opens the folder, and close the database."""
        if self._indexing is not None:
            self._indexing.cancel()
            await asyncio.gather(self._indexing, return_exceptions=True)
        await self.privacy.close()
        await self.states.close()
        try:
            await self._leases.release()
        finally:
            await self._database.close()
            await asyncio.to_thread(self._owner.close)

    async def _identity(self) -> str:
        """What tells this database from others, also after it was copied to another server."""
        await self._database.change(
            "INSERT INTO meta (key, value) VALUES ('identity', ?) ON CONFLICT (key) DO NOTHING",
            uuid.uuid4().hex,
        )
        identity = await self.get_meta("identity")
        assert identity is not None
        return identity

    async def check(self) -> None:
        """Raise StoreError if the database cannot be read, or is known to be damaged."""
        if self.damage is not None:
            raise StoreError("The database is damaged: {reason}.", reason=self.damage)
        await self.get_meta("")

    async def check_whole(self) -> None:
        """Look for damage in the whole file, which takes minutes if it is large."""
        if not self.on_file:
            return
        self.damage = await asyncio.to_thread(check_whole, self.folder)

    async def learnt(self) -> Learnt:
        """What the queue learnt about the time that jobs take."""
        return await read_learnt(self._database)

    async def learn(self, news: Learnt) -> None:
        """Keep what it learnt for its next start."""
        await keep_learnt(self._database, news)

    async def get_meta(self, key: str) -> str | None:
        """The value kept under ``key``, or None."""
        rows = await self._database.fetch("SELECT value FROM meta WHERE key = ?", key)
        return rows[0]["value"] if rows else None

    async def set_meta(self, key: str, value: str) -> None:
        """Keep ``value`` under ``key``."""
        await self._database.change(
            "INSERT INTO meta (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            key,
            value,
        )
