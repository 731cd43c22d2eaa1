"""Writes lexicon.h: the words that sentiment.c knows, as tables that need no start-up.

    python lexicon.py FOLDER > lexicon.h

FOLDER is that of the Python package vaderSentiment (MIT licence, C.J. Hutto and E. Gilbert 2014), with vader_lexicon.txt,
emoji_utf8_lexicon.txt and the lists in vaderSentiment.py. The same package gives the same bytes.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

SLOT_BITS = 15
SLOTS = 1 << SLOT_BITS
"""Of the hash table: four times the words, so that a word that is not there is told after 1.2 looks."""

BUT, NO, OR, NEVER, SO, WITHOUT, DOUBT, LEAST, AT, KIND, OF = (1 << bit for bit in range(11))
ROLES = {
    "but": BUT,
    "no": NO,
    "or": OR,
    "nor": OR,
    "never": NEVER,
    "so": SO,
    "this": SO,
    "without": WITHOUT,
    "doubt": DOUBT,
    "least": LEAST,
    "at": AT,
    "very": AT,
    "kind": KIND,
    "of": OF,
}
"""What a word means to the words around it. In C the names are the first word of each role, in capitals."""

IN_LEXICON, NEGATES, IN_PHRASE = (1 << bit for bit in range(3))


class Words:
    """All words that mean something, by their number; 0 is any other word."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {"": 0}
        self.tenths = [0]
        self.boosts = [0]
        self.flags = [0]

    def number(self, word: str) -> int:
        """The number of a word, which gets one."""
        if word not in self.numbers:
            self.numbers[word] = len(self.numbers)
            self.tenths.append(0)
            self.boosts.append(0)
            self.flags.append(0)
        return self.numbers[word]


class _Constants(ast.NodeTransformer):
    """Puts values in place of the names that they were given before."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.copy_location(ast.Constant(self._values[node.id]), node)


def lists_of(module: Path) -> dict[str, Any]:
    """The constants at the top of vaderSentiment.py; nothing of it is run."""
    values: dict[str, Any] = {}
    for node in ast.parse(module.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                values[node.targets[0].id] = ast.literal_eval(_Constants(values).visit(node.value))
            except (ValueError, KeyError):
                continue  # made by a call, such as a regular expression
    return values


def slot_of(word: bytes) -> int:
    """Where sentiment.c looks for a word first, by its first sixteen bytes: two numbers of 64 bits, multiplied and added."""
    one, two = (int.from_bytes(word[at : at + 8], "little") for at in (0, 8))
    value = (one + two * 0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93 & (1 << 64) - 1
    return value >> 64 - SLOT_BITS


def table(type_: str, name: str, values: Iterable[int]) -> str:
    """A constant array in C."""
    return f"static const {type_} {name}[] = {{{','.join(map(str, values))}}};"


KNOWN = "uint32_t offset; uint16_t roles; uint8_t length; int8_t tenths, boost; uint8_t flags, phrase;"
"""What is known of a word, all in one place: where its letters are in the pool, what it means to others, and so on."""


def braced(values: Iterable[int]) -> str:
    """A structure in C."""
    return f"{{{','.join(map(str, values))}}}"


def rows(path: Path) -> Iterator[tuple[str, str]]:
    """The first two columns of a file."""
    for line in path.read_text("utf-8").split("\n"):
        if line.strip():
            first, second, *_ = line.strip().split("\t")
            yield first, second


def header(folder: Path) -> str:
    """The text of lexicon.h."""
    lists = lists_of(folder / "vaderSentiment.py")
    words = Words()
    for word, valence in rows(folder / "vader_lexicon.txt"):
        number = words.number(word)
        words.tenths[number] = round(float(valence) * 10)
        assert words.tenths[number] / 10 == float(valence), (word, valence)
        words.flags[number] |= IN_LEXICON
    for word in lists["NEGATE"]:
        words.flags[words.number(word)] |= NEGATES
    boosters = lists["BOOSTER_DICT"]
    for word, boost in boosters.items():
        if " " not in word:
            words.boosts[words.number(word)] = 1 if boost > 0 else -1
    phrases = [(text.split(), round(valence * 10), 0) for text, valence in lists["SPECIAL_CASES"].items()]
    phrases += [(text.split(), 0, 1 if boost > 0 else -1) for text, boost in boosters.items() if " " in text]
    phrases = [phrase for phrase in phrases if len(phrase[0]) > 1]
    for parts, _tenths, _boost in phrases:
        for part in parts:
            words.flags[words.number(part)] |= IN_PHRASE
    for word in ROLES:
        words.number(word)

    emoji = {
        ord(character): text
        for character, text in rows(folder / "emoji_utf8_lexicon.txt")
        if len(character) == 1
    }
    spelt, starts = [], [0]
    for code in sorted(emoji):
        spelt += [words.numbers.get(word.lower(), 0) for word in emoji[code].split()]
        starts.append(len(spelt))

    slots = [0] * SLOTS
    pool = b""
    offsets, lengths = [], []
    for word, number in words.numbers.items():
        encoded = word.encode()
        offsets.append(len(pool))
        lengths.append(len(encoded))
        pool += encoded
        if number:
            slot = slot_of(encoded)
            while slots[slot]:
                slot = (slot + 1) % SLOTS
            slots[slot] = number
    pool += bytes(16)  # sixteen bytes are loaded of the last word too
    roles = [ROLES.get(word, 0) for word in words.numbers]
    phrases.sort(key=lambda phrase: words.numbers[phrase[0][0]])
    triples = [(*(words.numbers[part] for part in parts), 0)[:3] for parts, _tenths, _boost in phrases]
    begin = [triple[0] for triple in triples]
    firsts = [begin.index(number) + 1 if number in begin else 0 for number in words.numbers.values()]
    known = zip(offsets, roles, lengths, words.tenths, words.boosts, words.flags, firsts, strict=True)
    named = {role: word.upper() for word, role in reversed(ROLES.items())}
    return "\n".join(
        [
            "// Written by lexicon.py from the package vaderSentiment (MIT): do not edit.",
            f"enum {{ SLOTS = {SLOTS}, SLOT_BITS = {SLOT_BITS}, LONGEST = {max(lengths)} }};",
            f"enum {{ PHRASES = {len(phrases)}, EMOJI = {len(emoji)} }};",
            f"enum {{ {', '.join(f'{name} = {role}' for role, name in sorted(named.items()))} }};",
            f"enum {{ IN_LEXICON = {IN_LEXICON}, NEGATES = {NEGATES}, IN_PHRASE = {IN_PHRASE} }};",
            table("uint16_t", "slots", slots),
            f"typedef struct {{ {KNOWN} }} Known;",
            f"static const Known lexicon[] = {{{','.join(map(braced, known))}}};",
            table("uint8_t", "pool", pool),
            table("uint16_t", "phrases", (number for triple in triples for number in triple)),
            table("int8_t", "phrase_tenths", (tenths for _parts, tenths, _boost in phrases)),
            table("int8_t", "phrase_boosts", (boost for _parts, _tenths, boost in phrases)),
            table("uint32_t", "emoji", sorted(emoji)),
            table("uint16_t", "emoji_starts", starts),
            table("uint16_t", "emoji_words", spelt),
            "",
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(header(Path(sys.argv[1])))
