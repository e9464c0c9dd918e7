"""Runs the Dockerfile's steps on a clean Debian root, for machines without a Docker engine.

    sudo python3 -m tests.docker.prove

The steps are read from the Dockerfile. Instead of the base image there is Debian bookworm made by
debootstrap, with Debian's own Python 3.11 as `python` and `pip` in /usr/local/bin, where the
official image has them. Each RUN uses /bin/sh in a chroot, with the user, the folder, the arguments
and the environment that Docker would set, and nothing from the calling environment. At the end the
image's commands are tried as its user.

Needs root, Linux with mount namespaces, debootstrap, and a network. It does not test the base image
itself, nor what the Docker engine does, such as layers, volumes and signals.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.docker.dockerfile import parse
from tests.docker.image import CONTEXT, PATH, Image, ProofError

MIRROR = "http://deb.debian.org/debian"
_INSIDE = "--inside"


def try_commands(image: Image) -> None:
    """Try the image's commands as its user. Raises ProofError for an unexpected answer."""
    token = base64.b64encode(b"123456789012345678").decode() + ".made.up"
    invite = [*image.command, "invite"]
    picture = ["imagine", "a red circle", "--iterations", "2", "--output", "/data/circle.png"]
    for command, more, code, words in (
        (["id", "-u"], {}, 0, r"^[1-9]\d*$"),
        (["touch", "/app/file"], {}, 1, "Read-only file system|Permission denied"),
        (["python", "--version"], {}, 0, r"Python 3\.11\."),
        (["imagine", "--help"], {}, 0, "(?i)usage"),
        (["imagine-models", "list"], {}, 0, "natural"),
        (invite, {"DISCORD_TOKEN": token}, 0, "client_id=123456789012345678"),
        (image.command, {}, 78, "DISCORD_TOKEN"),
        (picture, {}, 0, ""),
        (["python", "-c", "import torch; print(torch.version.cuda)"], {}, 0, "^None$"),
        (
            ["python", "-c", "from PIL import Image; print(Image.open('/data/circle.png').size)"],
            {},
            0,
            r"\(\d+, \d+\)",
        ),
    ):
        started = time.monotonic()
        done = image.run(command, more, quiet=True)
        say(
            f"$ {' '.join(command)}   [exit code {done.returncode}, "
            f"{time.monotonic() - started:.1f} s]\n{_shortened(done.stdout)}"
        )
        if done.returncode != code or not re.search(words, done.stdout, re.MULTILINE):
            raise ProofError(f"Expected exit code {code} and {words!r}:\n{done.stdout}")


def make_root(root: Path, mirror: str) -> None:
    """Make a clean Debian bookworm with python and pip where the base image has them."""
    root.mkdir(parents=True)
    root.chmod(0o755)  # the image's user must be able to read it, with any umask
    subprocess.run(
        [
            "debootstrap",
            "--variant=minbase",
            "--include=python3,python3-pip,python3-venv,ca-certificates",
            "bookworm",
            str(root),
            mirror,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run(
        ["/usr/sbin/chroot", str(root), "/usr/bin/python3", "-m", "venv", "/usr/local"],
        check=True,
        env={"PATH": PATH},
    )


def mount_in(root: Path, paths: list[str]) -> None:
    """Mount what Docker gives a container, and what this machine needs to reach its packages."""
    subprocess.run(["mount", "-t", "proc", "proc", str(root / "proc")], check=True)
    subprocess.run(["mount", "--rbind", "/dev", str(root / "dev")], check=True)
    for path in ["/etc/resolv.conf", "/etc/hosts", *paths]:
        source, target = Path(path), root / path.lstrip("/")
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        subprocess.run(["mount", "--bind", str(source.resolve()), str(target)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(target)], check=True)


def make_read_only(root: Path) -> None:
    """Leave only the image's volume and /tmp writable, like ``--read-only --tmpfs /tmp``."""
    for folder in ("data", "tmp"):
        subprocess.run(["mount", "--bind", str(root / folder), str(root / folder)], check=True)
    subprocess.run(["mount", "--rbind", str(root), str(root)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(root)], check=True)


def prove(options: argparse.Namespace, root: Path) -> None:
    """Make the root, run the steps, and try the commands.

    Raises ProofError or CalledProcessError if anything fails.
    """
    say("== debootstrap")
    make_root(root, options.mirror)
    mount_in(root, options.bind)
    image = Image(root, _pairs(options.build_arg), _pairs(options.env))
    for step in parse((CONTEXT / "Dockerfile").read_text("utf-8")):
        say(f"== line {step.line}: {step}")
        started = time.monotonic()
        image.carry_out(step)
        if step.name == "RUN":
            say(f"   took {time.monotonic() - started:.0f} s")
    say("== the image's commands, as its user, on a read-only root")
    make_read_only(root)
    try_commands(image)
    say("Passed: all steps ran, and the commands answered as expected.")


def say(text: str) -> None:
    """Print without buffering, in order with the output of the steps."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _shortened(text: str) -> str:
    lines = text.strip().splitlines()
    return "\n".join([*lines[:6], *(["..."] if len(lines) > 6 else [])])


def _pairs(values: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (each.partition("=") for each in values)}


def main() -> int:
    """Read the options and run; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.docker.prove",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--build-arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="as for docker build; can be repeated",
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an environment variable that this machine's network needs",
    )
    parser.add_argument(
        "--bind",
        action="append",
        default=[],
        metavar="PATH",
        help="a file or folder of this machine to mount, read only, at the same "
        "path: pip's configuration, certificates, a local index",
    )
    parser.add_argument("--mirror", default=MIRROR, help="the Debian mirror (default: %(default)s)")
    parser.add_argument(
        "--root",
        type=Path,
        help="a new folder for the root, which is kept (default: a temporary one)",
    )
    parser.add_argument(_INSIDE, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if os.geteuid() != 0:
        say("chroot needs root; run it with sudo.")
        return 1
    if shutil.which("debootstrap") is None:
        say("debootstrap is missing; install it (Debian: apt install debootstrap).")
        return 1
    if not options.inside:
        return _in_namespace(options.root)
    try:
        prove(options, options.root)
    except (ProofError, FileNotFoundError, subprocess.CalledProcessError) as error:
        say(f"FAILED: {error}")
        return 1
    return 0


def _in_namespace(root: Path | None) -> int:
    """Run this command in its own mount namespace; returns the exit code.

    Its mounts are invisible from here, so that the root can be deleted safely.
    """
    with contextlib.ExitStack() as stack:
        if root is None:
            root = (
                Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imagine-bot-root-")))
                / "root"
            )
        elif root.exists():
            say(f"{root} already exists; name a new folder.")
            return 1
        command = [
            sys.executable,
            "-m",
            "tests.docker.prove",
            *sys.argv[1:],
            _INSIDE,
            "--root",
            str(root.absolute()),
        ]
        return subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", *command],
            cwd=CONTEXT,
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
