"""A server's blocked words: found in prompts as whole words, even when disguised.

An entry is a word, a phrase or, after ``regex:``, an RE2 expression, which takes linear time in the
text. ``*`` at its start or end stands for the rest of a word, as in Discord's AutoMod; after
``forms:`` an entry also matches its inflections, and letters that are typed several times. Entries
and text are folded in the same way: case, accents, full-width and other styled letters, look-alike
letters of other alphabets, and invisible characters. An entry matches from the start of a word to
the end of one, and also

- with punctuation between its letters ("b.a.d"), or spaces between single letters ("b a d");
- with digits and signs in place of letters ("b4d", "sh!t"), if at least one letter is left;
- for a phrase, with any run of spaces and punctuation between its words.

"Scunthorpe" is one word and contains no other. In scripts without spaces between words an entry
matches anywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import re2

from bot.errors import SettingError
from bot.guild.inflections import forms_of
from bot.guild.look_alikes import LOOK_ALIKES
from bot.language import _

REGEX, FORMS, STAR = "regex:", "forms:", "*"
MAX_ENTRIES, MAX_LENGTH = 1000, 100
_MEMORY = 1 << 20  # bytes of memory that RE2 may use for one expression

# fmt: off
_SWAPS = {"0": "o", "1": "il", "!": "il", "|": "il", "3": "e", "4": "a", "@": "a", "5": "s",
          "$": "s", "7": "t", "8": "b", "9": "g", "6": "g", "€": "e", "+": "t"}
# fmt: on
# The most readings of one entry that has signs in it.
_READINGS = 16
_LEAST_SPACED = 3
_LEAST_STARRED = 3  # letters; "*a*" would match nearly every prompt

# Blank characters that Unicode classifies as letters, symbols or format characters.
_BLANK = dict.fromkeys((0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0))
_KANA_MARKS = "\u3099\u309a"  # they change the sound, so they stay
_UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def fold(text: str) -> str:
    """Return ``text`` in lower case, without accents, styles and invisible characters."""
    if text.isascii():
        return text.lower()
    # Remove marks before folding case too, because one of them folds to a letter.
    folded = _bare(_bare(text.translate(_BLANK)).casefold())
    return unicodedata.normalize("NFC", folded.translate(LOOK_ALIKES).translate(_BLANK))


def _bare(text: str) -> str:
    """Return the decomposed letters without combining marks and format characters."""
    return "".join(
        c
        for c in unicodedata.normalize("NFKD", text)
        if c in _KANA_MARKS or unicodedata.category(c) not in ("Mn", "Me", "Cf")
    )


@dataclass
class _Node:
    """A node in the tree of all entries, letter by letter; " " is any gap between words."""

    next: dict[str, _Node] = field(default_factory=dict)
    entry: str | None = None
    start_entry: str | None = None  # of an entry that ends with a star


class _Tree:
    """Entries that are searched for in the same way.

    ``inside`` says that they can start within a word, ``repeats`` that letters can be repeated.
    """

    def __init__(self, *, inside: bool = False, repeats: bool = False) -> None:
        self.root = _Node()
        self.inside = inside
        self.repeats = repeats

    def first(self) -> frozenset[str]:
        """Return the characters that an entry can start with, also disguised."""
        starts = self.root.next
        signs = (sign for sign, letters in _SWAPS.items() if any(c in starts for c in letters))
        return frozenset((*starts, *signs))


class BlockedWords:
    """A compiled list of entries; raises SettingError if one of them is unusable."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._whole, self._inside = _Tree(), _Tree(inside=True)
        self._forms = _Tree(repeats=True)
        self._expressions = []
        for entry in entries:
            if entry.startswith(REGEX):
                self._expressions.append((entry, _expression(entry)))
            elif entry.startswith(FORMS):
                for form in forms_of(fold(entry[len(FORMS) :])):
                    _insert(self._forms.root, form, entry)
            else:
                tree = self._inside if entry.startswith(STAR) else self._whole
                _insert(tree.root, entry, entry)
        self._trees = [
            (tree, tree.first())
            for tree in (self._whole, self._inside, self._forms)
            if tree.root.next
        ]

    def find(self, text: str) -> str | None:
        """Return the first entry found in ``text``, as it was entered, or None."""
        # RE2 rejects lone surrogates; they count as signs.
        text = text.encode("utf-8", "replace").decode("utf-8")
        folded = fold(text)
        for tree, first in self._trees:
            bound = True
            for i, character in enumerate(folded):
                if character in first and (bound or tree.inside or _unspaced(character)):
                    found = _entry_at(tree, folded, i)
                    if found is not None:
                        return found
                bound = not _in_word(character)
        for entry, expression in self._expressions:
            if expression.search(folded) or expression.search(text):
                return entry
        return None


def _insert(root: _Node, text: str, entry: str) -> None:
    """Add ``text`` to a tree as a reading of ``entry``; raises SettingError if it has no letter."""
    words = [[c for c in word if c.isalnum() or c in _SWAPS] for word in fold(text).split()]
    words = [word for word in words if word]
    if not any(c.isalnum() for word in words for c in word):
        raise SettingError(_('"{entry}" has no letters or digits. Enter a word.', entry=entry))
    readings = [""]
    for i, word in enumerate(words):
        if i:
            readings = [reading + " " for reading in readings]
        swaps = any(c.isalpha() for c in word)
        for c in word:
            choices = c + (_SWAPS.get(c, "") if swaps and not c.isalpha() else "")
            readings = [r + choice for r in readings for choice in choices][:_READINGS]
    for reading in readings:
        node = root
        for c in reading:
            node = node.next.setdefault(c, _Node())
        if text.endswith(STAR):
            node.start_entry = node.start_entry or entry
        else:
            node.entry = node.entry or entry


def _entry_at(tree: _Tree, text: str, start: int) -> str | None:
    """Return the entry that matches at ``start``, or None."""
    states = [_State(start, tree.root)]
    seen = set()
    while states:
        state = states.pop()
        key = (state.at, id(state.node), *state[2:])
        if key in seen:
            continue
        seen.add(key)
        found = state.accepted(text)
        if found is not None:
            return found
        if state.at < len(text):
            previous = text[state.at - 1] if tree.repeats and state.at > start else ""
            states.extend(_followers(state, text[state.at], previous))
    return None


class _State(NamedTuple):
    """A position in the text and the tree.

    ``run`` counts the letters since the last skipped sign (2 means 2 or more), ``alone`` says
    whether each letter before in this word stood alone, ``spaced`` whether spaces between them were
    skipped, and ``gap`` whether the position is between two words of a phrase.
    """

    at: int
    node: _Node
    run: int = 0
    alone: bool = True
    spaced: bool = False
    gap: bool = False
    letters: int = 0  # matched unchanged; counted up to 3
    swapped: int = 0

    def accepted(self, text: str) -> str | None:
        """Return the entry that ends here: at the end of a word, unless it has a star there."""
        node = self.node
        if (node.entry is None and node.start_entry is None) or (self.swapped and not self.letters):
            return None
        if self.spaced and self.letters + self.swapped < _LEAST_SPACED:
            return None
        if node.entry is not None and _ends(text, self.at):
            return node.entry
        return node.start_entry


def _followers(state: _State, c: str, previous: str) -> Iterator[_State]:
    """Yield the states after ``c``; ``previous`` is the letter that it may repeat, or ""."""
    at, node, run, alone, spaced, gap, letters, swapped = state
    if not (spaced and run):  # spaced letters must stand alone
        longer = min(run + 1, 2)
        if run and c == previous:
            yield _State(at + 1, node, longer, alone, spaced, False, letters, swapped)
        child = None if c == " " else node.next.get(c)
        if child is not None:
            yield _State(
                at + 1, child, longer, alone, spaced, False, min(letters + c.isalpha(), 3), swapped
            )
        for other in _SWAPS.get(c, ""):
            child = node.next.get(other)
            if child is not None:
                yield _State(
                    at + 1, child, longer, alone, spaced, False, letters, min(swapped + 1, 3)
                )
    if c.isalnum() or not (letters or swapped or run):
        return
    between = node.next.get(" ")
    if between is not None:
        yield _State(at + 1, between, 0, True, False, True, letters, swapped)
    alone = alone and run < 2
    if gap or not c.isspace():
        yield _State(at + 1, node, 0, alone, spaced, gap, letters, swapped)
    elif alone:
        yield _State(at + 1, node, 0, alone, True, gap, letters, swapped)


@lru_cache(maxsize=128)
def blocked_words(entries: tuple[str, ...]) -> BlockedWords:
    """Return the compiled list of ``entries``, cached for the server's next prompt."""
    return BlockedWords(entries)


def check_entry(entry: str) -> str:
    """Return the entry as it is stored; raises SettingError if it is unusable."""
    if not isinstance(entry, str):
        raise SettingError(_("A blocked word must be text, not {value}.", value=repr(entry)[:40]))
    entry = entry.encode("utf-8", "replace").decode("utf-8")
    entry = " ".join(entry.split()) if not entry.startswith(REGEX) else entry.strip()
    if len(entry) > MAX_LENGTH:
        raise SettingError(
            _(
                '"{entry}..." has {length} characters; a blocked word can have at most {most}.',
                entry=entry[:20],
                length=len(entry),
                most=MAX_LENGTH,
            )
        )
    _check_marks(entry)
    BlockedWords([entry])
    return entry


def _check_marks(entry: str) -> None:
    """Raise SettingError for a star that would have no meaning."""
    if entry.startswith(REGEX) or STAR not in entry:
        return
    if entry.startswith(FORMS):
        raise SettingError(_('"{entry}" has a star and forms. Use one of the two.', entry=entry))
    word = entry.removeprefix(STAR).removesuffix(STAR)
    if STAR in word:
        raise SettingError(
            _(
                '"{entry}": a star works only at the start or the end, as in *word*. For anything '
                "else use regex:.",
                entry=entry,
            )
        )
    letters = [c for c in word if c.isalnum()]
    if letters and len(letters) < _LEAST_STARRED and not any(map(_unspaced, letters)):
        raise SettingError(
            _(
                '"{entry}" matches too much: a word with a star needs at least {least} letters.',
                entry=entry,
                least=_LEAST_STARRED,
            )
        )


def _expression(entry: str) -> re2._Regexp[str]:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    options.max_mem = _MEMORY
    pattern = entry[len(REGEX) :].strip()
    try:
        expression = re2.compile(pattern, options)
    except re2.error as error:
        raise SettingError(
            _(
                '"{pattern}" isn\'t a valid RE2 expression ({reason}).',
                pattern=pattern,
                reason=_reason(error),
            )
        ) from None
    if expression.search("") is not None:
        raise SettingError(
            _(
                '"{pattern}" matches every prompt, even an empty one. Use a narrower expression.',
                pattern=pattern,
            )
        )
    return expression


def _reason(error: re2.error) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _unspaced(character: str) -> bool:
    code = ord(character)
    return code >= 0x0E00 and any(low <= code <= high for low, high in _UNSPACED)


def _in_word(character: str) -> bool:
    return character.isalnum() and not _unspaced(character)


def _ends(text: str, i: int) -> bool:
    """Whether a word ends at ``i``."""
    return i == len(text) or not _in_word(text[i]) or _unspaced(text[i - 1])
