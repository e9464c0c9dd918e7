"""Runs the Dockerfile's steps, in order, on a clean Debian root, where no Docker engine is.

    sudo python3 -m tests.docker.prove

The lines are read from the Dockerfile, not repeated here. In the base image's place stands
Debian bookworm made by debootstrap, with Debian's own Python 3.11 as `python` and `pip` under
/usr/local/bin, where the official image has them. Each RUN goes through /bin/sh in a chroot,
with the user, the folder, the arguments and the environment that Docker would give it, and
nothing of the calling environment. At the end the image's commands are tried as its user.

Needs root, Linux with mount namespaces, debootstrap, and a network. Not shown by it: the base
image itself, and what the Docker engine does, such as layers, volumes and signals.
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
    """What the image is for, as its user. Raises ProofError where it answers otherwise."""
    token = base64.b64encode(b"123456789012345678").decode() + ".made.up"
    invite = [*image.command, "invite"]
    picture = ["imagine", "a red circle", "--iterations", "2", "--output", "/data/circle.png"]
    for command, more, code, words in (
            (["id", "-u"], {}, 0, r"^[1-9]\d*$"),
            (["python", "--version"], {}, 0, r"Python 3\.11\."),
            (["imagine", "--help"], {}, 0, "(?i)usage"),
            (["imagine-models", "list"], {}, 0, "natural"),
            (invite, {"DISCORD_TOKEN": token}, 0, "client_id=123456789012345678"),
            (image.command, {}, 78, "DISCORD_TOKEN"),
            (picture, {}, 0, ""),
            (["python", "-c", "import torch; print(torch.version.cuda)"], {}, 0, "^None$"),
            (["python", "-c", "from PIL import Image; print(Image.open('/data/circle.png').size)"],
             {}, 0, r"\(\d+, \d+\)")):
        began = time.monotonic()
        done = image.run(command, more, quiet=True)
        say(f"$ {' '.join(command)}   [exit code {done.returncode}, "
            f"{time.monotonic() - began:.1f} s]\n{_shortened(done.stdout)}")
        if done.returncode != code or not re.search(words, done.stdout, re.MULTILINE):
            raise ProofError(f"Expected were exit code {code} and {words!r}:\n{done.stdout}")


def make_root(root: Path, mirror: str) -> None:
    """A clean Debian bookworm with python and pip where the base image has them."""
    root.mkdir(parents=True)
    root.chmod(0o755)  # it is the / of the image's user, whatever the umask says
    subprocess.run(
        ["debootstrap", "--variant=minbase",
         "--include=python3,python3-pip,python3-venv,ca-certificates", "bookworm", str(root),
         mirror], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["/usr/sbin/chroot", str(root), "/usr/bin/python3", "-m", "venv", "/usr/local"],
                   check=True, env={"PATH": PATH})


def mount_in(root: Path, paths: list[str]) -> None:
    """What Docker gives a container, and what this machine needs to reach its packages."""
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


def prove(options: argparse.Namespace, root: Path) -> None:
    """All of it. Raises ProofError or CalledProcessError at what fails."""
    say("== debootstrap")
    make_root(root, options.mirror)
    mount_in(root, options.bind)
    image = Image(root, _pairs(options.build_arg), _pairs(options.env))
    for step in parse((CONTEXT / "Dockerfile").read_text("utf-8")):
        say(f"== line {step.line}: {step}")
        began = time.monotonic()
        image.take(step)
        if step.name == "RUN":
            say(f"   took {time.monotonic() - began:.0f} s")
    say("== the image's commands, as its user")
    try_commands(image)
    say("Proven: every step ran, and the commands answered as they should.")


def say(text: str) -> None:
    """To the terminal at once, in order with what the steps print."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _shortened(text: str) -> str:
    lines = text.strip().splitlines()
    return "\n".join([*lines[:6], *(["..."] if len(lines) > 6 else [])])


def _pairs(values: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (each.partition("=") for each in values)}


def main() -> int:
    """Read the options and run it; the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.docker.prove", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE",
                        help="as of docker build; may be given again")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE",
                        help="an environment variable that this machine's network needs")
    parser.add_argument("--bind", action="append", default=[], metavar="PATH",
                        help="a file or folder of this machine to be seen, read only, at the same "
                             "place: pip's configuration, certificates, a local index")
    parser.add_argument("--mirror", default=MIRROR, help="of Debian (default: %(default)s)")
    parser.add_argument("--root", type=Path, help="a new folder to make the root in, which is "
                        "kept (default: a temporary one)")
    parser.add_argument(_INSIDE, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if os.geteuid() != 0:
        say("chroot needs root; run it with sudo.")
        return 1
    if shutil.which("debootstrap") is None:
        say("debootstrap is missing; install it (Debian: apt install debootstrap).")
        return 1
    if not options.inside:
        return _apart(options.root)
    try:
        prove(options, options.root)
    except (ProofError, FileNotFoundError, subprocess.CalledProcessError) as error:
        say(f"FAILED: {error}")
        return 1
    return 0


def _apart(root: Path | None) -> int:
    """Run it again in a mount namespace of its own; the exit code.

    What is mounted there is never seen from here, so that the root can be deleted in safety.
    """
    with contextlib.ExitStack() as stack:
        if root is None:
            root = Path(stack.enter_context(
                tempfile.TemporaryDirectory(prefix="imagine-bot-root-"))) / "root"
        elif root.exists():
            say(f"{root} is there already; name a new folder, for the root has to be clean.")
            return 1
        command = [sys.executable, "-m", "tests.docker.prove", *sys.argv[1:], _INSIDE, "--root",
                   str(root.absolute())]
        return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", *command],
                              cwd=CONTEXT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
