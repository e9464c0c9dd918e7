"""`imagine` while somebody watches: stopped by a signal, and on a terminal."""

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import av
import pytest

from engine.request.request import request_from_json
from tests.engine.cli.command_line import (
    OUTPUTS,
    TINY,
    command,
    environment,
    opened,
)


def start(catalogue, folder, *arguments, **options):
    # A shell ignores SIGINT in background processes, and their children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            command(*arguments), cwd=folder, env=environment(catalogue), **options
        )
    finally:
        signal.signal(signal.SIGINT, before)


def wait_for(condition, process, seconds=90):
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "code", "relax"),
    [(signal.SIGINT, 130, ()), (signal.SIGTERM, 143, ("--relax",))],
)
def test_ctrl_c_saves_the_picture_so_far(catalogue, folder, number, code, relax):
    (folder / "preview.png").unlink()
    process = start(
        catalogue,
        folder,
        "a fox",
        *TINY,
        "--iterations",
        "5000",
        "--preview-every",
        "0",
        "--json",
        *relax,
        *OUTPUTS,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    preview = folder / "preview.png"
    versions, seen = set(), []

    def three_versions():
        if preview.exists():
            data = preview.read_bytes()
            if data not in versions:
                versions.add(data)
                with opened(io.BytesIO(data)) as image:
                    seen.append(image.convert("RGB").size)  # always complete
        return len(seen) >= 3

    wait_for(three_versions, process)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == (19 if relax else own)
    assert (folder / "out.png").read_bytes() == b"precious"
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "the picture so far is saved" in errors
    assert "Traceback" not in errors
    report = json.loads(out)
    assert report["stopped"]
    assert 0 < report["iterations"] < 5000
    # An existing file, which may be finished, is not replaced by an unfinished one.
    assert (report["path"], report["video"]) == ("out-2.png", "video-2.mp4")
    assert (folder / "out.png").read_bytes() == b"precious"
    assert (folder / "video.mp4").read_bytes() == b"precious"
    with opened(folder / "out-2.png") as image, opened(preview) as last:
        request = request_from_json(image.text["imagine-bot request"])
        assert request.iterations == 5000  # what the learning rate was planned for
        facts = json.loads(image.text["imagine-bot provenance"])
        assert facts["stopped_at"] == report["iterations"]
        assert image.convert("RGB").tobytes() == last.convert("RGB").tobytes()
    with av.open(str(folder / "video-2.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) > 1
    assert not list(folder.glob(".*"))


def test_a_terminal_shows_a_bar_with_loss_rate_and_time_left(catalogue, tmp_path):
    ours, theirs = pty.openpty()
    process = start(
        catalogue,
        tmp_path,
        "a fox",
        *TINY,
        "--iterations",
        "8",
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        if not select.select([ours], [], [], 0.5)[0]:
            continue
        try:
            data = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        shown += data
    os.close(ours)
    assert process.wait(timeout=60) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert text.index("Loading the model tiny") < text.index("Painting")
    assert re.search(r"Painting .*8/8 loss \d\.\d{4} +\d+\.\d it/s +0 s left", text)
    assert re.search(r"Picture: a-fox-\d+\.png\r\n$", text)
