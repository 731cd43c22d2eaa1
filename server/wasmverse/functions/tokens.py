"""The tokens of a statement about functions, by sqlglot's tokenizer for SingleStore's SQL, read from left to right.

It is Python and takes microseconds a token, so a text is refused when it is long, before it is looked at; what may be long in
it, modules in base64, has been cut out by then (`grammar`).
"""

from __future__ import annotations

import logging
from typing import NoReturn

import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from wasmverse.errors import CommandError
from wasmverse.text import one_line

TEXT_MAX = 16_000
"""Longest text, in characters, without its modules: 30 ms of processor time at most."""

SHOWN = 40

# Its warnings quote clients' texts, which would go to the server's error output unescaped.
logging.getLogger("sqlglot").disabled = True


class Tokens:
    """A statement as words, names, texts, numbers and signs.

    Words are compared without regard to case. A text in double quotes is a name where a name may stand, as in DuckDB's SQL.
    """

    def __init__(self, text: str) -> None:
        if len(text) > TEXT_MAX:
            raise CommandError(
                f"The statement has {len(text):,} characters without its modules, the limit is {TEXT_MAX:,}: send less"
            )
        try:
            self._tokens = sqlglot.tokenize(text, read="singlestore")
        except (SqlglotError, ValueError, IndexError) as error:
            raise CommandError(
                "You have an error in your SQL syntax: a quote or a comment is not closed, or a character cannot stand "
                f"there ({one_line(str(error), SHOWN)})"
            ) from None
        while self._tokens and self._tokens[-1].token_type == TokenType.SEMICOLON:
            self._tokens.pop()
        self._text = text
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        """Whether all of it has been read."""
        return self._at >= len(self._tokens)

    def peek(self, ahead: int = 0) -> str:
        """A word or sign in upper case, without taking it; '' for anything else, and at the end."""
        at = self._at + ahead
        if at >= len(self._tokens) or self._tokens[at].token_type in _NO_WORDS:
            return ""
        return self._tokens[at].text.upper()

    def takes(self, *words: str) -> bool:
        """Take these words or signs if they are next, all of them."""
        if any(self.peek(ahead) != word for ahead, word in enumerate(words)):
            return False
        self._at += len(words)
        return True

    def take(self, *words: str) -> None:
        """Take these words or signs; raises CommandError if something else is there."""
        for word in words:
            if not self.takes(word):
                self.wrong(word)

    def name(self, what: str) -> str:
        """Take a name, quoted or not, as it is written; ``what`` it is of, for the refusal."""
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            is_quoted = token.token_type == TokenType.IDENTIFIER or (
                token.token_type == TokenType.STRING and self._text[token.start] == '"'
            )
            if (is_quoted and token.text) or (token.token_type not in _NO_WORDS and _is_plain(token.text)):
                self._at += 1
                return token.text
        self.wrong(what)

    def text(self, what: str) -> str:
        """Take a text in quotes."""
        if self._at < len(self._tokens) and self._tokens[self._at].token_type == TokenType.STRING:
            self._at += 1
            return self._tokens[self._at - 1].text
        self.wrong(what)

    def number(self, what: str) -> int:
        """Take a whole number of at most 15 digits."""
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.token_type == TokenType.NUMBER and token.text.isdecimal() and len(token.text) <= 15:
                self._at += 1
                return int(token.text)
        self.wrong(what)

    def end(self) -> None:
        """Nothing may follow."""
        if not self.is_at_end:
            if self.peek() == ";":
                raise CommandError("Send one statement in each request")
            self.wrong("the end")

    def wrong(self, expected: str) -> NoReturn:
        """Refuse what is next."""
        found = "the end" if self.is_at_end else f"'{one_line(self._shown(), SHOWN)}'"
        raise CommandError(f"You have an error in your SQL syntax: found {found} where {expected} must stand")

    def _shown(self) -> str:
        return self._text[self._tokens[self._at].start :]


_NO_WORDS = frozenset(
    {
        TokenType.STRING,
        TokenType.IDENTIFIER,
        TokenType.NUMBER,
        TokenType.HEX_STRING,
        TokenType.BIT_STRING,
        TokenType.BYTE_STRING,
        TokenType.NATIONAL_STRING,
        TokenType.RAW_STRING,
        TokenType.HEREDOC_STRING,
        TokenType.UNICODE_STRING,
    }
)


def _is_plain(text: str) -> bool:
    """Whether a word can be a name without quotes; one with a space is a keyword of several words."""
    return text.isascii() and text.replace("_", "a").isalnum() and not text[0].isdigit()
