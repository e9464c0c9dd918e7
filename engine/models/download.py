"""Downloads files of the catalogue. A file appears at its path complete and verified, or not.

During the download it is called ``NAME.part``, and ``NAME.part.json`` records the version of the
file. An interrupted download continues from there, in the same run or a later one. The complete
file's SHA-256 is compared with the catalogue's, or with the one recorded in ``NAME.sha256`` at the
first download (in the format of ``sha256sum``). Only then is it moved to ``NAME``, atomically.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import json
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from engine.errors import CheckpointError, DownloadError, MissingModelError, os_reason
from engine.models.catalogue import Source
from engine.models.checkpoints import looks_like_page, opened
from engine.models.locks import file_lock
from engine.models.split_weights import all_files
from engine.translatable import Translatable

Progress = Callable[[int, int | None], None]
"""Called with the bytes received and the total, None if the server does not tell it."""

_CHUNK = 1 << 20
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)  # statuses that may be temporary
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class RetryPolicy:
    """How long a download is tried: it fails after ``attempts`` in a row without new bytes.

    It waits ``pause`` seconds after the first and twice as long after each further one, at most
    30 s; ``timeout`` is the number of seconds without a byte that ends an attempt.
    """

    attempts: int = 5
    pause: float = 1.0
    timeout: float = 30.0


@dataclass(frozen=True)
class _Version:
    """The version of the file that a part belongs to; a part of another version is dropped."""

    url: str
    etag: str | None
    modified: str | None
    total: int | None


class _ConnectionLostError(Exception):
    """The connection ended early, or the server asked to try again after ``wait`` seconds."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


def obtain(
    source: Source,
    folder: Path,
    *,
    progress: Progress | None = None,
    retry: RetryPolicy | None = None,
) -> Path:
    """The path of ``source`` in ``folder``, downloaded unless it is there with the right hash.

    Raises DownloadError, which says what is wrong: the address, the connection, the disk's space,
    the hash. An interrupted download leaves its part, any other error nothing.
    """
    target = source.location(folder)
    if source.url is None:
        if not target.is_file():
            raise MissingModelError(
                "{target} is missing and has no download address; put it back.", target=target
            )
        return target
    with _disk_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
        with file_lock(folder / f".{source.file}.lock"):
            if target.is_file():
                with contextlib.suppress(CheckpointError):
                    verify(source, folder)
                    return target
                target.unlink()
            download = _Download(
                source.url, target, progress or (lambda *_: None), retry or RetryPolicy()
            )
            download.run(resumable_without_tag=source.sha256 is not None)
            _accept(source, target, download)
    return target


def verify(source: Source, folder: Path) -> None:
    """Raise CheckpointError if the file of ``source`` in ``folder`` has another SHA-256.

    Other than the catalogue's, or else than the one recorded at the first download; without either
    there is nothing to compare.
    """
    path = source.location(folder)
    expected = source.sha256 or recorded_sha256(path)
    if expected is not None and file_sha256(path) != expected:
        raise CheckpointError(
            Translatable(
                "{path} has the wrong SHA-256, so it was changed or damaged; download it "
                "again with `imagine-models get`.",
                path=path,
            )
            if source.url
            else Translatable(
                "{path} has changed since it was added to the catalogue; add it again "
                "under another name, or remove its `sha256` from the catalogue.",
                path=path,
            )
        )


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits. Raises CheckpointError.

    Of the index of weights in several files it is that of the SHA-256 of all files, in order.
    """
    files = all_files(path)
    if len(files) > 1:
        digests = [_sha256(file) for file in files]
        return hashlib.sha256("".join(digests).encode("ascii")).hexdigest()
    return _sha256(path)


def _sha256(path: Path) -> str:
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recorded_sha256(path: Path) -> str | None:
    """The SHA-256 recorded next to ``path`` at its first download, if any."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        digest = _with_suffix(path, ".sha256").read_text(encoding="ascii").split(" ")[0].strip()
        if len(digest) == 64:
            return digest
    return None


def _with_suffix(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _accept(source: Source, target: Path, download: _Download) -> None:
    """Verify the complete part and move it to ``target``; drop it if it is the wrong file."""
    recorded = None if source.sha256 else recorded_sha256(target)
    expected = source.sha256 or recorded
    digest = file_sha256(download.part)
    with download.part.open("rb") as file:
        page = looks_like_page(file.read(512))
    host = urlsplit(download.url).netloc
    if page or (expected is not None and digest != expected):
        download.drop()
    if page:
        raise DownloadError(
            "{host} sent a web page instead of {file}, so the address has moved or "
            "needs a login; nothing was kept.",
            host=host,
            file=source.file,
        )
    if expected is not None and digest != expected:
        remedy = (
            Translatable("try again; if it fails again, the publisher has changed the file")
            if recorded is None
            else Translatable("delete {path} to accept it", path=_with_suffix(target, ".sha256"))
        )
        raise DownloadError(
            "{file} from {host} has the wrong SHA-256 ({digest}..., not "
            "{expected}...), so nothing was kept; {remedy}.",
            file=source.file,
            host=host,
            digest=digest[:12],
            expected=expected[:12],
            remedy=remedy,
        )
    if expected is None:
        # Before the file, so that the file never appears without its hash.
        note = _with_suffix(target, ".sha256.part")
        note.write_text(f"{digest}  {target.name}\n", encoding="ascii")
        os.replace(note, _with_suffix(target, ".sha256"))
    os.replace(download.part, target)
    download.drop()
    if os.name == "posix":  # so that the new name survives a power cut, too
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # not every file system supports it
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    """Turn an OSError of the disk into a DownloadError."""
    try:
        yield
    except OSError as error:
        raise DownloadError(
            "{target} can't be written: {reason}.", target=target, reason=os_reason(error)
        ) from None


class _Download:
    """The download of one file into the part of ``target``."""

    def __init__(self, url: str, target: Path, progress: Progress, retry: RetryPolicy) -> None:
        self.url, self.target = url, target
        self.progress, self.retry = progress, retry
        self.part = _with_suffix(target, ".part")
        self.state = _with_suffix(target, ".part.json")

    def drop(self) -> None:
        """Delete the part."""
        self.part.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)

    def run(self, *, resumable_without_tag: bool) -> None:
        """Download until the part is complete. Raises DownloadError."""
        furthest, failures = self._have(), 0
        while True:
            try:
                self._attempt(resumable_without_tag)
                return
            except _ConnectionLostError as error:
                # Only new bytes count as progress. Otherwise a server that always starts from the
                # beginning and always stops at the same place would be asked forever.
                failures = 1 if self._have() > furthest else failures + 1
                furthest = max(furthest, self._have())
                if failures >= self.retry.attempts:
                    raise DownloadError(
                        "The download of {file} from {host} was interrupted "
                        "({reason}); try again to continue from {megabytes:.1f} "
                        "MB.",
                        file=self.target.name,
                        host=urlsplit(self.url).netloc,
                        reason=error,
                        megabytes=furthest / 1e6,
                    ) from None
                time.sleep(
                    max(min(error.wait, 60.0), min(self.retry.pause * 2 ** (failures - 1), 30.0))
                )

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _version(self) -> _Version | None:
        with contextlib.suppress(OSError, ValueError, TypeError):
            version = _Version(**json.loads(self.state.read_text(encoding="utf-8")))
            return version if version.url == self.url else None
        return None

    def _attempt(self, resumable_without_tag: bool) -> None:
        version, have = self._version(), self._have()
        tag = version and (version.etag or version.modified)
        if version is None or not (tag or (resumable_without_tag and version.total)):
            have = 0
        if have and version and have == version.total:
            return
        headers = {"User-Agent": "imagine-bot", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if tag:
                headers["If-Range"] = tag
        try:
            request = urllib.request.Request(self.url, headers=headers)  # noqa: S310
            response = urllib.request.urlopen(  # noqa: S310  the catalogue has only http(s)
                request, timeout=self.retry.timeout
            )
        except urllib.error.HTTPError as error:
            self._raise_for_status(error)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise DownloadError(
                    "{host} has no valid certificate ({reason}); check this "
                    "machine's clock and certificates.",
                    host=urlsplit(self.url).netloc,
                    reason=reason.verify_message,
                ) from None
            raise _ConnectionLostError(str(getattr(reason, "strerror", None) or reason)) from None
        with response:
            self._receive(response, version, have)

    def _raise_for_status(self, error: urllib.error.HTTPError) -> None:
        with error:
            if error.code == 416:  # the file is shorter now than the part
                self.drop()
                raise _ConnectionLostError("the file has changed")
            if error.code in _TEMPORARY:
                wait = error.headers.get("Retry-After", "")
                raise _ConnectionLostError(
                    f"HTTP {error.code}", float(wait) if wait.isdecimal() else 0.0
                )
            raise DownloadError(
                "{file} can't be downloaded: {host} answers {code} {reason}; check "
                "whether its address has moved.",
                file=self.target.name,
                host=urlsplit(self.url).netloc,
                code=error.code,
                reason=error.reason,
            )

    def _receive(
        self, response: http.client.HTTPResponse, version: _Version | None, have: int
    ) -> None:
        length = response.headers.get("Content-Length", "")
        ahead = int(length) if length.isdecimal() else None
        if response.status == 206:
            if not have or not _continues(
                response.headers.get("Content-Range", ""), have, version.total if version else None
            ):
                self.drop()
                raise _ConnectionLostError("the file has changed")
        else:  # the complete file: the server supports no ranges, or the file has changed
            have = 0
        total = None if ahead is None else have + ahead
        self._check_space(0 if ahead is None else ahead)
        try:
            with self.part.open("ab" if have else "wb") as file:
                if not have:
                    etag = response.headers.get("ETag")
                    new = _Version(
                        self.url,
                        # a weak tag does not guarantee the same bytes
                        None if etag is None or etag.startswith("W/") else etag,
                        response.headers.get("Last-Modified"),
                        total,
                    )
                    self.state.write_text(json.dumps(asdict(new)), encoding="utf-8")
                done = self._copy(response, file, have, total)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._disk_failed(error)
        if total is not None and done < total:
            raise _ConnectionLostError("the connection was cut")

    def _copy(
        self, response: http.client.HTTPResponse, file: IO[bytes], done: int, total: int | None
    ) -> int:
        """Write the body to ``file``, up to an interruption; returns the bytes there are now."""
        self.progress(done, total)
        while True:
            try:
                # read1 returns what has arrived, so that the bar also moves on a slow line.
                chunk = response.read1(_CHUNK)
            except (http.client.HTTPException, OSError) as error:
                raise _ConnectionLostError(
                    getattr(error, "strerror", None) or "the connection was cut"
                ) from None
            if not chunk:
                return done
            file.write(chunk)
            done += len(chunk)
            self.progress(done, total)

    def _check_space(self, ahead: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if ahead > free:
            self.drop()
            raise self._full(f"it needs {ahead / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free")

    def _disk_failed(self, error: OSError) -> None:
        if error.errno in _DISK_FULL:
            self.drop()  # other programs need space, too
            raise self._full(os_reason(error)) from None
        raise error

    def _full(self, why: str) -> DownloadError:
        return DownloadError(
            "There isn't enough space for {file} in {folder} ({why}); free some, "
            "or choose another folder with IMAGINE_MODELS_FOLDER.",
            file=self.target.name,
            folder=self.target.parent,
            why=why,
        )


def _continues(content_range: str, have: int, total: int | None) -> bool:
    """Whether "bytes 10-99/100" continues after ``have`` bytes of a file of ``total`` bytes."""
    unit, _, rest = content_range.partition(" ")
    span, _, whole = rest.partition("/")
    if unit != "bytes" or span.split("-")[0] != str(have):
        return False
    return total is None or whole in ("*", str(total))
