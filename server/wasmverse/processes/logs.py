"""The server's log: lines on standard error. Strangers' text in them can neither forge a line nor move a terminal's cursor, and
no line has a secret.

Who logs an event gives its name and what belongs to it as ``extra``: ``log.info("...", extra={"event": "upload", "who": name})``.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from wasmverse.text import printable

MESSAGE_LENGTH_MAX = 2_000
TRACE_LINES_MAX = 200
MARGIN = "  | "
"""Put before every line of a traceback, whose last lines may contain a stranger's message: so none looks like a message of
ours."""

EVENT_LINES_MAX = 60
EVENT_SECONDS = 60.0
"""Lines of one event within so many seconds: whoever sends what is refused cannot fill the disk."""

_SECRET = re.compile(
    r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=_.~-]{8,}|\bwv_[A-Za-z0-9_-]{8,}|(?<=//)[^\s/@:]+:[^\s/@]+(?=@)"
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def without_secrets(text: str) -> str:
    """``text`` without tokens, credentials of an Authorization header, and passwords in URLs."""
    return _SECRET.sub("[secret]", text)


class PrintableFormatter(logging.Formatter):
    """A message in one line, and a traceback after a margin; both as printable text."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as it is written."""
        return "\n".join([self._message(record), *(MARGIN + line for line in self._trace(record))])

    def _message(self, record: logging.LogRecord) -> str:
        return printable(without_secrets(record.getMessage()), MESSAGE_LENGTH_MAX)

    def _trace(self, record: logging.LogRecord) -> list[str]:
        if not record.exc_info:
            return []
        trace = self.formatException(record.exc_info).split("\n")
        left_out = len(trace) - TRACE_LINES_MAX
        if left_out > 0:
            trace[TRACE_LINES_MAX // 2 : -TRACE_LINES_MAX // 2] = [f"... {left_out} lines ..."]
        return [printable(without_secrets(line), MESSAGE_LENGTH_MAX) for line in trace]


class TextFormatter(PrintableFormatter):
    """The same after the time (UTC), the level, and the event if it is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as it is written."""
        event = getattr(record, "event", None)
        told = f"{event}: " if event else ""
        return f"{_moment(record)} {record.levelname.lower()} {told}{super().format(record)}"


class JsonFormatter(PrintableFormatter):
    """An object of JSON: ``time``, ``level``, ``logger``, ``message``, what belongs to the event, and ``trace`` of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as it is written."""
        told = {name: _plain(value) for name, value in vars(record).items() if name not in _STANDARD}
        line = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record),
            **told,
        }
        if trace := self._trace(record):
            line["trace"] = trace
        return orjson.dumps(line).decode()


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 1 << 63):
        return value
    if isinstance(value, dict):  # a command's arguments
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return printable(without_secrets(str(value)))


class Sparing(logging.Filter):
    """Passes so many lines of each event within a while; the first one of the next while says how many were left out."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._whiles: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        event = getattr(record, "event", None)
        if event is None or event == "access":  # an access log is asked for, and is whole
            return True
        now = self._now()
        since, count = self._whiles.get(event, (now, 0))
        left_out = 0
        if now - since >= EVENT_SECONDS:
            left_out = max(0, count - EVENT_LINES_MAX)
            since, count = now, 0
        self._whiles[event] = since, count + 1
        if left_out:
            record.msg = f"{record.getMessage()} ({left_out} more of these were not written)"
            record.args = ()
        return count < EVENT_LINES_MAX


def log_to_standard_error(form: Literal["text", "json"] = "text") -> None:
    """Write what happens in this process, and warnings and errors of libraries."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    handler.addFilter(Sparing())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("wasmverse").setLevel(logging.INFO)
    logging.captureWarnings(True)
