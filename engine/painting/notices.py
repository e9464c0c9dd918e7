"""Sentences for the person about the words of a prompt."""

from __future__ import annotations

from collections.abc import Sequence

from engine.models import Perceptor
from engine.models.vocabulary import unknown_notices
from engine.request.prompt import Prompt
from engine.translatable import Translatable


def prompt_notices(perceptor: Perceptor, prompts: Sequence[Prompt]) -> list[str]:
    """Sentences about words that the perceptor does not know or read."""
    readings = [(prompt, perceptor.tokenize(prompt.words)) for prompt in prompts]
    unknown = [word for _, tokens in readings for word in tokens.unknown]
    notices: list[str] = [*unknown_notices(unknown)]
    for prompt, tokens in readings:
        if tokens.cut:
            notices.append(
                Translatable(
                    'The prompt "{words}..." is {count} tokens longer than the {most} that '
                    "this model reads; its end was ignored.",
                    words=prompt.words[:40],
                    count=tokens.cut,
                    most=perceptor.tokenizer.room,
                )
            )
    return notices
