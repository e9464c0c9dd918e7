"""Carries out the instructions of a Dockerfile in a root folder, with chroot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from tests.docker.dockerfile import Step, copies, expand, ignore_patterns

CONTEXT = Path(__file__).resolve().parents[2]
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_BASE = re.compile(r"python:3\.11-slim(-bookworm)?")


class ProofError(Exception):
    """A step or a command failed."""


class Image:
    """The root folder, and what the steps have set: arguments, environment, user, work folder.

    ``arguments`` are the build arguments; ``environment`` is the machine's, over which the
    image's own takes precedence.
    """

    def __init__(
        self, root: Path, arguments: Mapping[str, str], environment: Mapping[str, str]
    ) -> None:
        self.root = root
        self.command: list[str] = []
        self._given = dict(arguments)
        self._arguments: dict[str, str] = {}
        self._machine = dict(environment)
        self._environment = {"PATH": PATH}
        self._user = "root"
        self._folder = PurePosixPath("/")
        self._ignored = ignore_patterns((CONTEXT / ".dockerignore").read_text("utf-8"))

    def carry_out(self, step: Step) -> None:
        """Carry out one instruction. Raises ProofError if it fails."""
        match step.name:
            case "FROM":
                if not _BASE.fullmatch(step.text):
                    raise ProofError(f"{step.text} is not an image that this root can replace.")
            case "ARG" | "ENV":
                self._set(step)
            case "WORKDIR":
                self._folder /= self._expand(step.text)
                self._inside(self._folder).mkdir(parents=True, exist_ok=True)
            case "COPY":
                self._copy(step)
            case "RUN":
                if self.run(["/bin/sh", "-c", step.text], self._arguments).returncode:
                    raise ProofError(f"Line {step.line} failed: {step}")
            case "USER":
                self._user = self._expand(step.text)
                self._account()
            case "VOLUME":
                if not all(self._inside(word).is_dir() for word in step.words):
                    raise ProofError(f"Line {step.line}: there is no such folder: {step.text}")
            case "CMD":
                self.command = step.words

    def run(
        self, command: list[str], more: Mapping[str, str] | None = None, *, quiet: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the root as the current user, in the current work folder."""
        user, group, home = self._account()
        environment = {"HOME": home, **self._machine, **self._environment, **(more or {})}
        return subprocess.run(
            [
                "/usr/sbin/chroot",
                f"--userspec={user}:{group}",
                "--groups=",
                str(self.root),
                "/usr/bin/env",
                "-C",
                str(self._folder),
                *command,
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
            text=True,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
        )

    def _set(self, step: Step) -> None:
        for word in step.words:
            name, has_value, value = word.partition("=")
            if step.name == "ENV":
                self._environment[name] = self._expand(value)
            elif name in self._given or has_value:
                self._arguments[name] = self._given.get(name, self._expand(value))

    def _copy(self, step: Step) -> None:
        target = self._expand(step.words[-1])
        into = target.endswith("/") or (CONTEXT / step.words[0]).is_dir()
        for source, name in copies(step, CONTEXT, self._ignored):
            path = self._inside(target) / name if into else self._inside(target)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, path)
            path.chmod(0o755 if os.access(source, os.X_OK) else 0o644)

    def _account(self) -> tuple[str, str, str]:
        """The current user's (user id, group id, home), from the root's passwd."""
        for line in (self.root / "etc/passwd").read_text("utf-8").splitlines():
            name, _, user, group, _, home, _ = line.split(":")
            if self._user in (name, user):
                return user, group, home
        raise ProofError(f"There is no user {self._user} in the image.")

    def _expand(self, text: str) -> str:
        return expand(text, {**self._arguments, **self._environment})

    def _inside(self, path: str | PurePosixPath) -> Path:
        return self.root / (self._folder / path).relative_to("/")
