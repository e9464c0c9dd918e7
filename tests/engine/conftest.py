"""Fixtures for tests that read or download models."""

import http.server
import subprocess
import threading

import pytest

from engine.__main__ import main
from engine.cli.models import main as models_main
from engine.models import load_models
from tests.checkpoints import write_clip_archive, write_vqgan
from tests.engine.cli.command_line import environment
from tests.tiny_model import write_tiny_model


class Publisher:
    """A web server on loopback, with faults that a test can set."""

    def __init__(self):
        self.files = {}  # path -> bytes
        self.etags = {}  # path -> ETag
        self.cuts = []  # after how many bytes each answer in turn is interrupted
        self.statuses = []  # the status that each request in turn gets instead
        self.ranges = True
        self.page = False
        self.claims = None  # a Content-Length to claim
        self.asked = []  # (path, Range header) of each request
        publisher = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                publisher.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}/{path}"

    def answer(self, request):
        path = request.path.lstrip("/")
        wanted = request.headers.get("Range")
        self.asked.append((path, wanted))
        status = self.statuses.pop(0) if self.statuses else None
        if status is None and path not in self.files:
            status = 404
        if status is not None:
            request.send_response(status)
            request.send_header("Retry-After", "0")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        whole, etag = self.files[path], self.etags.get(path)
        start = 0
        if wanted and self.ranges and request.headers.get("If-Range") in (None, etag):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(whole) > 0:
            request.send_response(416)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        if etag:
            request.send_header("ETag", etag)
        request.send_header("Content-Type", "text/html" if self.page else "application/binary")
        request.send_header("Content-Length", str(self.claims or len(whole) - start))
        request.end_headers()
        body = whole[start:]
        if self.cuts:
            cut = self.cuts.pop(0)
            body = body if cut is None else body[:cut]
        request.wfile.write(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def publisher():
    server = Publisher()
    yield server
    server.close()


@pytest.fixture
def own_catalogue(tmp_path, monkeypatch):
    """The user's catalogue and downloads, separate from the real ones."""
    file = tmp_path / "settings" / "models.toml"
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(file))
    monkeypatch.setenv("IMAGINE_MODELS_FOLDER", str(tmp_path / "downloads"))
    return file


@pytest.fixture
def command(monkeypatch, capsys, own_catalogue):
    """Run `imagine-models` with these arguments; returns (exit code, stdout, stderr)."""

    def run(*words):
        monkeypatch.setattr("sys.argv", ["imagine-models", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            models_main()
        out, err = capsys.readouterr()
        return end.value.code or 0, out, err

    return run


@pytest.fixture
def tiny_files(tmp_path):
    """(generator's checkpoint, its yaml, perceptor's checkpoint), as published."""
    checkpoint, config = write_vqgan(tmp_path / "made")
    return checkpoint, config, write_clip_archive(tmp_path / "made" / "clip.pt")


@pytest.fixture
def published(publisher, tiny_files, own_catalogue):
    """A model called tiny in the user's catalogue, downloaded from ``publisher``."""
    for file in tiny_files:
        publisher.files[file.name] = file.read_bytes()
        publisher.etags[file.name] = f'"{file.name}-1"'
    checkpoint, config, clip = (file.name for file in tiny_files)
    own_catalogue.parent.mkdir()
    own_catalogue.write_text(f"""
        [generators.tiny]
        checkpoint = {{ url = "{publisher.url(checkpoint)}", file = "tiny.ckpt" }}
        config = {{ url = "{publisher.url(config)}", file = "tiny.yaml" }}
        [perceptors.tiny]
        checkpoint = {{ url = "{publisher.url(clip)}", file = "tiny.pt" }}
        [models.tiny]
        generator = "tiny"
        perceptor = "tiny"
        note = "random"
        [models.tiny.defaults]
        width = 32
        height = 32
    """)
    return publisher


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory):
    """The catalogue of a tiny model with random weights."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tiny_catalogue(catalogue, monkeypatch):
    """Makes the tiny model's catalogue the user's."""
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))


@pytest.fixture
def tiny(tiny_catalogue):
    """The tiny model."""
    return load_models("tiny", device="cpu")


@pytest.fixture
def run_here(tmp_path, monkeypatch, capsys):
    """Run `imagine` in ``tmp_path``, in this process, which has loaded torch already."""
    monkeypatch.chdir(tmp_path)

    def run_here(catalogue, *arguments):
        for name, value in environment(catalogue).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["imagine", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, errors = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, int(end.value.code or 0), out, errors)

    return run_here
