"""What strangers wrote reaches a terminal as printable text only: no colours, no cursor, no forged lines."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from typer.testing import CliRunner

from wasmverse.cli.main import app
from wasmverse.simulation.beginning import BUNDLED_FOLDER

ESCAPES = "\x1b[2J\x1b]0;owned\x07\nforged line\r\x9b31m\u202e"
ROW = {
    "name": f"mine{ESCAPES}",
    "version": 1,
    "sha256": "0" * 64,
    "bytes": 10,
    "language": f"C{ESCAPES}",
    "author": f"[bold]eve[/bold]{ESCAPES}",
    "status": "flying",
    "is_enabled": True,
    "budget_fuel": 50_000,
}


class Hostile(BaseHTTPRequestHandler):
    """A server that answers what ``answer`` holds: a status and a JSON value."""

    answer: ClassVar[tuple[int, object]] = (200, {})

    def do_GET(self) -> None:
        status, value = self.answer
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def hostile() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Hostile)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def check_printable(text: str, lines: int | None = None) -> None:
    assert all(line.isprintable() for line in text.split("\n"))
    assert lines is None or text.count("\n") == lines


def test_strategy_list_shows_hostile_rows_on_one_line_each(hostile: str) -> None:
    Hostile.answer = (200, {"strategies": [ROW, ROW], "turn": 1})
    outcome = CliRunner().invoke(app, ["strategy", "list", "--url", hostile])
    assert outcome.exit_code == 0
    check_printable(outcome.stdout)
    rows = [line for line in outcome.stdout.splitlines() if "forged line" in line]
    assert len(rows) == 2
    assert all("50,000" in row for row in rows)
    assert all(r"C\x1b[2J" in row and r"[bold]eve[/bold]\x1b" in row for row in rows)


def test_a_refusal_is_one_printable_line_however_long(hostile: str) -> None:
    Hostile.answer = (400, {"error": {"code": 1, "message": ESCAPES + "x" * 1_000_000}})
    outcome = CliRunner().invoke(app, ["strategy", "list", "--url", hostile])
    assert outcome.exit_code == 1
    check_printable(outcome.stderr, lines=1)
    assert len(outcome.stderr) < 5_000


def test_check_shows_the_language_that_a_module_claims_without_its_escapes(tmp_path: Path) -> None:
    def text(value: str) -> bytes:
        raw = value.encode()
        return bytes([len(raw)]) + raw

    body = text("producers") + b"\1" + text("language") + b"\1" + text(f"C{ESCAPES}") + text("")
    plain = (BUNDLED_FOLDER / "strategy_blank.wasm").read_bytes()
    file = tmp_path / "mine.wasm"
    # The first producers section counts no more than the last: put ours after those of the compiler.
    file.write_bytes(plain + b"\0" + bytes([len(body)]) + body)
    outcome = CliRunner().invoke(app, ["strategy", "check", str(file)])
    assert outcome.exit_code == 0, outcome.stderr
    check_printable(outcome.stdout, lines=4)
    assert r"C\x1b[2J" in outcome.stdout
