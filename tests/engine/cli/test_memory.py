"""The command refuses what does not fit into memory."""

from tests.engine.cli.command_line import write_home


def test_a_picture_that_cannot_fit_into_memory_is_refused_with_what_would(
    tmp_path, run_here, monkeypatch
):
    monkeypatch.setattr("engine.painting.pipeline.free_bytes", lambda device: 60_000_000)
    home, path = write_home(tmp_path), tmp_path / "star.png"
    arguments = ["a star", "--model", "tiny", "--size", "128x64", "-o", str(path)]
    refused = run_here(home, *arguments)
    assert refused.returncode == 2
    assert "A picture of 128x64 needs about " in refused.stderr
    assert " would fit. --no-memory-check tries it all the same." in refused.stderr
    assert not path.exists()
    done = run_here(home, *arguments, "--iterations", "1", "--no-memory-check")
    assert done.returncode == 0, done.stderr
    assert path.exists()
