"""The picture of a place, and the page's words for those who show links with it."""

import asyncio
import re
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from tests.api.conftest import RunningGateway
from wasmverse.api.errors import HttpError
from wasmverse.api.gateway import Gateway
from wasmverse.api.picture import WAITING_MAX_PER_CLIENT, Pictures
from wasmverse.query.query import Client, Query
from wasmverse.query.result import Result

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def framed(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("gateway")
    page = folder / "page"
    page.mkdir()
    (page / "index.html").write_text("<!doctype html>\n<html>\n  <head>\n  </head>\n</html>\n")
    running = RunningGateway(
        folder, page, frame_ancestors=("https://blog.example",), pictures_per_second_max=1.5
    )
    yield running
    running.close()


def picture(gateway: RunningGateway, query: str = "") -> httpx.Response:
    return gateway.http.get(f"/api/v1/picture.png{query}")


def test_a_place_has_a_picture_that_is_painted_once(framed: RunningGateway) -> None:
    first = picture(framed)
    assert (first.status_code, first.headers["content-type"]) == (200, "image/png")
    assert first.content.startswith(PNG)
    # What is kept costs nothing, so nobody's share is spent.
    again = [picture(framed).content for _ in range(10)]
    assert set(again) == {first.content}
    turn = framed.http.get("/connect").json()["turn"]
    assert "86400" in picture(framed, f"?turn={turn}").headers["cache-control"]


def test_what_is_not_there_is_said(framed: RunningGateway) -> None:
    assert picture(framed, "?system=x").status_code == 400
    assert "system is 'x'" in picture(framed, "?system=x").text
    assert picture(framed, "?system=99999999").status_code == 404
    answers = [picture(framed, f"?turn={turn}").status_code for turn in range(900_000, 900_012)]
    assert 429 in answers, "painting is limited"
    assert 200 not in answers


def test_a_shared_link_says_what_it_leads_to(framed: RunningGateway) -> None:
    answer = framed.http.get("/?system=42&turn=1234")
    tags = dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', answer.text))
    assert tags["og:title"] == "System 42, turn 1,234 · Wasmverse"
    assert tags["og:image"] == f"{framed.url}/api/v1/picture.png?system=42&amp;turn=1234"
    assert tags["twitter:card"] == "summary_large_image"
    assert "og:title" not in framed.http.get("/").text
    assert "og:title" not in framed.http.get('/?system="><script>').text


def test_a_page_that_is_built_again_is_given_out_for_every_place(framed: RunningGateway) -> None:
    assert framed.page_folder is not None
    index = framed.page_folder / "index.html"
    before = index.read_text()
    index.write_text(before.replace("<head>", '<head><script src="./assets/new.js"></script>'))
    try:
        for path in ("/", "/?system=42"):
            assert "./assets/new.js" in framed.http.get(path).text
    finally:
        index.write_text(before)


def test_only_pages_of_named_origins_may_frame_it(framed: RunningGateway, gateway: RunningGateway) -> None:
    for path in ("/", "/?turn=1"):
        policy = framed.http.get(path).headers["content-security-policy"]
        assert policy.endswith("; frame-ancestors https://blog.example")
    assert gateway.http.get("/").headers["content-security-policy"].endswith("; frame-ancestors 'none'")


def test_who_asks_for_many_pictures_keeps_nobody_out() -> None:
    """Past turns that take long, for one client: others are painted meanwhile, and it has a bound of its own."""
    is_there = asyncio.Event()

    async def answer(query: Query, *, client: Client) -> Any:
        if query.turn is not None:
            await is_there.wait()
        body = b'{"results":[{"rows":[[10,20,1,5,3]]}]}'
        return cast(Result, SimpleNamespace(body=body, turn=query.turn or 9))

    async def ask() -> tuple[list[Any], bytes]:
        gateway = cast(Gateway, SimpleNamespace(service=SimpleNamespace(query=answer)))
        pictures, greedy, other = Pictures(0), Client("greedy"), Client("other")
        slow = [
            asyncio.create_task(pictures.paint((None, turn), gateway, greedy))
            for turn in range(WAITING_MAX_PER_CLIENT)
        ]
        await asyncio.sleep(0)
        with pytest.raises(HttpError) as refused:
            await pictures.paint((None, 99), gateway, greedy)
        assert refused.value.status == 503
        painted = await pictures.paint((None, None), gateway, other)
        assert not any(task.done() for task in slow)
        is_there.set()
        return await asyncio.gather(*slow), painted

    slow, painted = asyncio.run(asyncio.wait_for(ask(), 60))
    assert all(one.startswith(PNG) for one in [*slow, painted])
