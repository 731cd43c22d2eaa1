"""Where a universe is kept: what is accepted as a file or a URL, and that nobody is shown a password."""

import pickle
from pathlib import Path

import pytest

from wasmverse.errors import SettingsError
from wasmverse.settings import DatabaseUrl, Settings, UniverseProcessSettings, load_settings

SECRET = "s3cr%40t"
URL = f"postgresql://ada:{SECRET}@db.example:6432/sky?sslmode=verify-full&sslpassword={SECRET}"


def test_a_path_is_a_file_and_a_url_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(database_path="a/b.duckdb").database_path == Path("a/b.duckdb")
    url = Settings(database_path=URL).database_path
    assert isinstance(url, DatabaseUrl)
    assert (url.conninfo, url.is_citus, url.name) == (URL, False, "sky")
    monkeypatch.setenv("WASMVERSE_DATABASE_PATH", f"citus+{URL}")
    citus = Settings().database_path
    assert isinstance(citus, DatabaseUrl)
    assert (citus.conninfo, citus.is_citus) == (URL, True)
    monkeypatch.setenv("WASMVERSE_DATABASE_PATH", "universe.duckdb")
    assert Settings().database_path == Path("universe.duckdb")


def test_a_url_survives_what_settings_go_through() -> None:
    every = Settings(database_path=URL, place_urls=["postgres://other/sky"])
    part = every.part(UniverseProcessSettings)
    assert pickle.loads(pickle.dumps(part)).database_path == every.database_path
    assert Settings.model_validate(every.model_dump()) == every


@pytest.mark.parametrize(
    "text",
    [
        URL,
        f"citus+{URL}",
        f"postgresql://ada:{SECRET}@h/sky?password={SECRET}&host=x",
        f"postgres://ada:{SECRET}@[::1]:1,h2:2/sky",
    ],
)
def test_no_text_of_it_shows_a_password(text: str) -> None:
    url = DatabaseUrl.read(text)
    settings = Settings(database_path=url)
    for shown in (str(url), repr(url), f"{url}", repr(settings), settings.model_dump_json()):
        assert SECRET not in shown
        assert "ada" in shown


@pytest.mark.parametrize(
    "text",
    [
        f"mysql://ada:{SECRET}@h/sky",
        f"postgresql://ada:{SECRET}@h:0/sky",
        f"postgresql://ada:{SECRET}@@h/sky",
        f"postgresql://ada:{SECRET}/{SECRET}@h/sky",
        f"postgresql://ada:{SECRET}@h/sky?service=x",
    ],
)
def test_a_wrong_url_is_refused_without_its_password(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"^--db is '.*//ada@.*'; allowed is: ") as refusal:
        load_settings(database_path=text)
    assert SECRET not in str(refusal.value)
    assert refusal.value.__suppress_context__, "a traceback would show what pydantic was given"
    monkeypatch.setenv("WASMVERSE_PLACE_URLS", text)
    with pytest.raises(
        SettingsError, match=r"^WASMVERSE_PLACE_URLS is '.*//ada@.*'; allowed is: JSON"
    ) as refusal:
        load_settings()
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("first", "others", "message"),
    [
        ("a.duckdb", ["postgresql://h/sky"], "database_path is the file a.duckdb"),
        ("citus+postgresql://h/sky", ["postgresql://i/sky"], "Citus places the rows itself"),
        ("postgresql://h/sky", ["citus+postgresql://i/sky"], "Citus places the rows itself"),
        ("postgresql://h/sky", ["postgresql://h/sky"], "postgresql://h/sky again"),
        ("postgresql://h/sky", ["postgresql://i/sky", "postgresql://i/sky"], "postgresql://i/sky again"),
    ],
)
def test_places_that_cannot_be(first: str, others: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(database_path=first, place_urls=others)
    assert load_settings(database_path="postgresql://h/sky", place_urls=["postgresql://i/sky"]).place_urls


@pytest.mark.parametrize(
    ("text", "environment", "found"),
    [
        ("postgresql://h/sky", {}, ({5432}, False)),
        ("postgresql://[::1]:7/sky", {}, ({7}, False)),
        ("postgresql://h1:1,h2/sky?port=9", {}, ({1, 9}, False)),
        ("postgresql:///sky?host=/run/pg&port=6000", {}, ({6000}, True)),
        ("postgresql://%2Frun%2Fpg:6000/sky", {}, ({6000}, True)),
        ("postgresql:///sky?host=/run/pg,h2&port=1,2", {}, ({1, 2}, False)),
        ("postgresql:///sky", {}, ({5432}, True)),
        ("postgresql:///sky", {"PGHOST": "h", "PGPORT": "8"}, ({8}, False)),
        ("postgresql://h/sky", {"PGHOST": "/run/pg"}, ({5432}, False)),
    ],
)
def test_the_ports_that_connecting_takes(
    text: str, environment: dict[str, str], found: tuple[set[int], bool]
) -> None:
    assert DatabaseUrl.read(text).sockets(environment) == found


def test_the_files_that_its_options_name() -> None:
    url = DatabaseUrl.read("postgresql://h/sky?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem&passfile=/p")
    assert url.files() == [Path("/p"), Path("/etc/ca.pem")]
