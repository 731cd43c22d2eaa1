"""The public URL: how it is written, and what follows from it."""

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse

from wasmverse.api.access import Access
from wasmverse.api.http.base_path import BasePath
from wasmverse.api.http.origin import HostRule, SiteGuard
from wasmverse.errors import SettingsError
from wasmverse.settings import Settings, load_settings
from wasmverse.tokens import TokenFile


@pytest.mark.parametrize(
    ("written", "url", "base", "origin"),
    [
        ("https://Universe.Example", "https://universe.example/", "", "https://universe.example"),
        ("https://u.example:443/A/b", "https://u.example/A/b/", "/A/b", "https://u.example"),
        ("http://u.example:8080/w/", "http://u.example:8080/w/", "/w", "http://u.example:8080"),
        ("https://[2001:DB8::1]:80/", "https://[2001:db8::1]:80/", "", "https://[2001:db8::1]:80"),
    ],
)
def test_a_public_url_is_written_in_one_way(written: str, url: str, base: str, origin: str) -> None:
    settings = Settings(public_url=written)
    assert (settings.public_url, settings.base_path, settings.public_origin) == (url, base, origin)
    assert Settings.model_validate(settings.model_dump()) == settings
    assert HostRule(settings, is_open=False).has(settings.public_name or "")


def test_without_one_nothing_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMVERSE_PUBLIC_URL", "")
    settings = load_settings()
    found = (settings.public_url, settings.base_path, settings.public_name, settings.public_origin)
    assert found == (None, "", None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        *("universe.example", "ftp://universe.example/", "https://", "https://a b/", "https://u.example:0/"),
        *("https://ada:secret@u.example/", "https://u.example/?a=1", "https://u.example/#a"),
        *(
            "https://u.example//w/",
            "https://u.example/../w/",
            "https://u.example/%2e/",
            "https://u.example:99999/",
        ),
        "https://u.example/\nX: y",
    ],
)
def test_what_is_no_public_url_is_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMVERSE_PUBLIC_URL", wrong)
    with pytest.raises(SettingsError, match=r"^WASMVERSE_PUBLIC_URL is .*; allowed is: http:// or https://"):
        load_settings()


def test_whom_a_proxy_lets_in_is_not_on_this_machine(tmp_path) -> None:
    def is_open(**given: object) -> bool:
        return Access(Settings(**given), TokenFile(tmp_path / "tokens")).is_open

    assert is_open() and is_open(public_url="http://localhost:9000/w/")
    assert not is_open(public_url="https://universe.example/")
    assert is_open(public_url="https://universe.example/", access="open"), "the operator said so"


def asked(app, base: str, *requests: tuple[str, str, dict[str, str]]) -> list[httpx.Response]:
    """The answers of an ASGI app that no server runs."""

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base) as client:
            return [await client.request(how, path, headers=headers) for how, path, headers in requests]

    return asyncio.run(ask())


def test_its_page_is_the_servers_own_also_where_the_proxy_hides_the_port() -> None:
    settings = Settings(public_url="https://universe.example:8443/", cors_origins=())
    guard = SiteGuard(PlainTextResponse("passed"), settings, is_open=False)
    own = {"Origin": "https://universe.example:8443"}
    pages = (
        own,
        {"Origin": "https://universe.example:9443"},
        {"Origin": "https://evil.example:8443"},
        {**own, "Sec-Fetch-Site": "cross-site"},
    )
    answers = asked(guard, "http://universe.example", *(("DELETE", "/x", page) for page in pages))
    assert [answer.status_code for answer in answers] == [200, 403, 403, 403]


def test_a_base_path_is_taken_away_once() -> None:
    async def told(scope, receive, send) -> None:
        await PlainTextResponse(f"{scope['path']} {scope['raw_path'].decode()}")(scope, receive, send)

    found = {"/w/a%20b": "/a b /a%20b", "/w/w/": "/w/ /w/", "/a": "/a /a", "/wx": "/wx /wx"}
    app = BasePath(told, "/w")
    answers = asked(app, "http://universe.example", *(("GET", path, {}) for path in (*found, "/w?turn=1")))
    assert [answer.text for answer in answers[:-1]] == list(found.values())
    assert (answers[-1].status_code, answers[-1].headers["location"]) == (308, "/w/?turn=1")
