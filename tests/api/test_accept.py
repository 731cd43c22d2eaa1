import pytest
from starlette.requests import Request

from wasmverse.api.http.accept import accepts_gzip, negotiate, weights_of

ARROW = "application/vnd.apache.arrow.stream"


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize(
    ("header", "is_taken"),
    [
        ("gzip", True),
        ("br, GZIP ; q=0.5", True),
        ("*", True),
        ("x-gzip", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("identity;q=0, gzip", True),
        ("identity, gzip;q=0.5", False),
        ("notgzip", False),
        ("gzip;q=nan", False),
        ("gzip;q=", False),
        ("gzip;q=2", False),
        (",;q=1,;;=,gzip", True),
    ],
)
def test_gzip(header: str, is_taken: bool) -> None:
    assert accepts_gzip(request(accept_encoding=header)) is is_taken


@pytest.mark.parametrize(
    ("header", "format_"),
    [
        (ARROW, "arrow"),
        ("text/csv", "csv"),
        (f"application/json, {ARROW}", "arrow"),
        ("text/csv;q=0", "tuples"),
        (f"{ARROW};q=0.1, text/csv", "csv"),
        ("text/csv;q=0.5, application/json", "tuples"),
        ("*/*", "tuples"),
        ("text/csvx", "tuples"),
    ],
)
def test_formats(header: str, format_: str) -> None:
    assert negotiate(request(accept=header), "tuples") == format_


def test_no_header_is_read_without_end() -> None:
    assert len(weights_of(",".join(f"a{number}" for number in range(10_000)))) == 64
