"""The corpus on disk: tokens, meanings and the teacher's vectors, in chunks."""

from __future__ import annotations

import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.models.packages import clip_tokenizer
from training.common.stage import save_atomically
from training.words.corpus.knowledge import CLASSES, Knowledge
from training.words.corpus.reading import Reader
from training.words.corpus.sentences import Corpus, Example, Sizes
from training.words.corpus.wordnet import read_wordnet
from training.words.teacher import WIDTH, Teacher

KEPT = 32  # classes of each meaning: 0.97 of it on average, rescaled to sum to 1
CHUNK = 20_000
START, END = 49406, 49407
CONTEXT = 77
_WHOLE_WORD = re.compile(r"[a-z]{2,}</w>")


@dataclass(frozen=True)
class Sources:
    """Where the inputs are; those that can be None are optional."""

    wordnet: Path
    teacher: Path
    classifier: Path | None = None
    prompts: Path | None = None
    emoji: Path | None = None


@dataclass(frozen=True)
class Prepared:
    """The corpus as tensors.

    ``tokens`` [sum of lengths] int32 with CLIP's start and end, ``lengths`` [N]; ``classes`` and
    ``weights`` [N, 32]; ``vectors`` [N, 384] float16, zero if the teacher has not
    read the sentence; ``held_out`` [N]; ``kinds`` and ``texts``,
    which are not kept where the corpus was drawn beforehand.
    """

    tokens: Tensor
    lengths: Tensor
    classes: Tensor
    weights: Tensor
    vectors: Tensor
    held_out: Tensor
    kinds: list[str]
    texts: list[str]


def new_knowledge(sources: Sources) -> Knowledge:
    """The knowledge from WordNet, the teacher and, if given, the classifier."""
    looks = None
    if sources.classifier is not None:
        looks = torch.load(sources.classifier, weights_only=True)["_fc.weight"]
    return Knowledge(read_wordnet(sources.wordnet), Teacher(sources.teacher), looks)


def read_prompts(sources: Sources) -> list[str]:
    """Real prompts: PartiPrompts, and the names and keywords of emoji."""
    prompts = []
    if sources.prompts is not None:
        lines = sources.prompts.read_text(encoding="utf-8").splitlines()[1:]
        prompts += [line.split("\t")[0] for line in lines]
    if sources.emoji is not None:
        for line in sources.emoji.read_text(encoding="utf-8").splitlines():
            emoji = json.loads(line)
            prompts += [
                emoji["name"],
                " ".join(emoji["keywords"][:4]),
                *(word for word in emoji["keywords"] if len(word) > 3),
            ]
    return list(dict.fromkeys(prompts))


def common_words(teacher: Teacher) -> list[str]:
    """The words that are one token to CLIP, and one piece to the teacher: some 15,000.

    CLIP's vocabulary alone has many that are not words (hashtags, names of accounts).
    """
    words = [
        token.removesuffix("</w>")
        for token in clip_tokenizer().encoder
        if _WHOLE_WORD.fullmatch(token)
    ]
    pieces = teacher.tokenizer.encode_batch(words, add_special_tokens=False)
    return [word for word, encoded in zip(words, pieces, strict=True) if len(encoded.ids) == 1]


def meanings_of_nouns(knowledge: Knowledge, path: Path) -> dict[int, Tensor]:
    """The meaning of every noun synset by its offset; read from ``path`` if it is there."""
    if not path.exists():
        synsets = list(knowledge.wordnet.nouns.values())
        parts = [
            knowledge.of_synsets(synsets[at : at + CHUNK]).half()
            for at in range(0, len(synsets), CHUNK)
        ]
        save_atomically(
            {
                "offsets": torch.tensor([each.offset for each in synsets]),
                "meanings": torch.cat(parts),
            },
            path,
        )
    kept = torch.load(path, weights_only=True)
    return dict(zip(kept["offsets"].tolist(), kept["meanings"].float(), strict=True))


def prepare(
    sources: Sources, folder: Path, sizes: Sizes, seed: int, tell: Callable[[str], None]
) -> None:
    """Write the corpus into ``folder``, continuing after the last chunk that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    knowledge = new_knowledge(sources)
    meanings = meanings_of_nouns(knowledge, folder / "meanings.pt")
    tell(f"{len(meanings)} nouns have a meaning")
    _read_glosses(knowledge, list(meanings), folder / "glosses.pt")
    corpus = Corpus(knowledge, meanings, sizes, seed)
    examples = corpus.examples(read_prompts(sources), common_words(knowledge.teacher))
    for number in itertools.count():
        chunk = list(itertools.islice(examples, CHUNK))
        if not chunk:
            break
        path = folder / f"chunk-{number:03d}.pt"
        if not path.exists():
            save_atomically(_read_chunk(chunk, knowledge.teacher, corpus.reader), path)
            tell(f"chunk {number}: {chunk[-1].kind}, such as {chunk[-1].text!r}")
    (folder / "chunks").write_text(str(number))


def _read_glosses(knowledge: Knowledge, offsets: list[int], path: Path) -> None:
    """Read all glosses at once; reading open text asks for a few at a time."""
    if not path.exists():
        save_atomically(knowledge.gloss_vectors(offsets).half(), path)
    glosses = torch.load(path, weights_only=True).float()
    knowledge.glosses.update(zip(offsets, glosses, strict=True))


def _read_chunk(chunk: Sequence[Example], teacher: Teacher, reader: Reader) -> dict[str, Any]:
    texts = [each.text for each in chunk]
    teacher_reads = [i for i, each in enumerate(chunk) if _is_for_teacher(each)]
    vectors = torch.zeros(len(chunk), WIDTH)
    vectors[teacher_reads] = teacher.encode([texts[i] for i in teacher_reads])
    unread = [i for i, each in enumerate(chunk) if each.meaning is None]
    read = iter(reader.of_texts([texts[i] for i in unread], vectors[unread]))
    meanings = torch.stack([next(read) if each.meaning is None else each.meaning for each in chunk])
    meanings[meanings.sum(1) == 0] = 1 / CLASSES
    weights, classes = meanings.topk(KEPT)
    tokens = [tokenise(text) for text in texts]
    return {
        "tokens": torch.tensor([token for each in tokens for token in each], dtype=torch.int32),
        "lengths": torch.tensor([len(each) for each in tokens]),
        "classes": classes.short(),
        "weights": (weights / weights.sum(1, keepdim=True)).half(),
        "vectors": vectors.half(),
        "held_out": torch.tensor([each.held_out for each in chunk]),
        "kinds": [each.kind for each in chunk],
        "texts": texts,
    }


def _is_for_teacher(example: Example) -> bool:
    """Whether the teacher reads the example: if it has to, and a third of the others.

    The teacher takes most of the time, and sentences with a known meaning teach enough without it.
    """
    return example.meaning is None or example.held_out or zlib.crc32(example.text.encode()) % 3 == 0


def tokenise(text: str) -> list[int]:
    """CLIP's tokens with its start and end, cut to its context."""
    return [START, *clip_tokenizer().encode(text)[: CONTEXT - 2], END]


def load_prepared(folder: Path) -> Prepared:
    """The whole corpus of a folder.

    Raises:
        FileNotFoundError: :func:`prepare` has not finished there.
    """
    chunks = int((folder / "chunks").read_text())
    parts = [
        torch.load(folder / f"chunk-{number:03d}.pt", weights_only=True) for number in range(chunks)
    ]
    tensors = {
        key: torch.cat([part[key] for part in parts])
        for key in ("tokens", "lengths", "classes", "weights", "vectors", "held_out")
    }
    return Prepared(
        **tensors, kinds=list(_joined(parts, "kinds")), texts=list(_joined(parts, "texts"))
    )


def _joined(parts: Sequence[dict[str, Any]], key: str) -> Iterator[str]:
    return itertools.chain.from_iterable(part[key] for part in parts)
