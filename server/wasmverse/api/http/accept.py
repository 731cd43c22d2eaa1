"""What a client accepts: the Accept and Accept-Encoding headers with their weights (RFC 9110, 12.4.2)."""

from __future__ import annotations

import re
from functools import lru_cache

from starlette.requests import HTTPConnection

from wasmverse.query.query import Format

ENTRIES_MAX = 64
"""Entries of a header that are looked at; no client needs as many."""
KNOWN_CHARACTERS_MAX = 200
"""Headers up to this length are cached with their meaning: a browser sends the same one with every request."""
MEDIA: dict[str, str] = {
    "tuples": "application/json",
    "rows": "application/json",
    "arrow": "application/vnd.apache.arrow.stream",
    "csv": "text/csv; charset=utf-8",
}
_WEIGHT = re.compile(r"q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE | re.ASCII)


def negotiate(request: HTTPConnection, default: Format) -> Format:
    """The format that the request accepts: Arrow or CSV when asked for by name and preferred to JSON, else ``default``."""
    weights = _weights(request, "accept")
    json = weights.get("application/json", 0.0)
    arrow, csv = weights.get(MEDIA["arrow"], 0.0), weights.get("text/csv", 0.0)
    if arrow > 0 and arrow >= max(csv, json):
        return "arrow"
    return "csv" if csv > 0 and csv >= json else default


def accepts_gzip(request: HTTPConnection) -> bool:
    """Whether the client accepts gzip, and does not prefer what is not compressed."""
    weights = _weights(request, "accept-encoding")
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _weights(request: HTTPConnection, name: str) -> dict[str, float]:
    header = ",".join(request.headers.getlist(name))
    return _known(header) if len(header) <= KNOWN_CHARACTERS_MAX else weights_of(header)


def weights_of(header: str) -> dict[str, float]:
    """Each name in a header and its weight: 1 when it gives none, 0 when that cannot be read."""
    weights: dict[str, float] = {}
    for entry in header.split(",", ENTRIES_MAX)[:ENTRIES_MAX]:
        name, *parameters = entry.split(";")
        weight = 1.0
        for parameter in parameters:
            if parameter.strip()[:1] in {"q", "Q"}:
                match = _WEIGHT.fullmatch(parameter.strip())
                weight = float(match[1]) if match else 0.0
        if name := name.strip().lower():
            weights[name] = weight
    return weights


_known = lru_cache(256)(weights_of)
