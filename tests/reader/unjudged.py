"""Readers that run any SELECT that begins with ``/* unjudged */``: what the check would refuse, so that what stands
behind the check can be tested."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

MARK = "/* unjudged */ "

_SITE = f"""
import signal
# As a reader does before it starts a thread: engines that are imported here start some, which a reader's alarm would end.
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGALRM}})
from wasmverse.reader import statement
judge = statement.Checker._judge
def _judge(self, sql):
    if not sql.startswith({MARK!r}):
        return judge(self, sql)
    [parsed] = self._connection.extract_statements(sql)
    return statement.Checked(parsed, sql, 0, True)
statement.Checker._judge = _judge
"""


def let_unjudged_pass(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the readers that are started from now on do so: Python runs this file first in every process."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_SITE)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
