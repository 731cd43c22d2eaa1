"""Whether a query stays within parentheses of ours: a dry run asks for more columns around what a client sent.

Two dialects are tried in turn, and they disagree about what a comment or a text is. So the query must keep within its parentheses
however it is read; one that is written as people write does.
"""

from __future__ import annotations

import itertools
import re

from wasmverse.errors import FunctionError

_ALWAYS = (r"/\*", r'"(?:[^"]|"")*"', r"'(?:[^']|'')*'", r"`[^`]*`", r"[()'\"`]")
_COMMENTS = (r"--[^\n\r]*", r"--[^\n]*")
_HASHES = ((), (r"\#[^\n]*",))
_TAG = r"\$(?:[^\W\d]\w*)?\$"
_DOLLARS = (
    (),
    (rf"(?P<tag>{_TAG})",),
    (rf"(?P<tag>(?<![\w$]){_TAG})",),
)  # within a name it is no tag for some
_READINGS = [
    re.compile("|".join([comment, *hashes, *dollars, *_ALWAYS]), re.DOTALL)
    for comment, hashes, dollars in itertools.product(_COMMENTS, _HASHES, _DOLLARS)
]
"""What decides where parentheses are: comments, names and texts, in which they are none. What is left open is a piece alone. The
gateway itself reads these texts, so it looks at each character a few times at most."""

_TAGS = re.compile(rf"(?=({_TAG}))")
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_COMMENT = re.compile(r"/\*|\*/")


def check_enclosed(sql: str) -> None:
    """Refuse a query that closes a parenthesis which it did not open, or that leaves one, a text or a comment open.

    Raises
    ------
    FunctionError : it does so in one of the ways in which it may be read.
    """
    for text in {sql, _ESCAPED.sub("x", sql)}:
        if not all(_is_enclosed(text, reading) for reading in _READINGS):
            raise FunctionError(
                "the query of the arguments closes a parenthesis that it did not open, or leaves one, a text or a comment open: "
                "send one whole SELECT, without such signs in its comments and texts"
            )


def _is_enclosed(sql: str, reading: re.Pattern[str]) -> bool:
    depth = at = 0
    # Where each tag stands last: one that nothing closes is not looked for again and again.
    last = {found[1]: found.start() for found in _TAGS.finditer(sql)}
    while found := reading.search(sql, at):
        at = found.end()
        piece = found[0]
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth -= 1
            if depth < 0:
                return False
        elif piece == "/*":
            at = _end_of_comment(sql, at)
            if not at:
                return False
        elif piece in {"'", '"', "`"}:
            return False
        elif found.lastgroup == "tag":
            is_closed = last[piece] >= at
            at = sql.index(piece, at) + len(piece) if is_closed else found.start() + 1
    return depth == 0


def _end_of_comment(sql: str, at: int) -> int:
    """Where a comment ends that began before, with all those within it; 0 if it does not."""
    depth = 1
    while found := _COMMENT.search(sql, at):
        at = found.end()
        depth += 1 if found[0] == "/*" else -1
        if not depth:
            return at
    return 0
