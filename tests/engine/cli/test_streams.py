"""What a terminal or pipe is like never costs a picture, a report or a correct exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.engine.cli.command_line import command, environment

FOX = "狐 für 🦊"
OTHER_ENCODINGS = [pytest.param(name, marks=pytest.mark.slow) for name in ("cp1252", "latin-1")]
PAINT = (FOX, "--model", "tiny", "--seed", "7", "--iterations", "1")


def run(catalogue, folder, line, *, encoding="utf-8", **streams):
    """Run a command line in ``folder``; streams are captured, unless they are given."""
    captured = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    done = subprocess.run(
        line,
        cwd=folder,
        env=environment(catalogue) | {"PYTHONIOENCODING": encoding, "LC_ALL": "C.UTF-8"},
        timeout=100,
        check=False,
        **captured,
    )
    assert b"Traceback" not in (done.stderr or b""), done.stderr
    assert b"Exception ignored" not in (done.stderr or b""), done.stderr
    return done


def pipe_without_reader():
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def models(*arguments):
    return [sys.executable, "-m", "engine.cli.models", *arguments]


@pytest.mark.parametrize("encoding", ["cp437", "ascii", *OTHER_ENCODINGS])
def test_the_report_is_complete_in_every_encoding(catalogue, tmp_path, encoding):
    done = run(catalogue, tmp_path, command(*PAINT, "--json"), encoding=encoding)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.decode(encoding))
    assert report["request"]["prompt"] == FOX
    assert (tmp_path / report["path"]).is_file()
    assert "狐" in report["path"]


def test_texts_are_escaped_where_the_encoding_lacks_a_character(catalogue, tmp_path):
    done = run(catalogue, tmp_path, command(*PAINT, "--video", "狐.gif"), encoding="cp437")
    assert done.returncode == 0
    assert done.stdout.decode("cp437").splitlines() == [
        r"Picture: \u72d0-für-7.png",
        r"Video: \u72d0.gif",
    ]


def test_an_error_is_one_line_in_every_encoding(catalogue, tmp_path):
    done = run(catalogue, tmp_path, command("a fox", "--model", "狐"), encoding="ascii")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode("ascii").count("\n") == 1
    assert rb"\u72d0" in done.stderr


@pytest.mark.parametrize("how", ["closed", "no reader", "full"])
def test_a_report_that_cannot_be_written_is_an_error_that_names_the_picture(
    catalogue, tmp_path, how
):
    line, streams = command(*PAINT, "-o", "out.png", "--json", "--quiet"), {}
    if how == "closed":
        line = ["sh", "-c", 'exec "$@" >&-', "sh", *line]
    elif how == "no reader":
        streams = {"stdout": pipe_without_reader()}
    else:
        streams = {"stdout": os.open("/dev/full", os.O_WRONLY)}
    done = run(catalogue, tmp_path, line, **streams)
    assert done.returncode == 2
    assert b"Standard output can't be written" in done.stderr
    assert b"the picture is out.png." in done.stderr
    assert (tmp_path / "out.png").is_file()


def test_a_picture_is_enough_if_nobody_reads_the_text(catalogue, tmp_path):
    done = run(catalogue, tmp_path, command(*PAINT, "-o", "out.png"), stdout=pipe_without_reader())
    assert done.returncode == 0
    assert (tmp_path / "out.png").is_file()


@pytest.mark.parametrize("how", ["closed", "no reader"])
def test_progress_that_nobody_reads_stops_nothing(catalogue, tmp_path, how):
    line, streams = command(*PAINT, "--size", "33", "--json"), {}
    if how == "closed":
        line = ["sh", "-c", 'exec "$@" 2>&-', "sh", *line]
    else:
        streams = {"stderr": pipe_without_reader()}
    done = run(catalogue, tmp_path, line, **streams)
    assert done.returncode == 0
    report = json.loads(done.stdout)  # and nothing else is on standard output
    assert report["notices"]
    assert (tmp_path / report["path"]).is_file()


def test_an_error_that_nobody_reads_still_has_its_code(catalogue, tmp_path):
    done = run(catalogue, tmp_path, command(""), stderr=pipe_without_reader())
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize("encoding", ["ascii", pytest.param("cp437", marks=pytest.mark.slow)])
def test_models_are_listed_in_every_encoding(catalogue, tmp_path, encoding):
    (tmp_path / "狐").mkdir()
    done = run(
        catalogue, tmp_path, models("list", "--folder", str(tmp_path / "狐")), encoding=encoding
    )
    assert done.returncode == 0, done.stderr
    listed = done.stdout.decode(encoding)
    assert "natural" in listed
    assert r"\u72d0" in listed


@pytest.mark.parametrize(
    ("program", "arguments"), [("engine", "--help"), ("engine", "--version"), ("models", "list")]
)
def test_a_full_disk_is_one_sentence(catalogue, tmp_path, program, arguments):
    line = command(arguments) if program == "engine" else models(arguments)
    done = run(catalogue, tmp_path, line, stdout=os.open("/dev/full", os.O_WRONLY))
    assert done.returncode == 2
    assert b"Standard output can't be written" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_list_of_models_that_nobody_reads_is_one_sentence(catalogue, tmp_path):
    done = run(catalogue, tmp_path, models("list"), stdout=pipe_without_reader())
    assert done.returncode == 2
    assert done.stderr == b"imagine-models: Standard output can't be written: broken pipe.\n"
