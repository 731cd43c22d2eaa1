"""What reaches the log is printable, and one line a message, whoever wrote parts of it."""

import io
import logging
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.api.conftest import RunningGateway
from wasmverse.api.server import make_server
from wasmverse.cli.serve import _tell_in_json
from wasmverse.processes.logs import (
    EVENT_LINES_MAX,
    EVENT_SECONDS,
    MARGIN,
    JsonFormatter,
    PrintableFormatter,
    Sparing,
    TextFormatter,
    log_to_standard_error,
)
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
    root, ours = logging.Logger("root"), logging.Logger("wasmverse")
    root.addHandler(logging.NullHandler())
    monkeypatch.setattr(logging, "getLogger", lambda name=None: ours if name else root)
    monkeypatch.setattr(logging, "captureWarnings", lambda _on: None)
    log_to_standard_error()
    [handler] = root.handlers
    assert isinstance(handler.formatter, PrintableFormatter)
    assert (root.level, ours.level) == (logging.WARNING, logging.INFO)


TOKEN = "wv_QmFzZTY0VG9rZW5PZk91cnM"


def record(message: str, **extra: Any) -> logging.LogRecord:
    made = logging.getLogger("anybody").makeRecord(
        "anybody", logging.INFO, "", 0, message, (), None, extra=extra
    )
    made.created = 1_900_000_000.25
    return made


def test_a_line_has_its_time_and_event_as_text_or_json() -> None:
    told = record(f"pushed {EVIL}", event="upload", who="ada\n", bytes=7, reason=None)
    text = TextFormatter().format(told)
    assert text.startswith("2030-03-17T17:46:40.250Z info upload: pushed x\\x1b[2J")
    line = JsonFormatter().format(told)
    assert "\n" not in line
    found = orjson.loads(line)
    assert found.pop("message").startswith("pushed x\\x1b[2J")
    assert found == {
        "time": "2030-03-17T17:46:40.250Z",
        "level": "info",
        "logger": "anybody",
        "event": "upload",
        "who": "ada\\n",
        "bytes": 7,
        "reason": None,
    }
    try:
        raise ValueError("why")
    except ValueError:
        told.exc_info = sys.exc_info()
    assert orjson.loads(JsonFormatter().format(told))["trace"][-1] == "ValueError: why"


def test_what_belongs_to_an_event_may_have_parts() -> None:
    parts = {"names": [EVIL[:6], TOKEN], "bytes": 7, "is_enabled": False}
    found = orjson.loads(JsonFormatter().format(record("done", event="command", arguments=parts)))
    assert found["arguments"] == {
        "names": ["x\\x1b[2J\\x1b", "[secret]"],
        "bytes": 7,
        "is_enabled": False,
    }


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_greeting_among_json_is_a_line_and_shown_to_a_person(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    is_terminal: bool,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    greeting = f"turn 7\nhttp://localhost:8000/#token={TOKEN}"
    with caplog.at_level(logging.INFO, "wasmverse"):
        _tell_in_json(greeting)
    [told] = [line for line in caplog.records if line.name == "wasmverse.cli.serve"]
    line = orjson.loads(JsonFormatter().format(told))
    assert line["message"] == "turn 7; http://localhost:8000/#token=[secret]"
    assert capsys.readouterr().out == (f"{greeting}\n" if is_terminal else "")


@pytest.mark.parametrize("formatter", [PrintableFormatter(), TextFormatter(), JsonFormatter()])
@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        "Authorization: Bearer abcdefgh12345678",
        "basic YWRhOnNlY3JldA==",
        "postgresql://ada:s3cret@h/sky",
    ],
)
def test_no_line_has_a_secret(formatter: logging.Formatter, secret: str) -> None:
    hidden = secret.rsplit(maxsplit=1)[-1] if "//" not in secret else "s3cret"
    made = record(f"somebody sent {secret} to us", event="x", who=secret)
    try:
        raise ValueError(secret)
    except ValueError:
        made.exc_info = sys.exc_info()
    shown = formatter.format(made)
    assert hidden not in shown
    assert "somebody sent" in shown and "to us" in shown


def test_what_is_refused_again_and_again_does_not_fill_the_disk() -> None:
    now = [0.0]
    sparing = Sparing(lambda: now[0])

    def passed(event: str | None) -> int:
        return sum(sparing.filter(record("no", event=event)) for _ in range(100))

    assert passed("rate limit") == EVENT_LINES_MAX
    assert passed("rate limit") == 0
    assert passed("refusal") == EVENT_LINES_MAX, "each event has its own"
    assert passed("access") == passed(None) == 100
    now[0] = EVENT_SECONDS
    first = record("no", event="rate limit")
    assert sparing.filter(first)
    assert first.getMessage() == f"no ({200 - EVENT_LINES_MAX} more of these were not written)"
