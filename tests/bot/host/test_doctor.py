"""`python -m bot doctor`, `backup` and `restore`, as a host runs them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.host.doctor import examine
from bot.host.settings import PREFIXES
from data import Store
from data.migrations import migrations
from data.sqlite.backup import back_up, backups
from tests.databases import open_database
from tests.postgres import running_server
from tests.tiny_model import write_tiny_model

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.made-up.for-tests"


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def environment(tmp_path, catalogue):
    return {
        "DISCORD_TOKEN": TOKEN,
        "IMAGINE_DATA_FOLDER": str(tmp_path / "data"),
        "IMAGINE_MODEL": "tiny",
        "IMAGINE_DEVICE": "cpu",
        "IMAGINE_MODELS_CATALOGUE": str(catalogue),
        "IMAGINE_MODELS_FOLDER": str(tmp_path / "models"),
    }


@pytest.fixture
def use(environment, monkeypatch):
    """Return a function that sets the host's settings to ``environment`` with changes."""

    def use(**changes):
        for name in [name for name in os.environ if name.startswith(PREFIXES)]:
            monkeypatch.delenv(name)
        for name, value in {**environment, **changes}.items():
            monkeypatch.setenv(name, value)

    return use


@pytest.fixture
def examined(use):
    """Return a function that runs the doctor with changed settings: exit code and lines."""

    def examined(**changes):
        use(**changes)
        lines: list[str] = []
        code = examine(lines.append, None)
        return code, [line for line in lines if not line.startswith("\n")]

    return examined


@pytest.fixture
def run_here(use, tmp_path, monkeypatch, capsys):
    """Return a function that runs a command in this process: exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bot.__main__.set_up_logs", lambda **_: None)

    def run_here(*arguments):
        use()
        code = main(list(arguments))
        return code, *capsys.readouterr()

    return run_here


def run(environment, folder, *arguments):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)}
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), **environment},
    )


def wrong(lines):
    return [line for line in lines if line.startswith("WRONG")]


async def make_database(folder, url=None):
    await (await Store.open(folder, database_url=url)).close()


@pytest.mark.timeout(300)
def test_a_good_setup_passes_and_nothing_is_changed(environment, tmp_path):
    ended = run(environment, tmp_path, "doctor")
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.endswith("Everything looks good. Start the bot with: python -m bot\n")
    assert "tiny can be loaded on it" in ended.stdout
    assert ended.stderr == ""
    assert not (tmp_path / "data").exists()
    assert TOKEN not in ended.stdout
    assert "made-up" not in ended.stdout


def test_too_little_memory_for_a_picture_is_a_note(examined, monkeypatch):
    monkeypatch.setattr("engine.models.free_memory.free_bytes", lambda device: 1_000_000)
    _, lines = examined()
    [note] = [line for line in lines if "of memory" in line]
    assert note.startswith("note")
    assert "and 0.00 GB are free; choose a smaller model. Close other programs" in note


def test_several_workers_share_the_threads(examined):
    code, lines = examined(IMAGINE_DEVICE="cpu,cpu", IMAGINE_THREADS="4")
    assert code == 0
    about_devices = [line for line in lines if line.startswith("ok     device")]
    assert "2 workers, on cpu, cpu" in about_devices[0]
    assert "cpu, 2 threads for each worker" in about_devices[1]
    assert len(about_devices) == 3  # the CPU is checked once


def test_each_fault_of_a_broken_setup_has_a_line_and_no_traceback(examined, tmp_path):
    asyncio.run(make_database(tmp_path / "data"))
    (tmp_path / "data" / "imagine-bot.sqlite3").write_bytes(b"garbage " * 1000)
    (tmp_path / "data" / "pictures").rmdir()
    (tmp_path / "data" / "pictures").write_bytes(b"a file")
    code, lines = examined(
        DISCORD_TOKEN="hunter2",
        IMAGINE_MODEL="nope",
        IMAGINE_DEVICE="cuda:99",
        IMAGINE_MODLE="x",
        IMAGINE_BACKUP_HOURS="often",
    )
    assert code == 1
    assert not any(word in line for line in lines for word in ("Traceback", "hunter2"))
    for words in (
        "did you mean IMAGINE_MODEL?",
        "IMAGINE_BACKUP_HOURS is 'often'",
        "doesn't look like a bot token",
        "no model called 'nope'",
        "no device cuda:99",
        "is damaged",
    ):
        assert any(words in line for line in wrong(lines)), words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DISCORD_TOKEN": ""}, "DISCORD_TOKEN is missing"),
        ({"DISCORD_TOKEN": "a.b.c"}, "doesn't look like a bot token"),
        ({"IMAGINE_MODEL": "gumbel-8192"}, "run imagine-models get gumbel-8192"),
        ({"IMAGINE_MODELS_CATALOGUE": str(ROOT / "README.md")}, "is not valid TOML"),
        ({"IMAGINE_DATA_FOLDER": str(ROOT / "README.md" / "data")}, "is a file"),
    ],
)
def test_every_kind_of_fault_has_its_line(examined, changes, words):
    code, lines = examined(**changes)
    assert code == 1
    assert any(words in line for line in wrong(lines)), lines


def test_a_changed_model_file_is_found(examined, tmp_path, catalogue):
    from engine.models.download import file_sha256

    text = catalogue.read_text("utf-8")
    clip = catalogue.parent / "clip.pt"
    mine = catalogue.parent / "mine.toml"
    mine.write_text(
        text.replace('path = "clip.pt"', f'path = "clip.pt", sha256 = "{file_sha256(clip)}"')
    )
    assert examined(IMAGINE_MODELS_CATALOGUE=str(mine))[0] == 0
    mine.write_text(text.replace('path = "clip.pt"', f'path = "clip.pt", sha256 = "{"0" * 64}"'))
    code, lines = examined(IMAGINE_MODELS_CATALOGUE=str(mine))
    assert code == 1
    assert any("has changed since" in line for line in wrong(lines))


def test_warnings_are_notes_and_not_faults(examined, tmp_path):
    asyncio.run(make_database(tmp_path / "data"))
    code, lines = examined(IMAGINE_METRICS_HOST="0.0.0.0")  # noqa: S104  what is warned of
    assert code == 0, lines
    notes = [line for line in lines if line.startswith("note")]
    assert any("anyone who can reach that" in line for line in notes)
    assert any("none yet" in line and "backup" in line for line in notes)


def test_a_database_of_a_newer_version_is_reported(examined, tmp_path):
    asyncio.run(make_database(tmp_path / "data"))
    with open_database(tmp_path / "data" / "imagine-bot.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 999")
    code, lines = examined()
    assert code == 1
    assert any("newer imagine-bot" in line for line in wrong(lines))


def test_a_server_is_examined_and_not_changed(examined, run_here, use, tmp_path):
    server = running_server()
    url = server.new_database("doctor")
    code, lines = examined(IMAGINE_DATABASE_URL=url)
    assert code == 0
    assert any("on PostgreSQL" in line and "no tables yet" in line for line in lines)
    assert server.run("doctor", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [
        []
    ]
    asyncio.run(make_database(tmp_path / "data", url))
    code, lines = examined(IMAGINE_DATABASE_URL=url)
    assert code == 0
    assert any(f"; version {migrations()[-1][0]}" in line for line in lines)
    assert any("pg_dump" in line for line in lines)
    server.run("doctor", "UPDATE schema_version SET version = 999")
    code, lines = examined(IMAGINE_DATABASE_URL=url)
    assert any("newer imagine-bot" in line for line in wrong(lines))
    code, lines = examined(IMAGINE_DATABASE_URL=server.url("nowhere"))
    assert code == 1
    assert any("IMAGINE_DATABASE_URL" in line for line in wrong(lines))


def test_a_server_s_backups_are_not_made_here(environment, run_here):
    environment["IMAGINE_DATABASE_URL"] = "postgresql://localhost/x"
    for command in (["backup"], ["restore", "file"]):
        code, _, errors = run_here(*command)
        assert code == 1
        assert "pg_dump" in errors


@pytest.mark.timeout(300)
def test_backup_and_restore_need_no_token(environment, tmp_path, run_here):
    del environment["DISCORD_TOKEN"]
    data = tmp_path / "data"
    code, out, errors = run_here("backup")
    assert (code, out) == (1, "")
    assert errors.startswith("There is no database in")
    asyncio.run(make_database(data))
    made = run(environment, tmp_path, "backup")
    assert made.returncode == 0
    (copy,) = backups(data)
    assert made.stdout == f"Copied the database to {copy.path}\n"
    code, out, errors = run_here("restore", str(copy.path))
    assert code == 0, errors
    assert f"Restored the database from {copy.path}" in out
    assert len(list(data.glob("imagine-bot-replaced-*.sqlite3"))) == 1
    code, _, errors = run_here("restore", str(ROOT / "README.md"))
    assert code == 1
    assert "is damaged" in errors
    assert "Traceback" not in errors


async def test_restore_refuses_while_a_bot_is_running(environment, tmp_path):
    store = await Store.open(tmp_path / "data")
    copy = await asyncio.to_thread(back_up, tmp_path / "data")
    ended = await asyncio.to_thread(run, environment, tmp_path, "restore", str(copy))
    assert ended.returncode == 1
    assert "Stop it first" in ended.stderr
    await store.close()
