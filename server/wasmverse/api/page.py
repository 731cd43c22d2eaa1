"""The web page: files made by the build, served with headers that allow it what it needs and nothing else."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

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
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
WORKER_POLICY = POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
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

    Those in assets/ are named by a hash of their contents and cached for ever; the others are revalidated.
    """

    def file_response(self, full_path, stat_result, scope: Scope, status_code: int = 200) -> Response:  # type: ignore[no-untyped-def]  # noqa: ANN001
        encoding = self._encoding(full_path, Headers(scope=scope))
        if encoding is not None:
            encoded = f"{full_path}{_ENDINGS[encoding]}"
            response = super().file_response(encoded, Path(encoded).stat(), scope, status_code)
            response.headers["Content-Encoding"] = encoding
        else:
            response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_HEADERS)
        if is_worker(Path(full_path)):
            response.headers["Content-Security-Policy"] = WORKER_POLICY
        response.headers["Vary"] = "Accept-Encoding"
        is_hashed = Path(full_path).parent.name == "assets"
        response.headers["Cache-Control"] = FOREVER if is_hashed else "no-cache"
        return response

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


def is_worker(path: Path) -> bool:
    """Whether a script is a worker's: the build names it after its source, which is called worker.ts or ...-worker.ts."""
    return path.parent.name == "assets" and bool(re.fullmatch(r"(?:.+-)?worker-[\w-]+\.js", path.name))


class _Files(Mount):
    """Every path but those of other routes: a wrong method on one of these is answered as such, not as a missing file."""

    def __init__(self, folder: Path, others: list[BaseRoute]) -> None:
        super().__init__("/", _Page(directory=folder, html=True), name="page")
        self._others = others

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match HTTP only, and no path that another route has."""
        if scope["type"] != "http" or methods_at(self._others, scope):
            return Match.NONE, {}
        return super().matches(scope)


def add_page(app: FastAPI, folder: Path | None) -> None:
    """Serve the built page at ``/``; where there is none, a text that says how to build it."""
    if folder is not None and (folder / "index.html").is_file():
        app.router.routes.append(_Files(folder, list(app.routes)))
        return

    @app.get("/", include_in_schema=False)
    async def not_built() -> Response:
        return PlainTextResponse(NOT_BUILT, 503, Headers(_HEADERS))
