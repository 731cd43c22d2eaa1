"""What the image of a database server holds is enough to play, and PostgreSQL takes the options of docker-compose.yml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.installed import PACKAGES, SOURCES
from tests.postgres.server import Server
from tests.test_docker_databases import DATABASE, SERVERS, load, steps_of
from wasmverse.storage.postgres import functions


def packages() -> set[str]:
    """The names that the image takes from the lock."""
    [pick] = steps_of("awk")
    [names] = re.findall(r"\^\(([\w|]+)\)==", pick)
    return set(names.split("|"))


@pytest.fixture
def image() -> Iterator[Server]:
    """A server that finds what the image's does: these packages, our own, and nothing else."""
    server = Server()
    folder = server.folder / "packages"
    folder.mkdir()
    for name in packages():
        for path in (PACKAGES / name, PACKAGES / f"{name}.libs", *PACKAGES.glob(f"{name}-*.dist-info")):
            if path.exists():
                (folder / path.name).symlink_to(path)
    [about] = PACKAGES.glob("wasmverse-*.dist-info")
    (folder / about.name).symlink_to(about)
    (folder / "wasmverse").symlink_to(SOURCES / "wasmverse")
    for name in DATABASE.environment:
        if name != "NUMBA_CACHE_DIR":
            server.environment[name] = DATABASE.environment[name]
    server.environment["PYTHONPATH"] = str(folder)
    yield server
    server.remove()


def test_a_backend_of_the_image_can_play(image: Server) -> None:
    services = load("postgres", "citus")["services"]
    options = {
        name.removeprefix("--"): f"'{value}'"
        for service in SERVERS
        for name, _, value in (word.partition("=") for word in services[service]["command"][1:])
    }
    image.start(**options)
    with image.connect() as connection:
        connection.execute("CREATE EXTENSION plpython3u")
        for statement in functions.create("public"):
            connection.execute(statement)
        row = connection.execute("SELECT wasmverse_ready()").fetchone()
        assert row is not None
        assert json.loads(row[0])
        for name, value in options.items():
            assert connection.execute("SELECT current_setting(%s)", [name]).fetchone() == (value.strip("'"),)


def test_the_packages_are_all_there() -> None:
    assert all((PACKAGES / name).is_dir() for name in packages())
    assert Path(DATABASE.environment["PYTHONPATH"]).is_absolute()
