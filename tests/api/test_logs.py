"""What reaches the log is printable, and one line a message, whoever wrote parts of it."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import RunningGateway
from wasmverse.api.server import make_server
from wasmverse.processes.logs import MARGIN, PrintableFormatter, log_to_standard_error
from wasmverse.processes.server import bind
from wasmverse.settings import Settings

EVIL = "x\x1b[2J\x1b]0;owned\x07\r\nERROR forged \u202eline\n" + "y" * 100_000


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PrintableFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


def lines_of(stream: io.StringIO) -> list[str]:
    lines = stream.getvalue().split("\n")
    assert lines.pop() == ""
    assert all(line.isprintable() and len(line) < 3_000 for line in lines), lines
    return lines


def test_a_message_is_one_printable_line(written: io.StringIO) -> None:
    logging.getLogger("anybody").warning("a query %s", EVIL)
    [line] = lines_of(written)
    assert line.startswith("a query x\\x1b[2J\\x1b]0;owned\\x07\\r\\nERROR forged \\u202eline\\ny")


def test_a_traceback_forges_no_line(written: io.StringIO) -> None:
    try:
        raise ValueError(EVIL)
    except ValueError:
        logging.getLogger("anybody").exception("%s failed", "GET /\n")
    first, *trace = lines_of(written)
    assert first == "GET /\\n failed"
    assert all(line.startswith(MARGIN) for line in trace)
    assert any(line.startswith(f"{MARGIN}ERROR forged \\u202eline") for line in trace)


def test_an_endless_traceback_is_shortened(written: io.StringIO) -> None:
    try:
        raise ValueError("\n".join(map(str, range(100_000))))
    except ValueError:
        logging.getLogger("anybody").exception("failed")
    assert len(lines_of(written)) < 220


def test_a_path_of_a_stranger_reaches_the_log_as_text(
    gateway: RunningGateway, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: Any, **_named: Any) -> None:
        raise RuntimeError("\x1b[31m")

    monkeypatch.setattr(gateway.universe, "ask", broken)
    answer = gateway.http.delete("/api/v1/strategies/a%0A%1B%5B2Jforged")
    assert answer.status_code in {400, 404, 500}
    lines_of(written)


def test_uvicorn_writes_with_our_handler(gateway: RunningGateway) -> None:
    listening = bind("127.0.0.1", 0)
    with listening:
        make_server(gateway.app, Settings(), listening)
    for name in ("uvicorn", "uvicorn.error"):
        assert not logging.getLogger(name).handlers
        assert logging.getLogger(name).propagate


def test_the_handler_takes_the_place_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.Logger("root")
    root.addHandler(logging.NullHandler())
    monkeypatch.setattr(logging, "getLogger", lambda *_name: root)
    monkeypatch.setattr(logging, "captureWarnings", lambda _on: None)
    log_to_standard_error()
    [handler] = root.handlers
    assert isinstance(handler.formatter, PrintableFormatter)
    assert root.level == logging.WARNING
