"""The server's log: lines on standard error. What strangers wrote in them neither forges a line nor moves a terminal's cursor."""

from __future__ import annotations

import logging
import sys

from wasmverse.text import printable

MESSAGE_LENGTH_MAX = 2_000
TRACE_LINES_MAX = 200
MARGIN = "  | "
"""In front of every line of a traceback, whose last ones hold a message of anybody's: none looks like a message of ours."""


class PrintableFormatter(logging.Formatter):
    """A message in one line, and a traceback behind a margin; both as printable text."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as it is written."""
        lines = [printable(record.getMessage(), MESSAGE_LENGTH_MAX)]
        if record.exc_info:
            trace = self.formatException(record.exc_info).split("\n")
            left_out = len(trace) - TRACE_LINES_MAX
            if left_out > 0:
                trace[TRACE_LINES_MAX // 2 : -TRACE_LINES_MAX // 2] = [f"... {left_out} lines ..."]
            lines += (MARGIN + printable(line, MESSAGE_LENGTH_MAX) for line in trace)
        return "\n".join(lines)


def log_to_standard_error() -> None:
    """Write warnings and worse of this process, of all libraries too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrintableFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
