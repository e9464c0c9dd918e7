"""`python -m bot copy-pictures`, with a bucket on a local server."""

from __future__ import annotations

import pytest

from bot.host import doctor
from bot.host.backups import copy_pictures_now
from bot.host.doctor_report import Report
from bot.host.settings import SettingsError
from data.jobs.files import Files
from tests.s3 import environment, needs_server, running_s3

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.made-up.for-tests"


@pytest.fixture
def env_file(tmp_path):
    files = Files(tmp_path / "data")
    files.make()
    files.picture("a" * 32).write_bytes(b"a picture")
    file = tmp_path / ".env"
    file.write_text(f"DISCORD_TOKEN={TOKEN}\nIMAGINE_DATA_FOLDER={tmp_path / 'data'}\n")
    return file


def test_the_folder_s_pictures_are_copied_with_counts_and_hashes(env_file, monkeypatch):
    needs_server()
    server = running_s3()
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    with env_file.open("a") as file:
        file.write(
            "IMAGINE_DATABASE_URL=postgresql:///x\n"
            f"IMAGINE_PICTURES=s3://{server.new_bucket()}/bot\n"
        )
    said: list[str] = []
    text = copy_pictures_now(said.append, env_file)
    assert "pictures: 1 files (1 new), 9 bytes, SHA-256 " in text
    assert "attachments: 0 files (0 new)" in text
    assert said == ["pictures: 1 files, 0.0 MB"]
    assert "pictures: 1 files (0 new)" in copy_pictures_now(env_file=env_file)


def test_without_a_bucket_it_is_asked_for(env_file):
    with pytest.raises(SettingsError, match="IMAGINE_PICTURES=s3://"):
        copy_pictures_now(env_file=env_file)


def test_the_doctor_looks_for_the_bucket(env_file, monkeypatch):
    needs_server()
    server = running_s3()
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    text = env_file.read_text() + "IMAGINE_DATABASE_URL=postgresql:///x\nIMAGINE_PICTURES=s3://{}\n"
    lines: list[str] = []
    for bucket in (server.new_bucket(), "nowhere"):
        env_file.write_text(text.format(bucket))
        report = Report(lines.append, env_file)
        with report.checking("pictures"):
            doctor._pictures(report)
    assert "answers" in lines[0]
    assert "There is no bucket nowhere. Create it, or correct IMAGINE_PICTURES." in lines[1]
