"""Which words a perceptor finds nearest to a picture, and prompts made of them.

The opposite of painting: there the picture moves towards the words, here the words are looked for.
Phrases (engine.models.phrases) are ranked by the cosine of their vector and the picture's, as in
CLIP's zero-shot classification (Radford et al. 2021, section 3.1.2). A prompt begins with a thing;
a place, light and a style are added one after the other, each only if the whole prompt then is
nearer to the picture: at the perceptor's scale, e times as likely in a softmax of both prompts.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from engine.models import Perceptor
from engine.models.phrases import Phrases, known_phrases

PROMPTS = 4
WORDS = 6
"""How many of the nearest things are named."""
_BATCH = 16  # texts that are encoded between two iterations of other jobs
_TRIED = 6  # phrases of a kind that are tried in a prompt
_GAIN = 1.0  # of a prompt with an addition, in logits
_LESS = 3.0  # of another thing than the nearest, in logits: it is a twentieth as likely
_SAME = 0.9  # the cosine of two names of the same thing

_vectors: WeakKeyDictionary[Perceptor, dict[str, Tensor]] = WeakKeyDictionary()
_phrases: WeakKeyDictionary[Perceptor, Phrases] = WeakKeyDictionary()


@dataclass(frozen=True)
class Description:
    """``prompts`` for a picture, the nearest first; ``words`` are the nearest things."""

    prompts: tuple[str, ...]
    words: tuple[str, ...]


def describe(perceptor: Perceptor, picture: Tensor) -> Description:
    """Describe ``picture`` [3, H, W], values in 0..1; see :func:`describing`."""
    work = describing(perceptor, picture)
    try:
        while True:
            next(work)
    except StopIteration as end:
        found: Description = end.value
        return found


def describing(perceptor: Perceptor, picture: Tensor) -> Generator[None, None, Description]:
    """The same in steps of up to 16 texts, between which other work can be done.

    The first description by a perceptor encodes all phrases, which are kept as long as it is.
    Without a phrase whose words it knows there are no prompts.
    """
    if perceptor not in _phrases:
        _phrases[perceptor] = known_phrases(perceptor.vocabulary)
        yield
    phrases = _phrases[perceptor]
    with torch.no_grad():
        whole = perceptor.squeezed(picture[None].to(perceptor.device))
        image = perceptor.read_image(whole)[0]
    ranked = []
    for some in phrases:
        texts = yield from _encoded(perceptor, some)
        order = (texts @ image).argsort(descending=True).tolist() if some else []
        ranked.append([some[place] for place in order])
    things, *additions = ranked
    subjects = _different(perceptor, image, things)
    prompts: list[str] = []
    for subject in subjects[: PROMPTS - 1]:
        prompts.append((yield from _extended(perceptor, image, subject, additions)))
    if len(subjects) > 1:
        prompts.append(f"{subjects[0]} + {subjects[1]}")
    for prompt in _variants(subjects[0], *additions) if subjects else ():
        if len(prompts) < PROMPTS and prompt not in prompts:
            prompts.append(prompt)
    return Description(tuple(prompts), tuple(things[:WORDS]))


def _encoded(perceptor: Perceptor, texts: Sequence[str]) -> Generator[None, None, Tensor]:
    """Unit vectors [len(texts), D]; a yield after each batch of those that were not kept."""
    kept = _vectors.setdefault(perceptor, {})
    missing = [text for text in texts if text not in kept]
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        with torch.no_grad():
            kept.update(zip(batch, perceptor.encode_text(batch), strict=True))
        yield
    if not texts:
        return torch.zeros(0, perceptor.width, device=perceptor.device)
    return torch.stack([kept[text] for text in texts])


def _different(perceptor: Perceptor, image: Tensor, things: Sequence[str]) -> list[str]:
    """The nearest of the things that a picture may show, without two names of one of them."""
    kept = _vectors[perceptor]
    chosen: list[str] = []
    for thing in things[: 4 * PROMPTS]:
        vector = kept[thing]
        if chosen and perceptor.scale * float((kept[chosen[0]] - vector) @ image) > _LESS:
            break
        if not any(_same(thing, other) or vector @ kept[other] > _SAME for other in chosen):
            chosen.append(thing)
    return chosen[:PROMPTS]


def _variants(
    subject: str, places: Sequence[str], lights: Sequence[str], styles: Sequence[str]
) -> list[str]:
    """The thing alone, with the nearest place, in the nearest light, and in the nearest styles."""
    return [
        subject,
        *(f"{subject} {place}" for place in places[:1]),
        *(f"{subject} {light}" for light in lights[:1]),
        *(f"{subject}, {style}" for style in styles[:PROMPTS]),
    ]


def _same(thing: str, other: str) -> bool:
    """Whether one name is a part of the other, as of "a cat" and "a tabby cat"."""
    one, two = (set(name.split()[1:] or [name]) for name in (thing, other))
    return one <= two or two <= one


def _extended(
    perceptor: Perceptor, image: Tensor, subject: str, additions: Sequence[Sequence[str]]
) -> Generator[None, None, str]:
    """The subject with a place, light and style, as far as each brings it nearer to ``image``."""
    places, lights, styles = additions
    prompt = subject
    vectors = yield from _encoded(perceptor, [subject])
    nearest = float(vectors[0] @ image)
    for form, phrases in (("{} {}", places), ("{} {}", lights), ("{}, {}", styles)):
        tried = [form.format(prompt, phrase) for phrase in phrases[:_TRIED]]
        if not tried:
            continue
        vectors = yield from _encoded(perceptor, tried)
        best = int((similar := vectors @ image).argmax())
        if perceptor.scale * (float(similar[best]) - nearest) > _GAIN:
            prompt, nearest = tried[best], float(similar[best])
    return prompt
