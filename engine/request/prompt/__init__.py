"""What people type as a prompt: parts with weights, flags, choices.

``grammar`` is the grammar that requests are stored in, ``peers`` translates other tools' syntax
into it, ``flags`` takes "--name value" out of the text, and ``choices`` expands "{red, blue} fox".
"""

from engine.request.prompt.choices import MAX_CHOICES, expand
from engine.request.prompt.flags import split_flags
from engine.request.prompt.grammar import MAX_PROMPTS, Prompt, parse_canonical
from engine.request.prompt.peers import canonical, parse_prompts

__all__ = [
    "MAX_CHOICES",
    "MAX_PROMPTS",
    "Prompt",
    "canonical",
    "expand",
    "parse_canonical",
    "parse_prompts",
    "split_flags",
]
