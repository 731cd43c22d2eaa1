"""One server and one browser for all tests; a fresh visit for each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from .server import COMMAND, Server
from .visit import Visit

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Drawing without a graphics card on a busy machine takes its time.
expect.set_options(timeout=60_000)

SNAPSHOTS = 24
"""Turns that a test may still ask for after the page has shown them: a busy machine is slow, and nothing is kept on disk here."""
CALM = {"viewport": {"width": 1000, "height": 640}, "reduced_motion": "reduce"}

PAGE = Path(__file__).parents[2] / "server" / "wasmverse" / "page" / "index.html"
OPTIONS = [
    "--no-sandbox",  # containers and CI run as root
    "--use-angle=swiftshader",  # draws without a graphics card
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    for needed in (COMMAND, PAGE):
        if not needed.exists():
            pytest.fail(f"{needed} is missing: run `make setup`", pytrace=False)
    server = Server(tmp_path_factory.mktemp("universe"), past_bytes_max="0", snapshots_kept=str(SNAPSHOTS))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail(
            f"there is no browser: install Chromium (one of {', '.join(BROWSERS)}), or name it in CHROMIUM",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def visit_with(browser: Browser, server: Server) -> Iterator[Callable[..., Visit]]:
    """A function that begins a visit in a fresh browser profile; it takes the options of a browser context,
    ``is_first`` for somebody who has never been here, who is welcomed, and ``url`` for another server than the usual one.

    Visitors want no motion unless a test is about it: without a graphics card the sky's slow life takes all of the machine.
    """
    visits: list[Visit] = []

    def begin(url: str = server.url, **options: object) -> Visit:
        is_first = bool(options.pop("is_first", False))
        context = browser.new_context(**(CALM | options))
        visit = Visit(context.new_page(), url, is_first=is_first)
        visits.append(visit)
        return visit

    yield begin
    for visit in visits:
        visit.page.context.close()
        visit.check()


@pytest.fixture
def visit(visit_with: Callable[..., Visit]) -> Visit:
    return visit_with()
