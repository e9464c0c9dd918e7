"""The meanings of nouns, as distributions over the 1,000 classes: from WordNet and the teacher.

- A synset that is a class, or is below one, means that class.
- A synset above classes means those below it, the typical ones most.
- Any other means the classes that are near it by the teacher and by the hierarchy.
- Words for scenes without a class (forest, sky, house) have meanings set by hand in ``scenes.tsv``;
  synsets below them get half of their meaning from there.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from training.words.corpus.classes import image_classes
from training.words.corpus.wordnet import Synset, WordNet
from training.words.teacher import Teacher

SCENES = Path(__file__).with_name("scenes.tsv")
CLASSES = 1000
# Lexicographer's files of things that a picture can show: animals, artifacts, body, food,
# objects, people, plants, substances.
VISIBLE_TOPICS = frozenset({5, 6, 8, 13, 17, 18, 20, 27})


@dataclass(frozen=True)
class TeacherNumbers:
    """How similarities become probabilities; tuned by eye and by the hyponyms of classes.

    ``temperature`` divides centred cosines (-1..1) of open text, ``typical`` those among the
    classes below a synset. ``hierarchy`` is added to a cosine for an equal synset (Lin's similarity
    of 1), ``looks`` for a class that looks to the classifier like the mean of those compared.
    """

    temperature: float = 0.05
    typical: float = 0.06
    hierarchy: float = 0.35
    looks: float = 0.25


class Wordings:
    """The teacher's vectors of several wordings of each class, to compare open text with."""

    def __init__(self, wordnet: WordNet, teacher: Teacher) -> None:
        texts: list[str] = []
        owners: list[int] = []
        for each in image_classes():
            synset = wordnet.nouns[each.offset]
            kind = wordnet.nouns[synset.hypernyms[0]].lemmas[0] if synset.hypernyms else "thing"
            name = each.plain_name
            wordings = [
                name,
                f"a photo of a {name}",
                f"{name}, a kind of {kind}",
                f"{name}: {synset.gloss}",
                *(f"a photo of a {lemma}" for lemma in synset.lemmas),
            ]
            texts += dict.fromkeys(wordings)
            owners += [each.index] * (len(texts) - len(owners))
        vectors = teacher.encode(texts)
        self.centre = vectors.mean(0)
        self.vectors = F.normalize(vectors - self.centre, dim=1)
        self.owners = torch.tensor(owners)

    def by_class(self) -> Tensor:
        """The centred mean of each class's wordings, as unit vectors [1000, 384]."""
        sums = torch.zeros(CLASSES, self.vectors.shape[1]).index_add(0, self.owners, self.vectors)
        return F.normalize(sums, dim=1)

    def nearness(self, vectors: Tensor) -> Tensor:
        """Centred cosines [N, 1000] of unit vectors [N, 384] to the classes.

        The nearest of a class's wordings and their mean count half each: the nearest alone relies
        on similar spelling (pickled eggs, Pickelhaube).
        """
        cosines = F.normalize(vectors - self.centre, dim=1) @ self.vectors.T
        owners = self.owners.expand(len(cosines), -1)
        shape = len(cosines), CLASSES
        best = torch.full(shape, -1.0).scatter_reduce(1, owners, cosines, "amax")
        mean = torch.zeros(shape).scatter_reduce(1, owners, cosines, "mean", include_self=False)
        return (best + mean) / 2


class Hierarchy:
    """Which classes are above, below and near a synset in WordNet's tree of kinds."""

    def __init__(self, wordnet: WordNet) -> None:
        self.wordnet = wordnet
        self.class_of = {each.offset: each.index for each in image_classes()}
        below: dict[int, set[int]] = {}
        for offset, index in self.class_of.items():
            for up in (offset, *wordnet.above(offset)):
                below.setdefault(up, set()).add(index)
        self.below = {up: torch.tensor(sorted(classes)) for up, classes in below.items()}

    @cached_property
    def information(self) -> dict[int, float]:
        """The information content, 0..1, of the synsets above classes (Resnik 1995)."""
        total = math.log(len(self.wordnet.nouns))
        return {
            up: 1 - math.log(1 + sum(1 for _ in self.wordnet.below(up))) / total
            for up in self.below
        }

    def classes(self, offset: int) -> Tensor | None:
        """The index of the class that a synset is or is below, else of all classes below it."""
        if offset in self.class_of:
            return torch.tensor([self.class_of[offset]])
        for up in self.wordnet.above(offset):
            if up in self.class_of:
                return torch.tensor([self.class_of[up]])
        return self.below.get(offset)

    def nearness(self, offset: int) -> Tensor:
        """Lin's similarity [1000], 0..1, of a synset, taken as a leaf, and each class."""
        row = torch.zeros(CLASSES)
        ups = [up for up in (offset, *self.wordnet.above(offset)) if up in self.below]
        for up in sorted(ups, key=self.information.__getitem__):
            row[self.below[up]] = self.information[up]
        return row


class Knowledge:
    """Meanings of synsets, of nouns, and of open text, as distributions [1000] that sum to 1."""

    def __init__(
        self,
        wordnet: WordNet,
        teacher: Teacher,
        looks: Tensor | None = None,
        numbers: TeacherNumbers = TeacherNumbers(),
    ) -> None:
        """``looks`` [1000, D] are the classifier's own vectors of its classes, if available."""
        self.wordnet = wordnet
        self.teacher = teacher
        self.numbers = numbers
        self.glosses: dict[int, Tensor] = {}
        self.wordings = Wordings(wordnet, teacher)
        self.hierarchy = Hierarchy(wordnet)
        self.looks = None if looks is None else F.normalize(looks - looks.mean(0), dim=1)
        self.scenes = read_scenes()
        self.scene_of = {
            wordnet.senses[word][0]: word for word in self.scenes if word in wordnet.senses
        }
        self.names = {
            each.plain_name.lower(): each.index for each in image_classes() if "(" not in each.name
        }
        self.verbs = frozenset(
            lemma for each in wordnet.others.get("verb", {}).values() for lemma in each.lemmas
        )

    def of_vectors(self, vectors: Tensor) -> Tensor:
        """The teacher's own distribution [N, 1000] for sentence vectors [N, 384]."""
        return (self.wordings.nearness(vectors) / self.numbers.temperature).softmax(1)

    def gloss_vectors(self, offsets: Sequence[int]) -> Tensor:
        """The teacher's vectors [N, 384] of noun synsets' glosses, cached."""
        missing = [each for each in offsets if each not in self.glosses]
        if missing:
            nouns = (self.wordnet.nouns[each] for each in missing)
            read = self.teacher.encode([f"{each.lemmas[0]}: {each.gloss}" for each in nouns])
            self.glosses.update(zip(missing, read, strict=True))
        return torch.stack([self.glosses[each] for each in offsets])

    def of_synsets(self, synsets: Sequence[Synset]) -> Tensor:
        """Distributions [N, 1000] for noun synsets."""
        glosses = self.gloss_vectors([each.offset for each in synsets])
        names = self.teacher.encode([each.lemmas[0] for each in synsets])
        nearness = (self.wordings.nearness(glosses) + self.wordings.nearness(names)) / 2
        return torch.stack([self._of_synset(*pair) for pair in zip(synsets, nearness, strict=True)])

    def _of_synset(self, synset: Synset, nearness: Tensor) -> Tensor:
        if synset.offset in self.scene_of:
            return self.scenes[self.scene_of[synset.offset]]
        classes = self.hierarchy.classes(synset.offset)
        if classes is not None:
            return self._typical(classes, nearness)
        near = nearness + self.numbers.hierarchy * self.hierarchy.nearness(synset.offset)
        own = (near / self.numbers.temperature).softmax(0)
        for up in self.wordnet.above(synset.offset):
            if up in self.scene_of:
                return (own + self.scenes[self.scene_of[up]]) / 2
        return own

    def _typical(self, classes: Tensor, nearness: Tensor) -> Tensor:
        score = nearness[classes]
        if self.looks is not None and len(classes) > 1:
            seen = self.looks[classes]
            score = score + self.numbers.looks * F.cosine_similarity(seen, seen.mean(0)[None])
        return torch.zeros(CLASSES).index_put((classes,), (score / self.numbers.typical).softmax(0))

    def sense_weights(self, lemma: str) -> dict[int, float]:
        """How likely each sense of a noun is what a prompt means, by offset; they sum to 1."""
        weights = {}
        for rank, offset in enumerate(self.wordnet.senses.get(lemma, ())):
            synset = self.wordnet.nouns[offset]
            weight = 0.5**rank
            if synset.topic not in VISIBLE_TOPICS:
                weight *= 0.3
            if synset.instance:
                weight *= 0.1
            if self.hierarchy.classes(offset) is not None:
                weight *= 3
            weights[offset] = weight
        total = sum(weights.values())
        return {offset: weight / total for offset, weight in weights.items()}


def read_scenes() -> dict[str, Tensor]:
    """Distributions [1000] of the words in ``scenes.tsv``."""
    by_name = {each.name: each.index for each in image_classes()}
    scenes = {}
    with SCENES.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            meaning = torch.zeros(CLASSES)
            for part in row["classes"].split(", "):
                name, _, weight = part.rpartition(" ")
                meaning[by_name[name]] += float(weight)
            for word in row["words"].split(", "):
                scenes[word] = meaning / meaning.sum()
    return scenes
