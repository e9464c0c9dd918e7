import hashlib
import multiprocessing
import socket
import threading
import time
from pathlib import Path

import pytest

from engine.errors import CheckpointError, DownloadError, MissingModelError
from engine.models.catalogue import Source
from engine.models.download import RetryPolicy, file_sha256, obtain, recorded_sha256, verify

CONTENT = bytes(range(256)) * 12_000  # 3 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HASTE = RetryPolicy(attempts=3, pause=0.0, timeout=5.0)
ONCE = RetryPolicy(attempts=1, pause=0.0, timeout=5.0)


@pytest.fixture
def source(publisher):
    publisher.files["big.ckpt"] = CONTENT
    publisher.etags["big.ckpt"] = '"one"'
    return Source("model.ckpt", url=publisher.url("big.ckpt"), sha256=SHA256)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "models"


def left_in(folder):
    """The files in the folder, except the empty lock file."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_file_is_downloaded_completely_and_reports_progress(source, folder):
    reported = []
    path = obtain(source, folder, progress=lambda done, total: reported.append((done, total)))
    assert path == folder / "model.ckpt"
    assert path.read_bytes() == CONTENT
    assert left_in(folder) == ["model.ckpt"]
    assert reported == sorted(reported)
    assert reported[0][0] == 0
    assert reported[-1] == (len(CONTENT), len(CONTENT))
    assert len(reported) > 3


def test_an_existing_file_is_not_downloaded_again(source, folder, publisher):
    obtain(source, folder)
    obtain(source, folder)
    assert len(publisher.asked) == 1


def test_an_interrupted_connection_is_resumed_where_it_stopped(source, folder, publisher):
    publisher.cuts = [1_000_000, 500_000]
    path = obtain(source, folder, retry=HASTE)
    assert path.read_bytes() == CONTENT
    assert publisher.asked == [
        ("big.ckpt", None),
        ("big.ckpt", "bytes=1000000-"),
        ("big.ckpt", "bytes=1500000-"),
    ]
    assert left_in(folder) == ["model.ckpt"]


def test_the_next_run_continues_where_the_last_was_interrupted(source, folder, publisher):
    publisher.cuts = [1_000_000]
    with pytest.raises(DownloadError, match=r"continue from 1\.0 MB") as cut:
        obtain(source, folder, retry=ONCE)
    assert "127.0.0.1" in str(cut.value)
    assert left_in(folder) == ["model.ckpt.part", "model.ckpt.part.json"]
    assert obtain(source, folder, retry=ONCE).read_bytes() == CONTENT
    assert publisher.asked[-1] == ("big.ckpt", "bytes=1000000-")
    assert left_in(folder) == ["model.ckpt"]


def test_a_server_without_ranges_is_asked_for_the_whole_file(source, folder, publisher):
    publisher.cuts, publisher.ranges = [1_000_000], False
    assert obtain(source, folder, retry=HASTE).read_bytes() == CONTENT
    assert publisher.asked[-1] == ("big.ckpt", "bytes=1000000-")


def test_a_server_that_always_stops_at_the_same_place_is_given_up(source, folder, publisher):
    publisher.cuts, publisher.ranges = [1000] * 50, False
    with pytest.raises(DownloadError, match="was interrupted"):
        obtain(source, folder, retry=HASTE)
    assert len(publisher.asked) == 3


def test_a_file_that_changed_meanwhile_starts_from_the_beginning(folder, publisher, source):
    unhashed = Source(source.file, url=source.url)
    publisher.cuts = [1_000_000]
    with pytest.raises(DownloadError):
        obtain(unhashed, folder, retry=ONCE)
    publisher.files["big.ckpt"], publisher.etags["big.ckpt"] = CONTENT[::-1], '"two"'
    assert obtain(unhashed, folder, retry=HASTE).read_bytes() == CONTENT[::-1]


def test_without_tag_and_hash_two_halves_are_never_joined(folder, publisher, source):
    publisher.etags.clear()
    unhashed = Source(source.file, url=source.url)
    publisher.cuts = [1_000_000]
    with pytest.raises(DownloadError):
        obtain(unhashed, folder, retry=ONCE)
    publisher.files["big.ckpt"] = CONTENT[::-1]
    assert obtain(unhashed, folder, retry=HASTE).read_bytes() == CONTENT[::-1]
    assert publisher.asked[-1] == ("big.ckpt", None)


def test_a_file_that_became_shorter_starts_from_the_beginning(folder, publisher, source):
    publisher.etags.clear()
    publisher.cuts = [1_000_000]
    with pytest.raises(DownloadError):
        obtain(source, folder, retry=ONCE)
    short = CONTENT[:500_000]
    publisher.files["big.ckpt"] = short
    now = Source(source.file, url=source.url, sha256=hashlib.sha256(short).hexdigest())
    assert obtain(now, folder, retry=HASTE).read_bytes() == short
    assert [wanted for _, wanted in publisher.asked] == [None, "bytes=1000000-", None]


def test_a_part_of_another_address_is_not_added_to(folder, publisher, source):
    publisher.files["old.ckpt"] = CONTENT[::-1]
    publisher.cuts = [1_000_000]
    with pytest.raises(DownloadError):
        obtain(
            Source(source.file, url=publisher.url("old.ckpt"), sha256=SHA256), folder, retry=ONCE
        )
    assert obtain(source, folder, retry=HASTE).read_bytes() == CONTENT


def test_a_wrong_hash_is_reported_and_nothing_is_kept(folder, publisher, source):
    publisher.files["big.ckpt"] = CONTENT[:-1] + b"x"
    with pytest.raises(DownloadError, match="has the wrong SHA-256"):
        obtain(source, folder, retry=HASTE)
    assert left_in(folder) == []


def test_a_damaged_file_is_downloaded_again(folder, source):
    path = obtain(source, folder)
    path.write_bytes(CONTENT[:1000])
    with pytest.raises(CheckpointError, match="imagine-models get"):
        verify(source, folder)
    assert obtain(source, folder).read_bytes() == CONTENT


def test_without_a_published_hash_the_first_one_is_recorded_and_required(folder, publisher, source):
    unhashed = Source(source.file, url=source.url)
    path = obtain(unhashed, folder)
    assert recorded_sha256(path) == SHA256 == file_sha256(path)
    assert left_in(folder) == ["model.ckpt", "model.ckpt.sha256"]
    path.write_bytes(b"changed")
    with pytest.raises(CheckpointError, match="SHA-256"):
        verify(unhashed, folder)
    publisher.files["big.ckpt"] = CONTENT[::-1]
    with pytest.raises(DownloadError, match=r"delete .*model\.ckpt\.sha256 to accept it"):
        obtain(unhashed, folder, retry=HASTE)
    assert left_in(folder) == ["model.ckpt.sha256"]


def test_a_web_page_instead_of_the_file_is_reported_and_not_kept(folder, publisher, source):
    publisher.files["big.ckpt"], publisher.page = b"<!DOCTYPE html><p>Link expired", True
    with pytest.raises(DownloadError, match="sent a web page"):
        obtain(Source(source.file, url=source.url), folder, retry=HASTE)
    assert left_in(folder) == []


def test_a_missing_address_is_reported_at_once(folder, publisher, source):
    publisher.files.clear()
    with pytest.raises(DownloadError, match="answers 404"):
        obtain(source, folder, retry=HASTE)
    assert len(publisher.asked) == 1
    assert left_in(folder) == []


def test_a_busy_server_is_asked_again(folder, publisher, source):
    publisher.statuses = [503, 429]
    assert obtain(source, folder, retry=HASTE).read_bytes() == CONTENT
    publisher.statuses = [503] * 9
    (folder / source.file).unlink()
    with pytest.raises(DownloadError, match="HTTP 503"):
        obtain(source, folder, retry=HASTE)


def test_an_address_without_a_server_is_reported(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match="Connection refused"):
        obtain(Source("model.ckpt", url=f"http://127.0.0.1:{port}/x"), folder, retry=HASTE)
    assert left_in(folder) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_a_full_disk_is_reported_and_no_space_is_kept(folder, source):
    folder.mkdir()
    (folder / "model.ckpt.part").symlink_to("/dev/full")
    with pytest.raises(DownloadError, match=r"isn't enough space .*no space left on device"):
        obtain(source, folder, retry=HASTE)
    assert left_in(folder) == []


def test_a_file_larger_than_the_free_space_is_not_started(folder, publisher, source):
    publisher.claims = 10**17
    with pytest.raises(DownloadError, match="needs 100000000000 MB"):
        obtain(source, folder, retry=HASTE)
    assert left_in(folder) == []


def test_a_folder_that_cannot_be_created_is_reported(tmp_path, source):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="can't be written"):
        obtain(source, tmp_path / "file" / "models", retry=HASTE)


def test_the_users_own_file_is_never_downloaded(tmp_path):
    with pytest.raises(MissingModelError, match="is missing"):
        obtain(Source("mine.ckpt", path=tmp_path / "mine.ckpt"), tmp_path)


def _fetch(source, folder):
    obtain(source, folder, retry=HASTE)


def test_two_processes_download_one_file_once(source, folder, publisher):
    spawn = multiprocessing.get_context("spawn")
    both = [spawn.Process(target=_fetch, args=(source, folder)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert len(publisher.asked) == 1
    assert left_in(folder) == ["model.ckpt"]


def test_a_process_killed_half_way_leaves_a_part_and_no_lock(source, folder, publisher):
    publisher.claims = len(CONTENT) + 10**6  # announces more than it sends, so the client waits

    answer, done = publisher.answer, threading.Event()

    def hold(request):
        answer(request)
        request.wfile.flush()
        done.wait(60)

    publisher.answer = hold
    process = multiprocessing.get_context("spawn").Process(target=_fetch, args=(source, folder))
    process.start()
    part = folder / "model.ckpt.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 1_000_000):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.join(10)
    done.set()
    assert not (folder / "model.ckpt").exists()
    publisher.answer, publisher.claims = answer, None
    assert obtain(source, folder, retry=HASTE).read_bytes() == CONTENT
    assert left_in(folder) == ["model.ckpt"]
