"""Imports go one way, cogs -> bot -> data -> engine, also inside packages, and have no cycles.

Imports under TYPE_CHECKING and inside functions count, because readers follow them, too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("engine", "data", "bot", "cogs")  # the lowest first
NOT_INSTALLED = ("training", "bench")  # bench may import training; nothing else imports them
# Inside a package, the lowest first: a folder may import itself and earlier groups.
INSIDE = {
    "engine": (
        ("errors", "events", "translatable", "tasks", "clock", "version", "openmp", "garbage"),
        ("request",),
        ("pictures",),
        ("fused",),
        ("random_numbers",),
        ("models",),
        ("painting",),
        ("worker",),
        ("jobs", "cli", "notebook"),
        ("__init__", "__main__"),
    ),
    "data": (
        ("errors", "database", "dialect", "migrations", "disk"),
        ("pictures",),
        ("jobs",),
        ("privacy", "sqlite", "postgres"),
        (
            "claims",
            "denied_servers",
            "messages",
            "overview",
            "people",
            "picture_checks",
            "purges",
            "retention",
            "running_bots",
            "styles",
            "learnt",
            "stars",
            "transfer",
        ),
        ("guilds", "shards"),
        ("store",),
        ("__init__",),
    ),
    "training": (
        ("common",),
        ("world", "pictures"),
        ("perceptor",),
        ("generator", "words"),
        ("looks",),
        ("drawn", "natural"),
        ("__init__",),
    ),
    "bench": (
        ("common", "prompts", "reference"),
        ("bot", "cluster", "drawn", "natural", "scale", "timing", "tour"),
        ("paper",),
        (
            "chaos",
            "contact",
            "costs",
            "curves",
            "edit",
            "eta",
            "fidelity",
            "going_on",
            "gpu",
            "history",
            "load",
            "masks",
            "memory",
            "random_numbers",
            "sheet",
            "simulate",
            "since",
            "soak",
            "speed",
            "steering",
        ),
        ("perceptors",),
        ("__init__",),
    ),
    "bot": (
        ("language", "errors", "permissions"),
        ("locales", "host", "standin"),
        ("preview",),
        ("guild",),
        ("requests",),
        ("media", "moderation"),
        ("ui",),
        ("delivery",),
        ("client",),
        ("__init__",),
        ("__main__",),
    ),
}
WRAPPER = Path("engine/models/packages.py")
# No file may import these, the wrapper included: they fail, or bring hundreds of megabytes.
BANNED = (
    "torchvision",
    "pytorch_lightning",
    "lightning",
    "omegaconf",
    "taming.models",
    "taming.main",
)
WRAPPED = ("taming", "clip", "open_clip")


def imported_names(source: str, file: Path) -> Iterator[str]:
    """The absolute dotted names that ``source`` imports; ``file`` is its path from the root.

    ``from a.b import c`` gives both a.b and a.b.c, because c may be a module. Strings given to
    ``importlib.import_module`` and ``__import__`` count, too.
    """
    package = file.parent.parts
    for node in ast.walk(ast.parse(source, str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            argument = node.args[0]
            if (
                name in {"import_module", "__import__"}
                and isinstance(argument, ast.Constant)
                and isinstance(argument.value, str)
            ):
                yield argument.value


def is_within(name: str, package: str) -> bool:
    """Whether dotted ``name`` is ``package`` or a part of it."""
    return name == package or name.startswith(f"{package}.")


def violations(source: str, file: Path) -> list[str]:
    """A message for each import of ``source`` that is not allowed."""
    layer = file.parts[0]
    order = (*LAYERS, *NOT_INSTALLED)
    higher = order[order.index(layer) + 1 :] if layer in order else ()
    found = []
    for name in dict.fromkeys(imported_names(source, file)):
        if any(is_within(name, upper) for upper in higher):
            found.append(f"{file} imports {name}, which is above {layer}")
        if any(is_within(name, banned) for banned in BANNED):
            found.append(f"{file} imports {name}, which is not allowed")
        if file != WRAPPER and any(is_within(name, foreign) for foreign in WRAPPED):
            found.append(f"{file} imports {name}; only {WRAPPER} may")
        if layer in INSIDE and is_within(name, layer) and not may_import_inside(file, name):
            found.append(f"{file} imports {name}, which is not below it in {layer}")
    return found


def may_import_inside(file: Path, name: str) -> bool:
    """Whether ``file`` may import dotted ``name`` of its own package."""
    rank = {part: number for number, group in enumerate(INSIDE[file.parts[0]]) for part in group}
    own = file.with_suffix("").parts[1]
    other = [*name.split("."), "__init__"][1]
    if other == own or other not in rank:  # a name of the package's public API
        return True
    return rank[other] < rank[own] or rank[other] == rank[own] == 0


def project_files() -> list[Path]:
    return sorted(
        path.relative_to(ROOT)
        for folder in (*LAYERS, *NOT_INSTALLED)
        for path in (ROOT / folder).rglob("*.py")
    )


def test_the_files_of_all_layers_are_found() -> None:
    files = project_files()
    assert WRAPPER in files
    assert set(LAYERS) <= {file.parts[0] for file in files}


def test_imports_run_one_way() -> None:
    assert [
        violation
        for file in project_files()
        for violation in violations((ROOT / file).read_text("utf-8"), file)
    ] == []


def cycles(imports: dict[str, set[str]]) -> list[list[str]]:
    """The cycles of imports, each as the modules on it."""
    found: list[list[str]] = []
    done: set[str] = set()

    def follow(module: str, path: list[str]) -> None:
        if module in path:
            found.append(path[path.index(module) :])
        elif module not in done:
            for other in sorted(imports.get(module, ())):
                follow(other, [*path, module])
            done.add(module)

    for module in sorted(imports):
        follow(module, [])
    return found


def module_of(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("package", ["engine", "data", "bot", "cogs", "training", "bench"])
def test_there_are_no_import_cycles(package: str) -> None:
    files = {module_of(file): file for file in project_files() if file.parts[0] == package}
    imports = {}
    for module, file in files.items():
        names = set(imported_names((ROOT / file).read_text("utf-8"), file))
        # `from a.b import c` names a.b, too; that counts only if c is not a module.
        longer = {name.rpartition(".")[0] for name in names if name in files}
        imports[module] = {name for name in names - longer if name in files and name != module}
    assert cycles(imports) == []


def test_a_cycle_is_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}}) == [["a", "b", "c"]]
    assert cycles({"a": {"b", "c"}, "b": {"c"}}) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("engine/jobs/queue.py", "import data"),
        ("engine/jobs/queue.py", "import bot.settings as settings"),
        ("engine/worker/main.py", "def f():\n    from cogs import imagine"),
        ("data/jobs.py", "from bot.host.settings import Settings"),
        ("data/jobs.py", "if True:\n    import cogs.imagine"),
        ("bot/client.py", "from cogs.imagine import Imagine"),
        ("bot/client.py", "import importlib\nimportlib.import_module('cogs.imagine')"),
        ("engine/painting/cutouts.py", "import torchvision.transforms"),
        ("bench/speed.py", "from omegaconf import OmegaConf"),
        ("cogs/imagine.py", "import pytorch_lightning"),
        ("engine/models/generator.py", "import taming.modules.vqvae.quantize"),
        ("engine/models/perceptor.py", "import clip"),
        ("engine/models/perceptor.py", "import open_clip"),
        ("engine/models/packages.py", "from taming import models"),
        ("engine/models/packages.py", "import torchvision"),
        ("cogs/imagine.py", "from training.words import tower"),
        ("engine/models/loading.py", "import bench.fidelity"),
        ("bench/drawn/edits.py", "from bench.edit import figures"),
        ("engine/worker/main.py", "from engine.jobs import queue"),
        ("engine/request/prompt.py", "from engine.models.loading import load_models"),
        ("engine/jobs/queue.py", "from engine.cli import run"),
        ("engine/errors.py", "import engine.request.limits"),
        ("training/words/natural.py", "from bench.natural import judge"),
        ("bot/delivery/results.py", "from bot.client import ImageBot"),
        ("bot/requests/intake.py", "if TYPE_CHECKING:\n    from bot.ui.buttons import JobButton"),
        ("bot/host/upkeep.py", "def f():\n    import bot.guild.rules"),
    ],
)
def test_a_forbidden_import_is_reported(file: str, source: str) -> None:
    assert len(violations(source, Path(file))) >= 1


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("engine/models/packages.py", "import taming.modules.diffusionmodules.model"),
        ("engine/models/generator.py", "from . import packages"),
        ("engine/models/loading.py", "from .packages import clip_model\nfrom ..errors import x"),
        ("engine/text.py", "import database, botocore\nfrom clipboard import copy"),
        ("data/jobs.py", "from engine.request.request import ImageRequest"),
        (
            "bot/client.py",
            "import data.jobs\nawait_me = 'cogs.imagine'\n"
            "async def f(bot):\n    await bot.load_extension('cogs.imagine')",
        ),
        ("cogs/imagine.py", "import bot.client, data.jobs, engine.request.request"),
        ("bench/bot/blocked_words.py", "import training.words, engine.models"),
    ],
)
def test_an_allowed_import_passes(file: str, source: str) -> None:
    assert violations(source, Path(file)) == []


def test_relative_imports_are_resolved() -> None:
    names = list(imported_names("from ...bot import client", Path("data/store/jobs.py")))
    assert "bot" in names
    assert violations("from ..cogs import imagine", Path("data/jobs.py"))
