"""The page's files: as they are, or as the build has compressed them."""

import gzip
from collections.abc import Iterator

import httpx
import pytest

from tests.api.conftest import RunningGateway
from wasmverse.api.page import accepted_encodings

SCRIPT = "/assets/app-1234.js"
CODE = b"export const answer = 42;\n" * 100


@pytest.fixture(scope="module")
def gateway_with_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("gateway")
    assets = folder / "page" / "assets"
    assets.mkdir(parents=True)
    (assets.parent / "index.html").write_text("<!doctype html><title>x</title>")
    (assets / "app-1234.js").write_bytes(CODE)
    (assets / "app-1234.js.gz").write_bytes(gzip.compress(CODE))
    # What it says is for the client: here it is only passed on.
    (assets / "app-1234.js.br").write_bytes(b"brotli")
    running = RunningGateway(folder, assets.parent)
    yield running
    running.close()


def get(gateway: RunningGateway, path: str, accepted: str, **headers: str) -> httpx.Response:
    request = gateway.http.build_request("GET", path, headers={"accept-encoding": accepted, **headers})
    return gateway.http.send(request, stream=True)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0, gzip", "gzip"),
        ("GZIP", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
def test_a_file_is_sent_as_the_client_takes_it(
    gateway_with_page: RunningGateway, accepted: str, encoding: str | None
) -> None:
    answer = get(gateway_with_page, SCRIPT, accepted)
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "Accept-Encoding" in answer.headers["vary"]
    assert "immutable" in answer.headers["cache-control"]
    sent = b"".join(answer.iter_raw())
    assert len(sent) == int(answer.headers["content-length"])
    assert {"br": b"brotli", None: CODE}.get(encoding, sent) == sent
    if encoding == "gzip":
        assert gzip.decompress(sent) == CODE


def test_what_the_build_has_not_compressed_is_sent_as_it_is(gateway_with_page: RunningGateway) -> None:
    answer = get(gateway_with_page, "/", "br, gzip")
    assert (answer.status_code, answer.headers.get("content-encoding")) == (200, None)


def test_a_kept_file_is_not_sent_again(gateway_with_page: RunningGateway) -> None:
    first, other = get(gateway_with_page, SCRIPT, "br"), get(gateway_with_page, SCRIPT, "gzip")
    assert first.headers["etag"] != other.headers["etag"]
    again = get(gateway_with_page, SCRIPT, "br", **{"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


def test_a_weight_of_zero_is_a_refusal() -> None:
    assert accepted_encodings("br;q=0, gzip; q=0.0 ,deflate;q=0.5,  x ,,") == {"deflate", "x"}
    assert accepted_encodings("") == set()
