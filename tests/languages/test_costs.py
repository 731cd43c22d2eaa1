"""What strategies cost: the script that measures it, and the table in docs/languages.md, which has every language."""

import re
import subprocess
import sys

from tests.languages.toolchains import LANGUAGES, STRATEGIES, TABLE, source_of
from tests.strategies.guest import BUNDLED_FOLDER

ROW = re.compile(r"^\| \[([^\]]+)\]\(\.\./strategies/(\w+)\) \| (\w+) \| [\d,]+ \|", re.MULTILINE)


def test_the_table_has_every_language() -> None:
    page = (STRATEGIES.parent / "docs" / "languages.md").read_text("utf-8")
    assert ROW.findall(page) == [(TABLE[name].title, name, source_of(name).stem) for name in LANGUAGES]


def test_a_strategy_is_measured() -> None:
    module = BUNDLED_FOLDER / "strategy_blank.wasm"
    command = [sys.executable, STRATEGIES / "measure.py", module]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    caption, head, row = printed.splitlines()
    assert caption.startswith("4096 ships, 13.0 entities")
    assert len(head) == len(row)
    name, *figures = row.replace(",", "").split()
    size, fuel, fuel_most, nanoseconds, fresh, start_fuel = map(int, figures)
    assert (name, size) == ("strategy_blank", module.stat().st_size)
    assert 0 < fuel <= fuel_most < 1_000
    assert 0 < nanoseconds < 10_000
    assert 0 < fresh < 100_000
    assert start_fuel < 100
