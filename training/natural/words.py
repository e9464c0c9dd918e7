"""The commands of the text tower."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.natural.options import (
    WORDS,
    Device,
    Minutes,
    Seed,
    TeacherFolder,
    WordNetFolder,
    WordsFolder,
    app,
)
from training.words.corpus.wordnet import DEFAULT_FOLDER


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
    teacher: Annotated[
        Path | None, typer.Option(help="as for `corpus`, whose output is in --folder")
    ] = None,
    drawn: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="instead of --teacher: the words that `draw` wrote"
        ),
    ] = None,
    folder: WordsFolder = Path("runs/words"),
    seed: Seed = 17,
    wordnet: WordNetFolder = DEFAULT_FOLDER,
    steps: Annotated[int, typer.Option(help="where the learning rate ends")] = 9000,
    minutes: Minutes = 100,
    device: Device = "cpu",
    small: Annotated[
        bool, typer.Option("--small", help="few sentences at once, to try it")
    ] = False,
) -> None:
    """Train the text tower on the corpus; repeat to continue. Writes tower.pt."""
    import torch

    from training.common.stage import resume, run_stage, steps_done
    from training.words.beforehand import load_words
    from training.words.natural import Distillation, Distiller, export
    from training.words.natural_start import begin
    from training.words.validate import validate

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    wordings, continues = None, steps_done(WORDS, folder) > 0
    if drawn is not None and teacher is None:
        sentences, tower, rows = load_words(drawn)
    elif teacher is not None and drawn is None:
        sentences, tower, rows, wordings = begin(folder, teacher, wordnet, continues=continues)
    else:
        raise typer.BadParameter("Give --teacher, or --drawn for words drawn beforehand.")
    settings = Distillation(steps=steps, seed=seed, batch=4 if small else 256)
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
    for name, score in validate(tower.cpu(), sentences, wordings, 50 if small else 4000).items():
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
