"""Every example of docs/client.md does what it says, in the order of the page."""

import re
from pathlib import Path

import pytest

from tests.api.conftest import RunningGateway
from tests.api.test_strategies import HOLD, ROW
from wasmverse.client import requests

PAGE = Path(__file__).parents[2] / "docs" / "client.md"


def test_the_examples_work(
    gateway: RunningGateway,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(requests, "server_url", lambda: gateway.url)
    monkeypatch.chdir(tmp_path)
    Path("mine.wasm").write_bytes(HOLD)
    gateway.universe.answer = {"strategies": [ROW], "tid": 5}
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(examples) == 6
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), names)
    printed = capsys.readouterr().out
    for words in ("strategy_battle ", "flies from turn 6\n", "1054 Error 1054: "):
        assert words in printed
