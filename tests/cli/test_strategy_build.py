"""``wasmverse strategy new`` and ``build`` as their user meets them."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from wasmverse.cli.main import app
from wasmverse.languages.table import LANGUAGES

PLAN = "    return hold({})\n"
HOLDS = "from wasmverse.pilot import hold\n\ndef decide(ship, system):\n"


class Server:
    """Takes what is pushed, and refuses once it is told to."""

    def __init__(self) -> None:
        self.pushed: list[tuple[str, str | None, int]] = []
        self.refuses = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                size = int(self.headers["Content-Length"])
                self.rfile.read(size)
                outer.pushed.append((self.path, self.headers.get("Authorization"), size))
                row = {"name": self.path.rsplit("/")[-1], "version": len(outer.pushed), "bytes": size}
                answer: dict[str, Any] = {"turn": 6, "strategies": [row]}
                if outer.refuses:
                    answer = {"error": {"message": "the module is too ugly; make it prettier"}}
                body = json.dumps(answer).encode()
                self.send_response(422 if outer.refuses else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Any:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["strategy", *arguments])


def test_from_nothing_to_a_server(server: Server) -> None:
    made = run("new", "first_try")
    assert made.exit_code == 0
    assert made.output.splitlines() == [
        *(f"first_try/{name}" for name in ("README.md", "first_try.py", "test_first_try.py")),
        f"change first_try/{'first_try.py'}, then: wasmverse strategy build first_try",
    ]
    built = run("build", "first_try", "--push", "--url", server.url, "--token", "wv_secret")
    assert built.exit_code == 0
    first, second = built.output.splitlines()
    assert first.startswith("first_try/first_try.wasm  1,035 bytes  (Python, numba 0.")
    assert second == "first_try version 1 flies from turn 7 (1,035 bytes)"
    assert server.pushed == [("/api/v1/strategies/first_try", "Bearer wv_secret", 1035)]


def test_a_refused_source_is_shown_with_its_places_and_nothing_is_pushed(
    folder: Path, server: Server
) -> None:
    (folder / "wrong.py").write_text(HOLDS + "    print(1)\n    return fly()\n")
    built = run("build", "--push", "--url", server.url)
    assert built.exit_code == 1
    assert built.stdout == ""
    assert built.stderr.splitlines() == [
        "wrong.py:4:5: a compiled strategy has nowhere to print: print in a test, or under `if __name__ == '__main__'`",
        "wrong.py:5:12: fly is not defined: import it, or write it",
    ]
    (folder / "wrong.wasm").write_bytes(b"")
    again = run("build").stderr.splitlines()
    assert again == [*built.stderr.splitlines(), "wrong.wasm is from an earlier build, without these changes"]
    assert server.pushed == []


def test_mistakes_are_one_line() -> None:
    for arguments, text in [
        (("new", "Bad Name"), "a strategy's name is a lower-case letter"),
        (("new", "x", "--language", "cobol"), "there is no language 'cobol' here; there are python,"),
        (("build", "nothing.py"), "nothing.py does not exist; give a strategy's source"),
        (("build", "--watch", "nothing.py"), "nothing.py does not exist; give a strategy's source"),
    ]:
        outcome = run(*arguments)
        assert outcome.exit_code == 1
        assert text in outcome.stderr
        assert len(outcome.stderr.splitlines()) == 1


def test_a_strategy_whose_file_cannot_be_its_name_is_pushed_under_another(
    folder: Path, server: Server
) -> None:
    (folder / "Best.py").write_text(HOLDS + PLAN.format(1))
    refused = run("build", "--push", "--url", server.url)
    assert refused.exit_code == 1
    assert "a strategy's name is a lower-case letter" in refused.stderr
    assert run("build", "--push", "--name", "best", "--url", server.url).exit_code == 0
    assert [path for path, _, _ in server.pushed] == ["/api/v1/strategies/best"]


def test_watching_builds_and_pushes_every_save_and_survives_what_is_refused(
    folder: Path, server: Server
) -> None:
    source = folder / "watched.py"
    source.write_text(HOLDS + PLAN.format(1))
    log = folder.parent / "log"
    command = [
        sys.executable,
        "-m",
        "wasmverse.cli",
        "strategy",
        "build",
        "--watch",
        "--push",
        "--url",
        server.url,
    ]
    with log.open("w") as out:
        watching = subprocess.Popen(
            command, cwd=folder, stdout=out, stderr=out, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
    try:

        def until(text: str, times: int = 1) -> None:
            deadline = time.monotonic() + 60
            while log.read_text().count(text) < times:
                assert time.monotonic() < deadline, log.read_text()
                assert watching.poll() is None, log.read_text()
                time.sleep(0.05)

        until("watched version 1 flies from turn 7")
        until("Ctrl-C ends it")
        time.sleep(0.5)  # the system's watch begins a moment after that line
        source.write_text(HOLDS + PLAN.format("ship.fuel"))
        until("watched.py:4: Ship has no fuel")
        server.refuses = True
        source.write_text(HOLDS + PLAN.format(2))
        until("the module is too ugly; make it prettier")
        server.refuses = False
        source.write_text(HOLDS + PLAN.format(3))
        until("watched version 3 flies from turn 7")
        source.write_text(HOLDS + PLAN.format("1 + 2"))
        until("the module is the same as before; nothing was sent")
        assert len(server.pushed) == 3
    finally:
        watching.terminate()
        watching.wait(30)


def test_what_a_language_needs_is_declared(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LANGUAGES, "python", replace(LANGUAGES["python"], budget_fuel=77_000))
    (folder / "thinker.py").write_text(HOLDS + PLAN.format(1))
    assert run("build", "--push", "--url", server.url).exit_code == 0
    assert [path for path, _, _ in server.pushed] == ["/api/v1/strategies/thinker?budget_fuel=77000"]
