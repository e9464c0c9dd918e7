"""Settings come from the environment and `.env`; a wrong one gives one sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.host.settings import (
    ENGINE_VARIABLES,
    SettingsError,
    cluster_of,
    load_settings,
    variables,
)
from engine.jobs.cluster.settings import ClusterSettings

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.made-up.for-tests"


@pytest.fixture
def env_file(tmp_path):
    file = tmp_path / ".env"
    file.write_text(f"DISCORD_TOKEN={TOKEN}\n")
    return file


def test_only_a_token_is_needed(env_file):
    settings = load_settings(env_file)
    assert settings.discord.token.get_secret_value() == TOKEN
    assert settings.painting.model == "natural"
    assert settings.test.discord_url is None
    assert TOKEN not in repr(settings)


def test_the_environment_wins_over_the_file(env_file, monkeypatch):
    with env_file.open("a") as file:
        file.write("IMAGINE_MODEL=one\nIMAGINE_DEVICE=cpu\n")
    monkeypatch.setenv("IMAGINE_MODEL", "other")
    settings = load_settings(env_file)
    assert settings.painting.model == "other"
    assert settings.painting.device == "cpu"


def test_several_devices_can_be_named(env_file):
    with env_file.open("a") as file:
        file.write("IMAGINE_DEVICE=cuda, cuda:1\n")
    assert load_settings(env_file).painting.device == "cuda:0,cuda:1"


def test_a_cluster_is_named_by_one_setting(env_file):
    assert cluster_of(load_settings(env_file).painting) is None
    with env_file.open("a") as file:
        file.write("IMAGINE_ENGINE=ray://head:10001\n")
    assert cluster_of(load_settings(env_file).painting) == ClusterSettings("ray://head:10001")
    with env_file.open("a") as file:
        file.write("IMAGINE_CLUSTER_WORKERS=1-8\nIMAGINE_CLUSTER_GPUS=0.5\nIMAGINE_DEVICE=cuda\n")
    cluster = cluster_of(load_settings(env_file).painting)
    assert cluster == ClusterSettings("ray://head:10001", "cuda", 1, 8, 0.5)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("IMAGINE_THREADS=many", "IMAGINE_THREADS is 'many'; it must be a number."),
        ("IMAGINE_THREADS=0", "IMAGINE_THREADS is 0; it must be at least 1."),
        ("IMAGINE_BATCH=17", "IMAGINE_BATCH is 17; it must be at most 16."),
        ("IMAGINE_MAX_ATTACHMENT_MB=0", "must be more than 0"),
        ("IMAGINE_MAX_ITERATIONS=9999", "must be at most 5000"),
        ("IMAGINE_LOG_FORMAT=xml", "IMAGINE_LOG_FORMAT is 'xml'; it must be 'plain' or 'json'."),
        ("IMAGINE_MODEL=", "IMAGINE_MODEL is empty"),
        ("IMAGINE_DEVICE=", "IMAGINE_DEVICE is empty"),
        ("IMAGINE_DEVICE=gpu", "IMAGINE_DEVICE is 'gpu'; there is no device called 'gpu'; write"),
        ("IMAGINE_DEVICE=cuda:0,cuda", "IMAGINE_DEVICE is 'cuda:0,cuda'; cuda:0 is named twice"),
        ("IMAGINE_ENGINE=http://head", "IMAGINE_ENGINE is 'http://head'; write local for this"),
        ("IMAGINE_ENGINE=ray\nIMAGINE_DEVICE=cuda:1", "IMAGINE_DEVICE must be auto, cpu or cuda"),
        ("IMAGINE_CLUSTER_WORKERS=8-4", "IMAGINE_CLUSTER_WORKERS is '8-4'; write auto, a number"),
        ("IMAGINE_CLUSTER_GPUS=2", "IMAGINE_CLUSTER_GPUS is 2; it must be at most 1."),
        ("IMAGINE_MODLE=x", "There is no setting IMAGINE_MODLE; did you mean IMAGINE_MODEL?"),
        ("DISCORD_TOKEN=", "DISCORD_TOKEN is missing"),
        ("IMAGINE_PICTURES=s3://fox", "a bucket needs a PostgreSQL database"),
        (
            "IMAGINE_DATABASE_URL=postgresql:///x\nIMAGINE_PICTURES=/srv/fox",
            "IMAGINE_PICTURES is '/srv/fox'; write s3://BUCKET/PREFIX.",
        ),
        ("IMAGINE_TEST_MEDIA_HOST=example.com:80", "IMAGINE_TEST_MEDIA_HOST can't be"),
        ("IMAGINE_TEST_DISCORD_URL=https://example.com", "IMAGINE_TEST_DISCORD_URL can't be"),
    ],
)
def test_a_wrong_setting_is_named(env_file, line, words):
    with env_file.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(SettingsError, match=re.escape(words)):
        load_settings(env_file)


def test_a_wrong_address_of_the_database_is_not_repeated(env_file):
    with env_file.open("a") as file:
        file.write("IMAGINE_DATABASE_URL=mysql://ann:hunter2@localhost/x\n")
    with pytest.raises(SettingsError, match="write postgresql://") as caught:
        load_settings(env_file)
    assert "hunter2" not in str(caught.value)


def test_every_setting_is_documented_once():
    text = (ROOT / ".env.example").read_text("utf-8")
    named = re.findall(r"^#?([A-Z]+_[A-Z_]+)=", text, re.MULTILINE)
    assert sorted(named) == sorted([*variables(), *ENGINE_VARIABLES])


def test_the_documented_defaults_are_the_real_ones(env_file):
    settings = load_settings(env_file)
    text = (ROOT / ".env.example").read_text("utf-8")
    said = dict(re.findall(r"^#([A-Z]+_[A-Z_]+)=(.*)$", text, re.MULTILINE))
    sections = (settings.limits, settings.delivery)
    for section in sections:
        for name, value in section:
            documented = said[f"IMAGINE_{name.upper()}"]
            assert type(value)(documented) == value
    assert said["IMAGINE_MODEL"] == settings.painting.model
    assert said["IMAGINE_DEVICE"] == settings.painting.device


def test_a_missing_token_gives_a_sentence_and_an_exit_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = subprocess.run(
        [sys.executable, "-m", "bot"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ended.returncode == 78
    assert ended.stderr.startswith("DISCORD_TOKEN is missing;")
    assert "Traceback" not in ended.stderr


def test_invite_prints_a_link_with_exactly_the_needed_permissions(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    assert main(["invite"]) == 0
    # 1024 view, 2048 send, 16384 embed, 32768 attach, 65536 history, 1 << 38 send in threads
    permissions = 1024 + 2048 + 16384 + 32768 + 65536 + (1 << 38)
    assert capsys.readouterr().out == (
        "https://discord.com/oauth2/authorize?client_id=123456789012345678"
        f"&scope=bot+applications.commands&permissions={permissions}\n"
    )


def test_invite_refuses_a_wrong_token(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_TOKEN", "hunter2")
    assert main(["invite"]) == 78
    assert "doesn't look like a bot token" in capsys.readouterr().err


def test_the_bot_is_built_without_torch_or_extras_and_without_connecting():
    program = """
import asyncio, importlib, pkgutil, sys, tempfile
from pathlib import Path
import bot, bot.host.models, cogs
from data import Store

async def open_store():
    with tempfile.TemporaryDirectory() as folder:
        await (await Store.open(Path(folder))).close()

for module in pkgutil.iter_modules(cogs.__path__):
    importlib.import_module(f"cogs.{module.name}")
bot.create_bot(bot.load_settings(None))
asyncio.run(open_store())
print(asyncio.run(bot.host.models.model_names()))
extras = ("torch", "ray", "asyncpg", "obstore", "open_clip", "transformers", "ipywidgets", "moto")
print([name for name in extras if name in sys.modules])
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={**os.environ, "DISCORD_TOKEN": TOKEN},
    )
    names, imported = ended.stdout.splitlines()
    assert "drawn" in names
    assert imported == "[]"
