"""The command that draws the training data beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.natural.options import (
    DrawingFolders,
    PaintingFolders,
    Photos,
    WordNetFolder,
    app,
)
from training.words.corpus.wordnet import DEFAULT_FOLDER


@app.command()
def draw(
    photos: Photos,
    into: Annotated[Path, typer.Argument(help="the folder to write, for training/gpu.sh")],
    drawings: DrawingFolders = None,
    paintings: PaintingFolders = None,
    words: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="the folder where `corpus` has finished; else none"
        ),
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option(file_okay=False, help="as for `corpus`; with --words")
    ] = None,
    wordnet: WordNetFolder = DEFAULT_FOLDER,
    count: Annotated[int, typer.Option(min=1, help="pictures, if they fit")] = 3000,
    side: Annotated[int, typer.Option(min=32, help="of each, in px")] = 256,
    megabytes: Annotated[float, typer.Option(help="what the pictures may take together")] = 35,
    words_megabytes: Annotated[float, typer.Option(help="what the words may take")] = 15,
    seed: Annotated[int, typer.Option(help="of the pictures, and of which words are taken")] = 41,
) -> None:
    """Draw training data beforehand, for training/gpu.sh: pictures, the classifier, the words."""
    from training.common.drawn_data import check_size, size_of
    from training.perceptor.classifier import load_classifier, write_classifier
    from training.pictures.beforehand import draw_pictures
    from training.pictures.photographs import load_held_out
    from training.pictures.pool import Sources

    if words is not None and teacher is None:
        raise typer.BadParameter("Drawing --words takes --teacher, which they begin from.")
    pictures_bytes, words_bytes = round(megabytes * 1e6), round(words_megabytes * 1e6)
    try:
        check_size(pictures_bytes + (words_bytes if words else 0))
        write_classifier(load_classifier(), into / "classifier.pt")
        found = draw_pictures(
            Sources.load(photos, drawings or (), paintings or ()),
            load_held_out(photos),
            into,
            count=count,
            side=side,
            most_bytes=pictures_bytes,
            seed=seed,
        )
        typer.echo(f"{into}  {found} pictures")
        if words is not None and teacher is not None:
            from training.words.beforehand import draw_words
            from training.words.natural_start import begin

            sentences, tower, rows, _ = begin(words, teacher, wordnet)
            drawn = draw_words(
                sentences, tower, rows, into / "words", most_bytes=words_bytes, seed=seed
            )
            typer.echo(f"{into / 'words'}  {drawn} of {len(sentences.lengths)} sentences")
        check_size(size_of(into))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(f"{into}  {size_of(into) / 1e6:.1f} MB in all")
