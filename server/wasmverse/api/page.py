"""The web page: files made by the build, served with headers that allow it what it needs and nothing else."""

from __future__ import annotations

import html
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL, Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from wasmverse.api.errors import HttpError
from wasmverse.api.http.methods import methods_at

# No more than the page needs; web/src/main.ts says how it does without the rest.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_NOBODY = "'none'"

WORKER_SCRIPTS = "script-src 'self' 'wasm-unsafe-eval'"
"""Of a worker's script, which is under a policy of its own: there, and only there, WebAssembly may be compiled."""

_ENDINGS = {"br": ".br", "gzip": ".gz"}
"""What web/compress.ts puts beside a file, the smaller first."""

FOREVER = "public, max-age=31536000, immutable"

NOT_BUILT = """Wasmverse runs, but its page is not built.

Build it with `make setup` and start again, or talk to the universe in SQL:

    curl -s -d '{"sql":"select * from turns order by tid desc limit 1"}' http://HOST:PORT/api/v2/query/rows

/connect says what this server is, /api/v2/spec how to talk to it.
"""


class _Page(StaticFiles):
    """Static files, compressed where the build has compressed them and the client takes it.

    Those in assets/ are named by a hash of their contents and cached for ever; the others are revalidated. The page itself says
    what is seen at the place that is asked for, to those who show links with a picture.
    """

    def __init__(self, folder: Path, framed_by: Sequence[str], public_url: str | None) -> None:
        super().__init__(directory=folder, html=True)
        self._public_url = public_url
        self._index = folder / "index.html"
        self._headers = page_headers(framed_by)
        self._worker_policy = self._headers["Content-Security-Policy"].replace(
            "script-src 'self'", WORKER_SCRIPTS
        )

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file; the page with what it is about in its head. What is nowhere is 404 whatever the method."""
        if scope["method"] not in {"GET", "HEAD"} and path != ".":
            try:
                _, found = await run_in_threadpool(self.lookup_path, path)
            except (OSError, ValueError):  # a name that no file can have
                raise HTTPException(404) from None
            if found is None or not stat.S_ISREG(found.st_mode):
                raise HTTPException(404)
        query = QueryParams(scope["query_string"])
        if path not in {".", "index.html"} or not ({"system", "turn"} & query.keys()):
            return await super().get_response(path, scope)
        try:
            place = place_asked(query)
            # Read now: a page that is built again while the server runs has other names of files.
            text = await run_in_threadpool(self._index.read_text)
            told = described(text, place, self._url(scope))
        except HttpError:
            return await super().get_response(path, scope)
        return HTMLResponse(told, headers={**self._headers, "Cache-Control": "no-cache"})

    def file_response(self, full_path, stat_result, scope: Scope, status_code: int = 200) -> Response:  # type: ignore[no-untyped-def]  # noqa: ANN001
        encoding = self._encoding(full_path, Headers(scope=scope))
        if encoding is not None:
            encoded = f"{full_path}{_ENDINGS[encoding]}"
            response = super().file_response(encoded, Path(encoded).stat(), scope, status_code)
            response.headers["Content-Encoding"] = encoding
        else:
            response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(self._headers)
        if is_worker(Path(full_path)):
            response.headers["Content-Security-Policy"] = self._worker_policy
        response.headers["Vary"] = "Accept-Encoding"
        is_hashed = Path(full_path).parent.name == "assets"
        response.headers["Cache-Control"] = FOREVER if is_hashed else "no-cache"
        return response

    def _url(self, scope: Scope) -> URL:
        """What was asked for, as a visitor may name it."""
        if self._public_url is None:
            return URL(scope=scope)
        return URL(self._public_url).replace(query=scope["query_string"].decode("latin-1"))

    def _encoding(self, full_path: str | os.PathLike[str], headers: Headers) -> str | None:
        """The first of `_ENDINGS` that the client takes and the build has made of a file."""
        asked = accepted_encodings(headers.get("accept-encoding", ""))
        return next(
            (e for e, end in _ENDINGS.items() if e in asked and Path(f"{full_path}{end}").is_file()), None
        )


def accepted_encodings(header: str) -> set[str]:
    """The encodings that an Accept-Encoding header names, but for those with the weight 0 (RFC 9110, 12.5.3)."""
    accepted = set()
    for part in header.lower().split(","):
        name, _, weight = (piece.strip() for piece in part.partition(";"))
        if name and weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            accepted.add(name)
    return accepted


def page_headers(framed_by: Sequence[str]) -> dict[str, str]:
    """What is sent with the page's files; framed_by : origins whose pages may show it in a frame."""
    ancestors = f"frame-ancestors {' '.join(framed_by) or _NOBODY}"
    return {"Content-Security-Policy": f"{POLICY}; {ancestors}", **_HEADERS}


def place_asked(query: QueryParams) -> tuple[int | None, int | None]:
    """System and turn of an address, as shared links name them before the `#`; None for the map, and for the newest turn.

    Raises
    ------
    HttpError : one of them is no number.
    """
    found = []
    for name in ("system", "turn"):
        text = query.get(name)
        if text is not None and not re.fullmatch(r"[0-9]{1,15}", text):
            raise HttpError(400, f"{name} is {text[:40]!r}; it is a whole number, as in ?{name}=7")
        found.append(None if text is None else int(text))
    return found[0], found[1]


def described(index: str, place: tuple[int | None, int | None], url: URL) -> str:
    """The page with the tags of the Open Graph protocol (https://ogp.me) for a place: its title, and where its picture is."""
    system, turn = place
    what = "A living universe inside a database" if system is None else f"System {system:,}"
    title = f"{what}, turn {turn:,} · Wasmverse" if turn is not None else f"{what} · Wasmverse"
    query = urlencode([(name, n) for name, n in (("system", system), ("turn", turn)) if n is not None])
    told = {
        "og:type": "website",
        "og:site_name": "Wasmverse",
        "og:title": title,
        "og:description": "Every ship is flown by WebAssembly, every picture is drawn from SQL.",
        "og:url": str(url),
        "og:image": str(url.replace(path=f"{url.path.rpartition('/')[0]}/api/v1/picture.png", query=query)),
        "og:image:width": "1200",
        "og:image:height": "630",
        "og:image:alt": f"{what}, as points of light in the colours of the strategies",
        "twitter:card": "summary_large_image",
    }
    tags = "".join(
        f'    <meta {"name" if name.startswith("twitter") else "property"}="{name}" content="{html.escape(value)}" />\n'
        for name, value in told.items()
    )
    return index.replace("  </head>", f"{tags}  </head>", 1)


def is_worker(path: Path) -> bool:
    """Whether a script is a worker's: the build names it after its source, which is called worker.ts or ...-worker.ts."""
    return path.parent.name == "assets" and bool(re.fullmatch(r"(?:.+-)?worker-[\w-]+\.js", path.name))


class _Files(Mount):
    """Every path but those of other routes: a wrong method on one of these is answered as such, not as a missing file."""

    def __init__(
        self, folder: Path, others: list[BaseRoute], framed_by: Sequence[str], public_url: str | None
    ) -> None:
        super().__init__("/", _Page(folder, framed_by, public_url), name="page")
        self._others = others

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match HTTP only, and no path that another route has."""
        if scope["type"] != "http" or methods_at(self._others, scope):
            return Match.NONE, {}
        return super().matches(scope)


def add_page(
    app: FastAPI, folder: Path | None, framed_by: Sequence[str] = (), public_url: str | None = None
) -> None:
    """Serve the built page at ``/``; where there is none, a text that says how to build it.

    Parameters
    ----------
    framed_by : origins whose pages may show it in a frame.
    public_url : where visitors find it, for links to it; by default where it was asked for.
    """
    if folder is not None and (folder / "index.html").is_file():
        app.router.routes.append(_Files(folder, list(app.routes), framed_by, public_url))
        return

    @app.get("/", include_in_schema=False)
    async def not_built() -> Response:
        return PlainTextResponse(NOT_BUILT, 503, Headers(page_headers(framed_by)))
