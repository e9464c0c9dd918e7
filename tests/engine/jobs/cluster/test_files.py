"""A job's files on their way to the machine that paints, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.events import Cancelled
from engine.jobs.cluster.files import Carried, KeptFiles, NodeFiles, Piece, pack
from engine.worker import frames
from engine.worker.frames import Recorder, read_recording
from engine.worker.messages import JobEvent, Paint, RenderTimeLapse, Saved


def unpacked(node: NodeFiles, order: Paint) -> Paint:
    """The order as it is on the machine that paints."""
    there = node.unpack(pack(order))
    assert isinstance(there, Paint)
    return there


@pytest.fixture
def order(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return Paint("a" * 32, "{}", {}, str(home / "a.state"), frames=str(home / "a.frames"))


def test_an_order_takes_its_files_with_it(tmp_path, order):
    Path(order.state).write_bytes(b"state")
    node = NodeFiles(tmp_path / "node")
    there = unpacked(node, order)
    assert Path(there.state).read_bytes() == b"state"
    assert not Path(there.frames).exists()
    assert Path(there.state).is_relative_to(tmp_path / "node")
    node.remove(order.id)
    assert not Path(there.state).exists()
    assert Path(order.state).read_bytes() == b"state"


def test_a_time_lapse_takes_the_frames_and_sends_none_back(tmp_path, order):
    Path(order.frames).write_bytes(b"frames")
    node = NodeFiles(tmp_path / "node")
    there = node.unpack(pack(RenderTimeLapse("b" * 32, "{}", {}, 5, frames=order.frames)))
    assert Path(there.frames).read_bytes() == b"frames"
    assert node.pieces("b" * 32, ["frames"]) == ()


def test_without_recording_there_are_no_frames(tmp_path, order):
    node = NodeFiles(tmp_path / "node")
    there = unpacked(node, Paint(order.id, "{}", {}, order.state))
    assert there.frames == ""
    Path(there.state).write_bytes(b"state")
    assert node.pieces(order.id, ["state", "frames"]) == (Piece("state", 0, b"state"),)


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=6)), max_size=8))
@settings(max_examples=30, deadline=None)
def test_whatever_happens_to_a_file_its_copy_is_the_same(tmp_path_factory, changes):
    """Frames are appended, or the file is replaced, between two looks at it."""
    folder = tmp_path_factory.mktemp("files")
    order = Paint("a" * 32, "{}", {}, str(folder / "state"), frames=str(folder / "frames"))
    node, kept = NodeFiles(folder / "node"), KeptFiles(order)
    there = Path(node.unpack(pack(order)).frames)
    for replaced, data in changes:
        with there.open("wb" if replaced else "ab") as file:
            file.write(data)
        kept.write(node.pieces(order.id, ["frames"]))
        assert Path(order.frames).read_bytes() == there.read_bytes()


def test_a_recording_that_is_thinned_out_arrives_and_most_of_it_is_sent_once(
    tmp_path, order, monkeypatch
):
    monkeypatch.setattr(frames, "MAX_BYTES", 6000)
    node, kept = NodeFiles(tmp_path / "node"), KeptFiles(order)
    there = Path(node.unpack(pack(order)).frames)
    recorder = Recorder(there, 40, (32, 32))
    recorder.resume(0)
    offsets = []
    for iteration in range(40):
        if recorder.wants(iteration):
            recorder.add(iteration, Image.effect_noise((32, 32), 100))
        pieces = node.pieces(order.id, ["frames"])
        offsets += [piece.offset for piece in pieces]
        kept.write(pieces)
    assert read_recording(Path(order.frames)) == read_recording(there)
    assert 1 <= offsets.count(0) < len(offsets) / 2
    assert node.pieces(order.id, ["frames"]) == ()


def test_a_deleted_job_gets_no_file_back(order):
    kept = KeptFiles(order)
    kept.write([Piece("frames", 0, b"abc")])
    Path(order.frames).unlink()
    kept.write([Piece("frames", 3, b"def")])
    assert not Path(order.frames).exists()


def test_frames_after_a_gap_are_given_up_and_a_state_that_cannot_be_written_is_told(order):
    Path(order.frames).write_bytes(b"ab")
    kept = KeptFiles(order)
    kept.write([Piece("frames", 3, b"def")])
    assert not Path(order.frames).exists()
    Path(order.state).mkdir()
    with pytest.raises(OSError, match="state"):
        kept.write([Piece("state", 0, b"abc")])


def test_pieces_do_not_appear_in_logs():
    carried = Carried(Saved("a", 3), (Piece("state", 0, b"secret"),))
    assert "secret" not in repr(carried)
    assert "secret" not in repr(Carried(JobEvent("a", Cancelled(b"secret")), ()))
