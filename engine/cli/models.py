"""The `imagine-models` command: lists, downloads, checks and adds models."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from engine.cli.progress import stderr_console
from engine.cli.streams import complain, prepare, say, standard_output
from engine.errors import EngineError, ModelError, UnknownModelError
from engine.models import Models, load_models
from engine.models.adding import add_model
from engine.models.catalogue import (
    Catalogue,
    ModelEntry,
    Source,
    load_catalogue,
    models_folder,
)
from engine.models.download import file_sha256, obtain, verify
from engine.models.kinds import GENERATORS, PERCEPTORS
from engine.models.perceptor_recognition import recognise_perceptor
from engine.models.recognition import Recognised, recognise
from engine.models.split_weights import all_files
from engine.painting import pipeline
from engine.painting.memory_plan import fastest_and_least
from engine.request.ensemble import Chosen, parse_perceptors, perceptors_text
from engine.request.request import ImageRequest

app = typer.Typer(
    help="List, download, check and add the models that `imagine` paints with.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_ITERATIONS = 4  # of a check
Folder = Annotated[
    Path | None,
    typer.Option(
        help="The folder of downloads; by default $IMAGINE_MODELS_FOLDER or the user's cache."
    ),
]


@app.command("list")
def list_models(
    name: Annotated[
        str | None,
        typer.Argument(help="A model on this machine, to also show the memory that it needs."),
    ] = None,
    folder: Folder = None,
) -> None:
    """Show all models, their kinds, sizes and licences, and which of them are on this machine."""
    catalogue, place = load_catalogue(), models_folder(folder)
    if name is not None:
        _show(catalogue, name, place)
        return
    table = Table("model", "kind", "generator", "perceptor", "size", "licence", box=None)
    for column in (*table.columns[:2], table.columns[3]):
        column.no_wrap = True  # so that a narrow terminal wraps only the descriptions
    table.columns[-1].overflow = "fold"  # no licence is cut off
    for entry in catalogue.models.values():
        table.add_row(
            entry.name,
            entry.generator.kind_name,
            entry.generator.about or entry.generator.name,
            _perceptors(entry),
            _size(entry, place),
            _licences(entry),
        )
    text = io.StringIO()
    console = Console(
        file=text,
        width=shutil.get_terminal_size().columns,
        force_terminal=sys.stdout is not None and sys.stdout.isatty(),
        soft_wrap=True,
    )
    console.print(table)
    console.print(
        f"\nPerceptors: {', '.join(catalogue.perceptors)}; to use a model with another "
        "perceptor, write for example imagenet-16384/RN50, or with several imagenet-16384/ViT-B-32,"
        "RN50:0.5.",
        highlight=False,
    )
    console.print(f"Downloads are stored in {place}", highlight=False)
    say(text.getvalue().rstrip("\n"))


def _show(catalogue: Catalogue, name: str, folder: Path) -> None:
    """Print all about one model, one fact a line."""
    entry = catalogue.model(name)
    for what, value in (
        ("model", entry.name),
        ("kind", entry.generator.kind_name),
        ("generator", entry.generator.about or entry.generator.name),
        *_about_perceptors(entry),
        ("size", _size(entry, folder)),
        ("licence", _licences(entry)),
    ):
        say(f"{what}: {value}")
    if not _missing(entry, folder):
        say(f"memory: {_plan(load_models(name, device='cpu', folder=folder, catalogue=catalogue))}")


def _licences(entry: ModelEntry) -> str:
    return "; ".join(dict.fromkeys(part.licence for part in entry.parts))


def _perceptors(entry: ModelEntry) -> str:
    return perceptors_text(tuple(Chosen(part.name, weight) for part, weight in entry.guides))


def _about_perceptors(entry: ModelEntry) -> list[tuple[str, str]]:
    if len(entry.guides) == 1:
        part = entry.perceptor
        return [("perceptor", part.about or part.name), ("perceptor's kind", part.kind_name)]
    return [
        (f"perceptor {i}", f"{part.about or part.name} ({part.kind_name}), weight {weight:g}")
        for i, (part, weight) in enumerate(entry.guides, 1)
    ]


def _missing(entry: ModelEntry, folder: Path) -> list[Source]:
    return [source for source in entry.sources if not source.location(folder).is_file()]


def _size(entry: ModelEntry, folder: Path) -> str:
    """The size of a model's files, and how much of it is still to download."""
    missing = _missing(entry, folder)
    if any(source.url is None for source in missing):
        return "a file is missing"
    paths = [source.location(folder) for source in entry.sources if source not in missing]
    there = sum(file.stat().st_size for path in paths for file in all_files(path))
    left = sum(source.size or 0 for source in missing)
    if not missing:
        return _megabytes(there)
    return f"{_megabytes(there + left)}, {_megabytes(left) if there else 'all'} to download"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _plan(models: Models) -> str:
    """The memory that a picture of the model's own size needs."""
    recipe = pipeline.recipe_of(ImageRequest(prompt="a fox", model=models.name), models)
    fastest, least = fastest_and_least(models.generator, models.perceptor, recipe)
    size = f"{recipe.width}x{recipe.height}"
    return f"{fastest / 1e9:.2f} GB for {size}, or {least / 1e9:.2f} GB if it has to be slower"


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="A model's name, as in `list`.")],
    folder: Folder = None,
) -> None:
    """Download a model's files, continuing an interrupted download, and load it once."""
    catalogue, place = load_catalogue(), models_folder(folder)
    entry = catalogue.model(name)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr_console()) as bars:
        for source in entry.sources:
            _download(source, place, bars)
    load_models(name, device="cpu", folder=place, catalogue=catalogue)
    say(f'{name} is ready: imagine --model {name} "..."')


def _download(source: Source, folder: Path, bars: Progress) -> None:
    bar = bars.add_task(source.file, total=source.size)

    def show(done: int, total: int | None) -> None:
        bars.update(bar, completed=done, total=source.size if total is None else total)

    path = obtain(source, folder, progress=show)
    size = path.stat().st_size
    bars.update(bar, completed=size, total=size)


@app.command()
def check(
    name: Annotated[
        str | None, typer.Argument(help="A model's name; by default every model on this machine.")
    ] = None,
    folder: Folder = None,
) -> None:
    """Verify the files' SHA-256, load them and paint 4 iterations; exit code 1 if that fails."""
    catalogue, place = load_catalogue(), models_folder(folder)
    names = (
        [name]
        if name
        else [
            entry.name
            for entry in catalogue.models.values()
            if any(s.location(place).is_file() for s in entry.weights)
        ]
    )
    wrong = 0
    for each in names:
        try:
            _check(catalogue, each, place)
        except UnknownModelError:
            raise
        except EngineError as error:
            wrong += 1
            complain(f"{each}: {error}")
        else:
            say(f"{each}: OK")
    if not names:
        say("No model is on this machine.")
    if wrong:
        raise typer.Exit(1)


def _check(catalogue: Catalogue, name: str, folder: Path) -> None:
    for source in catalogue.model(name).sources:
        if source.url is None and source.location(folder).is_file():
            verify(source, folder)  # loading verifies downloaded files
    models = load_models(name, device="cpu", folder=folder, catalogue=catalogue)
    example = catalogue.model(name).examples[0]
    request = ImageRequest(prompt=example, model=name, iterations=_ITERATIONS, seed=1)
    for _ in pipeline.paint(pipeline.prepare(request, models)):
        pass


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The model's name.")],
    generator: Annotated[
        str,
        typer.Option(
            help="A VQGAN's checkpoint (taming's or latent-diffusion's), a folder of diffusers, "
            "one of TAESD's files, or the name of a generator in the catalogue, such as curves."
        ),
    ],
    perceptor: Annotated[
        list[str],
        typer.Option(
            help="A CLIP, SigLIP or another model of OpenCLIP: a file, a folder of Hugging Face's "
            "hub, or the name of a perceptor in `list`. Given several times, they guide paintings "
            "together; names can have weights, as in RN50:0.5."
        ),
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            help="The generator's yaml or config.json; one next to the file is found by itself."
        ),
    ] = None,
    perceptor_config: Annotated[
        Path | None,
        typer.Option(
            help="The perceptor's open_clip_config.json or config.json; one next to the file is "
            "found by itself."
        ),
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(
            help="The perceptor's architecture by OpenCLIP's name, such as ViT-H-14 or "
            "ViT-H-14-quickgelu; openai if OpenAI's code made it."
        ),
    ] = None,
    quick_gelu: Annotated[
        bool | None,
        typer.Option(
            "--quick-gelu/--no-quick-gelu",
            help="Whether the perceptor was trained with QuickGELU or with GELU.",
        ),
    ] = None,
    normalisation: Annotated[
        str | None,
        typer.Option(help="Of the perceptor's pictures in training: openai or inception."),
    ] = None,
) -> None:
    """Add a model of your own to your catalogue; its files stay where they are.

    They are loaded once as a test, and their SHA-256 is stored for `check`. OpenAI's own files of
    CLIP need no option. Any other file doesn't show its activation: say it with an option or a
    config.
    """
    said = {"architecture": architecture, "quick_gelu": quick_gelu, "normalisation": normalisation}
    settings = {key: value for key, value in said.items() if value is not None}
    catalogue = load_catalogue()
    found: Recognised | str = generator
    if generator not in catalogue.generators:
        found = recognise(Path(generator), config)
    elif config is not None:
        raise ModelError(
            "The generator {name} is in the catalogue, which has its config; use --config with a "
            "file.",
            name=generator,
        )
    side = _side(found)
    path, named = _files_and_names(perceptor, catalogue)
    if path is None and (settings or perceptor_config):
        raise ModelError(
            "The perceptor {name} is in the catalogue, which has its settings; use options about "
            "a perceptor with a file.",
            name=perceptors_text(named),
        )
    seen: Recognised | str = perceptors_text(named)
    if path is not None:
        seen = recognise_perceptor(path, perceptor_config, settings)
        PERCEPTORS[seen.kind].build(seen.files, settings)
    parts = [part for part in (found, seen) if isinstance(part, Recognised)]
    used = [path for part in parts for path in part.files.values()]
    file = add_model(
        name,
        generator=found,
        perceptor=seen,
        perceptor_settings=settings,
        others=() if path is None else named,
        defaults={"width": side, "height": side},
        hashes={path: file_sha256(path) for path in used},
    )
    say(f'{name} was added to {file}: imagine --model {name} "..."')


def _files_and_names(
    perceptors: list[str], catalogue: Catalogue
) -> tuple[Path | None, tuple[Chosen, ...]]:
    """The file or folder among ``perceptors``, or None, and those with names."""
    paths: list[Path] = []
    names: list[str] = []
    for given in perceptors:
        if all(part.split(":")[0].strip() in catalogue.perceptors for part in given.split(",")):
            names.append(given)
        else:
            paths.append(Path(given))
    if len(paths) > 1:
        raise ModelError(
            "Only one of the perceptors can be a file; add the others as models of their own "
            "first, and name them here."
        )
    return (paths[0] if paths else None), (parse_perceptors(",".join(names)) if names else ())


def _side(generator: Recognised | str) -> int:
    """The side of the pictures that a generator paints best; a recognised one is loaded."""
    if isinstance(generator, str):
        return 256
    side: int = GENERATORS[generator.kind].build(generator.files, {}).resolution
    return side


def main() -> None:
    """Run the command; an EngineError becomes one sentence on stderr and exit code 2."""
    prepare()
    try:
        with standard_output():
            app()
    except EngineError as error:
        complain(f"imagine-models: {error}")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
