"""The server's log: lines on standard error. Strangers' text in them can neither forge a line nor move a terminal's cursor."""

from __future__ import annotations

import logging
import sys

from wasmverse.text import printable

MESSAGE_LENGTH_MAX = 2_000
TRACE_LINES_MAX = 200
MARGIN = "  | "
"""Put before every line of a traceback, whose last lines may contain a stranger's message: so none looks like a message of
ours."""


class PrintableFormatter(logging.Formatter):
    """A message in one line, and a traceback after a margin; both as printable text."""

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
    """Write warnings and errors of this process, also those of libraries."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrintableFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
