import importlib
import inspect
import subprocess
import sys
import types
from pathlib import Path

import pytest

import engine

ROOT = Path(__file__).resolve().parents[2]


def python(code):
    """The output of ``code`` in a new interpreter with the project first on its path."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done.stdout.strip()


def test_the_public_api_is_small():
    assert sorted(engine.__all__) == [
        "EngineError",
        "ImageRequest",
        "Iterate",
        "Prompt",
        "imagine",
        "parse_prompts",
    ]


def test_every_public_name_is_its_module_s_own():
    for name in engine.__all__:
        thing = getattr(engine, name)
        assert isinstance(thing, (type, types.FunctionType))
        home = importlib.import_module(thing.__module__)
        assert getattr(home, name) is thing
        assert home.__name__.startswith("engine.")
        assert inspect.getdoc(thing)


def test_other_names_raise_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'paint_me'"):
        _ = engine.paint_me


PLAIN = (
    "engine.request.request",
    "engine.request.prompt",
    "engine.request.recipe",
    "engine.errors",
    "engine.version",
    "engine.painting.images",
    "engine.pictures.reading",
    "engine.pictures.writing",
    "engine.painting.video",
    "engine.cli.output_files",
    "engine.cli.imagine",
)


def test_parts_and_public_names_without_torch_do_not_load_it():
    loaded = python(
        "import sys, importlib\n"
        "from engine import EngineError, ImageRequest, Prompt, parse_prompts\n"
        "print('engine', 'torch' in sys.modules)\n"
        f"for name in {PLAIN}:\n"
        "    importlib.import_module(name)\n"
        "    print(name, 'torch' in sys.modules)"
    )
    assert loaded.splitlines() == [f"{name} False" for name in ("engine", *PLAIN)]


def test_reading_pictures_loads_numpy_only_when_a_file_needs_it():
    """The command's --help and the bot's start would take a fifth of a second longer."""
    assert python("import sys, engine.cli.imagine\nprint('numpy' in sys.modules)") == "False"


def test_a_refused_command_does_not_load_torch():
    assert (
        python(
            "import sys\n"
            "from engine.__main__ import main\n"
            "sys.argv = ['imagine', 'a fox', '--iterations', '0']\n"
            "try: main()\n"
            "except SystemExit as end: print(end.code, 'torch' in sys.modules)"
        )
        == "2 False"
    )


def test_the_console_script_is_the_command():
    import tomllib

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, name = scripts["imagine"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_painting_imports_neither_pytorch_s_compiler_nor_what_it_does_not_need():
    code = """
import sys
from engine import imagine
*_, last = imagine("a red star", model="drawn", iterations=1)
print(*sorted({name.split(".")[0] for name in sys.modules} & {"sympy", "kornia", "torchvision"}))
print(*sorted(name for name in sys.modules if name in ("torch._dynamo", "torch._inductor")))
"""
    assert python(code) == ""
