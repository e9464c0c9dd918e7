"""Fetching a file of the catalogue: whole and checked at its place, or not there at all.

While it comes it is ``NAME.part``, with ``NAME.part.json`` saying of which version of the
file; cut off, it goes on from there, in this run or the next. Whole, its SHA-256 is compared
with the catalogue's, or with the one recorded in ``NAME.sha256`` when it first came (the
format of ``sha256sum``), and only then it is moved to ``NAME`` in one step.
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

from engine.errors import CheckpointError, DownloadError, MissingModelError
from engine.models.catalogue import Source
from engine.models.checkpoints import looks_like_page
from engine.models.locks import only_one
from engine.translatable import Translatable

Progress = Callable[[int, int | None], None]
"""Told the bytes that are here and, where the server says, those there will be."""

_CHUNK = 1 << 20
_AGAIN = (408, 425, 429, 500, 502, 503, 504)  # answers that may be better in a moment
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Patience:
    """How long a download is tried: ``attempts`` in a row that bring nothing new end it.

    ``pause`` seconds after the first, twice as many after each other one, 30 at most;
    ``timeout`` is how many seconds a silent server is waited for.
    """

    attempts: int = 5
    pause: float = 1.0
    timeout: float = 30.0


@dataclass(frozen=True)
class _Version:
    """Which file a part is of: a part of another version is thrown away, not added to."""

    url: str
    etag: str | None
    modified: str | None
    total: int | None


class _CutOffError(Exception):
    """The connection ended early, or the server asked for patience, ``wait`` seconds of it."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


def obtain(source: Source, folder: Path, *, progress: Progress | None = None,
           patience: Patience | None = None) -> Path:
    """The path of ``source`` in ``folder``, fetched unless it is there with the right hash.

    Raises DownloadError with what went wrong: address, connection, room on the disk, hash.
    Of what cannot be used nothing is left; of a download cut off, the part.
    """
    target = source.where(folder)
    if source.url is None:
        if not target.is_file():
            raise MissingModelError("{target} is gone and was not fetched from anywhere; put it "
                                    "back.", target=target)
        return target
    with _disk_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
        with only_one(folder / f".{source.file}.lock"):
            if target.is_file():
                with contextlib.suppress(CheckpointError):
                    verify(source, folder)
                    return target
                target.unlink()
            download = _Download(source.url, target, progress or (lambda *_: None),
                                 patience or Patience())
            download.run(resumable_without_tag=source.sha256 is not None)
            _accept(source, target, download)
    return target


def verify(source: Source, folder: Path) -> None:
    """Raise CheckpointError unless the file of ``source`` in ``folder`` has the right SHA-256.

    That is the catalogue's, or else the one recorded when it was first fetched; where there is
    neither, there is nothing to compare.
    """
    path = source.where(folder)
    expected = source.sha256 or recorded_sha256(path)
    if expected is not None and file_sha256(path) != expected:
        raise CheckpointError(Translatable("{path} is not the file it should be (its SHA-256 is "
                                           "another): it was changed or damaged; fetch it again "
                                           "with `imagine-models get`.",
                                           path=path) if source.url else
            Translatable("{path} has changed since it was added to the catalogue; add it again "
                         "under another name, or take its `sha256` out of the catalogue.",
                         path=path))


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits. Raises CheckpointError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError("{path} cannot be read: {reason}.", path=path,
                              reason=error.strerror) from None


def recorded_sha256(path: Path) -> str | None:
    """The SHA-256 recorded beside ``path`` when it was first fetched, if any."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        digest = _beside(path, ".sha256").read_text(encoding="ascii").split(" ")[0].strip()
        if len(digest) == 64:
            return digest
    return None


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _accept(source: Source, target: Path, download: _Download) -> None:
    """Move the whole part to its place, if it is what it should be; else drop it."""
    recorded = None if source.sha256 else recorded_sha256(target)
    expected = source.sha256 or recorded
    digest = file_sha256(download.part)
    with download.part.open("rb") as file:
        page = looks_like_page(file.read(512))
    host = urlsplit(download.url).netloc
    if page or (expected is not None and digest != expected):
        download.drop()
    if page:
        raise DownloadError("{host} sent a web page in place of {file}: the address has moved, or "
                            "wants a sign-in; nothing was kept.", host=host, file=source.file)
    if expected is not None and digest != expected:
        remedy = (Translatable("try again, and if it stays so, the file was changed by its "
                               "publisher")
                  if recorded is None else
                  Translatable("delete {path} to trust it", path=_beside(target, ".sha256")))
        raise DownloadError("{file} from {host} is not the file it should be (SHA-256 {digest}..., "
                            "not {expected}...); nothing was kept: {remedy}.", file=source.file,
                            host=host, digest=digest[:12], expected=expected[:12], remedy=remedy)
    if expected is None:
        # Before the file: whoever sees the file also sees its hash.
        note = _beside(target, ".sha256.part")
        note.write_text(f"{digest}  {target.name}\n", encoding="ascii")
        os.replace(note, _beside(target, ".sha256"))
    os.replace(download.part, target)
    download.drop()
    if os.name == "posix":  # the new name, too, should outlive a power cut
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # not every file system can
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    """Any OSError of the disk as a DownloadError."""
    try:
        yield
    except OSError as error:
        raise DownloadError("{target} cannot be written: {reason}.", target=target,
                            reason=error.strerror or error) from None


class _Download:
    """One file on its way into ``target``'s part."""

    def __init__(self, url: str, target: Path, progress: Progress, patience: Patience) -> None:
        self.url, self.target = url, target
        self.progress, self.patience = progress, patience
        self.part = _beside(target, ".part")
        self.state = _beside(target, ".part.json")

    def drop(self) -> None:
        """Leave nothing of the part."""
        self.part.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)

    def run(self, *, resumable_without_tag: bool) -> None:
        """Fetch until the part is whole. Raises DownloadError."""
        furthest, failures = self._have(), 0
        while True:
            try:
                self._attempt(resumable_without_tag)
                return
            except _CutOffError as cut:
                # Only bytes never had before count as going on; a server that always begins
                # anew and always breaks off at the same place would else be asked for ever.
                failures = 1 if self._have() > furthest else failures + 1
                furthest = max(furthest, self._have())
                if failures >= self.patience.attempts:
                    raise DownloadError("{file} could not be fetched whole from {host} ({reason}); "
                                        "try again, it goes on from the {megabytes:.1f} MB that "
                                        "are here.", file=self.target.name,
                                        host=urlsplit(self.url).netloc, reason=cut,
                                        megabytes=furthest / 1e6) from None
                time.sleep(max(min(cut.wait, 60.0),
                               min(self.patience.pause * 2 ** (failures - 1), 30.0)))

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
                request, timeout=self.patience.timeout)
        except urllib.error.HTTPError as error:
            self._refused(error)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise DownloadError("{host} has no valid certificate ({reason}); check this "
                                    "machine's clock and its certificates.",
                                    host=urlsplit(self.url).netloc,
                                    reason=reason.verify_message) from None
            raise _CutOffError(str(getattr(reason, "strerror", None) or reason)) from None
        with response:
            self._receive(response, version, have)

    def _refused(self, error: urllib.error.HTTPError) -> None:
        with error:
            if error.code == 416:  # the file is shorter now than the part
                self.drop()
                raise _CutOffError("the file has changed")
            if error.code in _AGAIN:
                wait = error.headers.get("Retry-After", "")
                raise _CutOffError(f"HTTP {error.code}", float(wait) if wait.isdecimal() else 0.0)
            raise DownloadError("{file} is not to be had: {host} answers {code} {reason}; look "
                                "whether its address has moved.", file=self.target.name,
                                host=urlsplit(self.url).netloc, code=error.code,
                                reason=error.reason)

    def _receive(self, response: http.client.HTTPResponse, version: _Version | None,
                 have: int) -> None:
        length = response.headers.get("Content-Length", "")
        ahead = int(length) if length.isdecimal() else None
        if response.status == 206:
            if not have or not _continues(response.headers.get("Content-Range", ""), have,
                                          version.total if version else None):
                self.drop()
                raise _CutOffError("the file has changed")
        else:  # the whole: the server knows no ranges, or the file is another one now
            have = 0
        total = None if ahead is None else have + ahead
        self._make_room(0 if ahead is None else ahead)
        try:
            with self.part.open("ab" if have else "wb") as file:
                if not have:
                    etag = response.headers.get("ETag")
                    new = _Version(self.url,
                                   # a weak tag promises the same meaning, not the same bytes
                                   None if etag is None or etag.startswith("W/") else etag,
                                   response.headers.get("Last-Modified"), total)
                    self.state.write_text(json.dumps(asdict(new)), encoding="utf-8")
                done = self._copy(response, file, have, total)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._disk_failed(error)
        if total is not None and done < total:
            raise _CutOffError("the connection was cut")

    def _copy(self, response: http.client.HTTPResponse, file: IO[bytes], done: int,
              total: int | None) -> int:
        """Write what comes; the bytes there are now. What came before a cut is kept."""
        self.progress(done, total)
        while True:
            try:
                # read1: what has arrived, so that the bar moves on a slow line as well.
                chunk = response.read1(_CHUNK)
            except (http.client.HTTPException, OSError) as error:
                raise _CutOffError(
                    getattr(error, "strerror", None) or "the connection was cut") from None
            if not chunk:
                return done
            file.write(chunk)
            done += len(chunk)
            self.progress(done, total)

    def _make_room(self, ahead: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if ahead > free:
            self.drop()
            raise self._full(f"{ahead / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB free")

    def _disk_failed(self, error: OSError) -> None:
        if error.errno in _NO_ROOM:
            self.drop()  # the rest of the machine wants room as well
            raise self._full(str(error.strerror)) from None
        raise error

    def _full(self, why: str) -> DownloadError:
        return DownloadError("There is no room for {file} in {folder} ({why}); make some, or "
                             "choose another folder with IMAGINE_MODELS_FOLDER.",
                             file=self.target.name, folder=self.target.parent, why=why)


def _continues(content_range: str, have: int, total: int | None) -> bool:
    """Whether "bytes 10-99/100" goes on where ``have`` bytes end, of the same whole."""
    unit, _, rest = content_range.partition(" ")
    span, _, whole = rest.partition("/")
    if unit != "bytes" or span.split("-")[0] != str(have):
        return False
    return total is None or whole in ("*", str(total))
