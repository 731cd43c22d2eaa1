"""One word for one idea (docs/glossary.md): the words that it retires are used nowhere."""

import re
from functools import cache

import pytest

from tests.test_docs import FILES, ROOT, name_of

GLOSSARY = ROOT / "docs/glossary.md"
KINDS = {".css", ".html", ".md", ".mjs", ".py", ".sql", ".toml", ".ts", ".wit", ".yml"}
RETIRED = [
    word
    for row in GLOSSARY.read_text("utf-8").partition("## Words that are not used")[2].splitlines()
    for word in re.findall(r"`([^`]+)`", row.split(" | ")[0])
]
BREAK = re.compile(r"\s*\n\s*(?:(?:#|//|\*|--|>)\s)?\s*")
"""The end of a line within a sentence, with what begins the next line of a comment."""


@cache
def texts() -> dict[str, str]:
    """Every file that people read, each as one line; the glossary and this file left out."""
    read = [path for path in FILES if path.suffix in KINDS or path.name in {"Makefile", "Dockerfile"}]
    others = [path for path in read if path not in {GLOSSARY, ROOT / "tests/test_words.py"}]
    return {name_of(path): BREAK.sub(" ", path.read_text("utf-8")) for path in others}


def is_in(text: str, word: str) -> bool:
    """Whether a text of one line has a word or phrase, also as a part of a name in snake case."""
    pattern = re.escape(word).replace(r"\ ", "[ _]")
    return re.search(rf"(?<![A-Za-z]){pattern}(?![A-Za-z])", text, re.IGNORECASE) is not None


def test_the_glossary_retires_words() -> None:
    assert {"anew", "put in order", "made over"} <= set(RETIRED)
    assert len(texts()) > 300


@pytest.mark.parametrize("word", RETIRED)
def test_a_retired_word_is_used_nowhere(word: str) -> None:
    assert [name for name, text in texts().items() if is_in(text, word)] == []


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("the state is read anew.", True),
        ("Rows are put in\n    # order beside it", True),
        ("self.is_made_over = False", True),
        ("renewed", False),
        ("nothing is put in the order", False),
    ],
)
def test_words_are_found_as_they_are_written(text: str, is_found: bool) -> None:
    assert any(is_in(BREAK.sub(" ", text), word) for word in RETIRED) is is_found
