"""What the training of the `natural` text tower starts from: the teacher, made smaller."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from engine.models.packages import clip_tokenizer
from engine.models.perceptors.text_tower import TextTower, TowerSizes
from training.words.corpus.knowledge import Wordings
from training.words.corpus.prepare import END, START, Prepared, load_prepared
from training.words.corpus.wordnet import read_wordnet
from training.words.teacher import Teacher
from training.words.tower import VOCABULARY

TAKEN = (0, 2, 5)  # the teacher's layers that the tower's three start from
CLS, SEP = 101, 102
_END_OF_WORD = "</w>"


def begin(
    folder: Path, teacher: Path, wordnet: Path, *, continues: bool = False
) -> tuple[Prepared, TextTower, Tensor, Wordings]:
    """The corpus in ``folder``, a tower to begin from, the ids of its tokens, the wordings.

    If the training ``continues``, the tower has random weights, which the state replaces.
    """
    sentences = load_prepared(folder)
    counts = sentences.tokens.bincount(minlength=VOCABULARY)
    encoder = Teacher(teacher)
    wordings = Wordings(read_wordnet(wordnet), encoder)
    sizes = TowerSizes(VOCABULARY)
    tower = (
        TextTower(sizes, torch.arange(VOCABULARY))
        if continues
        else new_tower(sizes, counts, encoder, wordings.by_class(), sentences.texts[:500])
    )
    return sentences, tower, counts.nonzero()[:, 0], wordings


def new_tower(
    config: TowerSizes, counts: Tensor, teacher: Teacher, class_vectors: Tensor, sample: list[str]
) -> TextTower:
    """A tower for all of CLIP's tokens, with the teacher's weights.

    Its embedding has the main components of the teacher's, its layers are some of the teacher's.

    Args:
        config: Its sizes; width and heads as the teacher's, ``layers`` as many as TAKEN.
        counts: How often each of CLIP's tokens is in the corpus [49408]; frequent ones weigh more
            in the components.
        teacher: Where the weights come from.
        class_vectors: The classes as centred vectors [1000, 384], which the head starts from.
        sample: Sentences that show which inner units of the layers matter most.
    """
    rows = torch.arange(VOCABULARY)
    tower = TextTower(config, rows)
    weights = teacher.weights
    with torch.no_grad():
        words = torch.cat(
            [
                weights["embeddings.word_embeddings.weight"].mean(0)[None],
                _token_vectors(rows, teacher),
            ]
        )
        importance = torch.cat([torch.ones(1), counts.float()]).log1p()[:, None]
        mean = (words * importance).sum(0) / importance.sum()
        _, _, components = torch.linalg.svd((words - mean) * importance.sqrt(), full_matrices=False)
        components = components[: config.embedding]
        scale = 10.0  # rows of about unit variance, as Adam likes them
        tower.tokens.weight.copy_((words - mean) @ components.T * scale)
        tower.up.weight.copy_(components.T / scale)
        tower.up.bias.copy_(mean + weights["embeddings.token_type_embeddings.weight"][0])
        positions = weights["embeddings.position_embeddings.weight"]
        tower.positions.copy_(positions[: config.context])
        _copy(tower.norm, teacher, "embeddings.LayerNorm")
        busy = teacher.inner_importance(sample)
        for layer, number in zip(tower.layers, TAKEN, strict=True):
            _copy_layer(
                layer, teacher, f"encoder.layer.{number}.", busy[number].topk(config.inner).indices
            )
        tower.head.weight.copy_(class_vectors * 4.0)
        tower.head.bias.zero_()
    return tower


def _token_vectors(rows: Tensor, teacher: Teacher) -> Tensor:
    """The mean of the teacher's word pieces for each of CLIP's tokens [R, 384]."""
    clip, embedding = clip_tokenizer(), teacher.weights["embeddings.word_embeddings.weight"]
    vectors = []
    for row in rows.tolist():
        if row in {START, END}:
            vectors.append(embedding[CLS if row == START else SEP])
            continue
        text = clip.decoder[row].removesuffix(_END_OF_WORD)
        raw = bytes(clip.byte_decoder[character] for character in text)
        pieces = teacher.tokenizer.encode(
            raw.decode("utf-8", errors="ignore"), add_special_tokens=False
        ).ids
        vectors.append(embedding[pieces].mean(0) if pieces else embedding.mean(0))
    return torch.stack(vectors)


def _copy(
    module: torch.nn.Module,
    teacher: Teacher,
    name: str,
    units: Tensor | None = None,
    columns: bool = False,
) -> None:
    """Weight and bias of a linear layer or norm; ``units`` are the rows (or columns) to take."""
    weight, bias = teacher.weights[f"{name}.weight"], teacher.weights[f"{name}.bias"]
    if units is not None:
        weight = weight[:, units] if columns else weight[units]
        bias = bias if columns else bias[units]
    module.get_parameter("weight").copy_(weight)
    module.get_parameter("bias").copy_(bias)


def _copy_layer(layer: torch.nn.Module, teacher: Teacher, prefix: str, units: Tensor) -> None:
    for end in ("weight", "bias"):
        parts = [
            teacher.weights[f"{prefix}attention.self.{part}.{end}"]
            for part in ("query", "key", "value")
        ]
        layer.get_parameter(f"qkv.{end}").copy_(torch.cat(parts))
    for mine, theirs in (
        ("joined", "attention.output.dense"),
        ("norm", "output.LayerNorm"),
        ("attention_norm", "attention.output.LayerNorm"),
    ):
        _copy(layer.get_submodule(mine), teacher, prefix + theirs)
    _copy(layer.get_submodule("inner"), teacher, f"{prefix}intermediate.dense", units)
    _copy(layer.get_submodule("outer"), teacher, f"{prefix}output.dense", units, columns=True)
