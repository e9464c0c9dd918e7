"""Pictures in a bucket that speaks S3: AWS, Cloudflare R2, MinIO, Ceph and others.

Credentials, the region and the endpoint come from the usual variables, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL, or from the machine's or pod's own role.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import S3Store

from data.errors import BucketError, StoreError
from data.pictures.base import Found

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

# R2's and MinIO's names of buckets are as S3's.
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9._/-]*))?")
# Says whose pictures these are, so that no other database takes them for orphaned files.
OWNER = "imagine-bot-database"
# How long one call tries again by itself; the queue tries for longer.
RETRY_SECONDS = 10.0
_PART = 1000  # files in one answer: S3's limit
# All are listed for their sum, with a request for each thousand.
_MEASURED_SECONDS = 3600.0
_REFUSED = re.compile(r"\b40[13]\b|InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MISSING = (FileNotFoundError, NotFoundError)
_ERRORS = (*_MISSING, BaseError, OSError)


class BucketPictures:
    """The objects in a bucket whose keys begin with a prefix; see data.pictures.base.

    ``address`` is s3://BUCKET or s3://BUCKET/PREFIX. Raises StoreError if it is neither.
    """

    shared = True

    def __init__(self, address: str, retry_seconds: float = RETRY_SECONDS) -> None:
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise StoreError(
                "{address} isn't the address of a bucket; write s3://BUCKET/PREFIX.",
                address=address,
            )
        self._address = address
        self._bucket = match[1]
        self._used: int | None = None
        self._written = 0  # bytes written by this process since then, less those it discarded
        self._measured = 0.0
        options: ClientConfig = {"timeout": "30s", "connect_timeout": "5s"}
        config: S3Config = {}
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            config["endpoint"] = endpoint
            options["allow_http"] = endpoint.startswith("http://")
        with self._saying():
            self._store = S3Store(
                self._bucket,
                prefix=(match[2] or "").strip("/") or None,
                config=config,
                client_options=options,
                retry_config={
                    "max_retries": 100,
                    "retry_timeout": timedelta(seconds=retry_seconds),
                    "backoff": {
                        "init_backoff": timedelta(seconds=0.1),
                        "max_backoff": timedelta(seconds=2),
                        "base": 2,
                    },
                },
            )

    def __str__(self) -> str:
        return self._address

    async def open(self, identity: str) -> None:
        """Check that the bucket is there, takes our credentials, and is this database's."""
        if await self.create(OWNER, identity.encode()) != identity.encode():
            raise StoreError(
                "The pictures in {address} belong to another database. Choose another bucket or "
                "another prefix, or else delete the object {name} in it.",
                address=self._address,
                name=OWNER,
            )

    async def write(self, name: str, data: bytes) -> None:
        """Put it; S3 has it on several disks when it answers."""
        with self._saying():
            await obstore.put_async(self._store, name, data)
        self._written += len(data)

    async def create(self, name: str, data: bytes) -> bytes:
        """Put it on the condition that nothing is there."""
        found = await self.read(name)
        if found is None:
            with self._saying(), contextlib.suppress(AlreadyExistsError):
                await obstore.put_async(self._store, name, data, mode="create")
            found = await self.read(name)
        return data if found is None else found

    async def read(self, name: str) -> bytes | None:
        """Get it."""
        with self._saying():
            try:
                return bytes(await (await obstore.get_async(self._store, name)).bytes_async())
            except _MISSING as error:
                _check_bucket(error)
                return None

    def read_in_thread(self, name: str) -> bytes | None:
        """Get it, blocking."""
        with self._saying():
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except _MISSING as error:
                _check_bucket(error)
                return None

    async def size(self, name: str) -> int | None:
        """Ask for its head."""
        with self._saying():
            try:
                return int((await obstore.head_async(self._store, name))["size"])
            except _MISSING as error:
                _check_bucket(error)
                return None

    async def remove(self, *names: str) -> None:
        """Delete them in one request."""
        with self._saying():
            await obstore.delete_async(self._store, list(names))

    async def discard(self, name: str) -> int:
        """Ask for its size, and delete it."""
        size = await self.size(name)
        if size is None:
            return 0
        await self.remove(name)
        self._written -= size
        return size

    async def found(self, kind: str) -> AsyncIterator[list[Found]]:
        """List them, a thousand at a time."""
        parts = aiter(obstore.list(self._store, prefix=kind, chunk_size=_PART))
        while True:
            with self._saying():
                part = await anext(parts, None)
            if part is None:
                return
            yield [
                Found(each["path"], each["size"], each["last_modified"].timestamp())
                for each in part
            ]

    async def used(self) -> int:
        """Listed at most once an hour; in between, what this process changed is added."""
        if self._used is None or time.monotonic() - self._measured > _MEASURED_SECONDS:
            before, total = self._written, 0
            async for part in self.found("pictures"):
                total += sum(each.size for each in part)
            self._used, self._measured = total, time.monotonic()
            self._written -= before
        return max(0, self._used + self._written)

    @contextlib.contextmanager
    def _saying(self) -> Iterator[None]:
        """Turn errors of the bucket into sentences."""
        try:
            yield
        except _ERRORS as error:
            raise self._sentence(str(error)) from error

    def _sentence(self, text: str) -> BucketError:
        code = _CODE.search(text)
        # Only the code: the rest of S3's answers has keys and what was signed.
        reason = code[1] if code else text.partition("\n")[0].rpartition(" - ")[2][:200]
        if reason == "NoSuchBucket":
            return BucketError(
                "There is no bucket {bucket}. Create it, or correct IMAGINE_PICTURES.",
                bucket=self._bucket,
            )
        if _REFUSED.search(f"{reason} {text.partition('<')[0]}"):
            return BucketError(
                "The bucket {bucket} refuses these credentials ({reason}). Check AWS_ACCESS_KEY_ID "
                "and AWS_SECRET_ACCESS_KEY, and what they are allowed to do.",
                bucket=self._bucket,
                reason=reason,
            )
        return BucketError(
            "The bucket {bucket} can't be used ({reason}). Check the network, AWS_ENDPOINT_URL and "
            "AWS_REGION.",
            bucket=self._bucket,
            reason=reason,
        )


def _check_bucket(error: Exception) -> None:
    """Raise ``error``, about a missing object, again if all of the bucket is missing."""
    if "NoSuchBucket" in str(error):
        raise error
