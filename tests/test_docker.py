"""The image and its compose file, checked without a Docker engine: by Compose's own loader, and against the repository."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import compose
import pytest
import typer.main
from packaging.specifiers import SpecifierSet

from wasmverse.cli.main import app
from wasmverse.settings import Settings

ROOT = Path(__file__).parent.parent
COMPOSE = ROOT / "docker-compose.yml"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@dataclass
class Stage:
    """One stage of a Dockerfile: its base image, its name, and what it does, as (instruction, rest of line)."""

    image: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.steps if name == instruction]

    def last(self, instruction: str) -> str:
        return self.all(instruction)[-1]

    @property
    def environment(self) -> dict[str, str]:
        return dict(word.split("=", 1) for rest in self.all("ENV") for word in shlex.split(rest))


def read_stages() -> list[Stage]:
    lines = [
        line for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines() if not line.startswith("#")
    ]
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "ARG":
            continue
        if instruction == "FROM":
            image, _, name = rest.partition(" AS ")
            stages.append(Stage(image, name))
        else:
            stages[-1].steps.append((instruction, rest.strip()))
    return stages


STAGES = read_stages()
BY_NAME = {stage.name: stage for stage in STAGES}
RUNTIME = STAGES[-1]


def tracked_files() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def is_sent_to_docker(path: str) -> bool:
    """Whether .dockerignore lets a path into the build: the last line that matches it, or a folder above it, decides."""
    sent = True
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        wanted = pattern.removeprefix("!")
        names = above
        if wanted.startswith("**/"):
            wanted, names = wanted.removeprefix("**/"), parts
        if any(fnmatch(name, wanted) for name in names):
            sent = pattern.startswith("!")
    return sent


def run_compose(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Compose itself: the wrapper of the Python package passes no exit status on, so its binary is called."""
    binary = Path(compose.__file__).with_name("docker-compose")
    environment = {"PATH": os.defpath, "HOME": "/nonexistent"}
    command = [str(binary), "--file", str(file), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def service() -> dict:
    loaded = run_compose(COMPOSE, "config", "--format", "json")
    assert loaded.returncode == 0, loaded.stderr
    project = json.loads(loaded.stdout)
    assert list(project["services"]) == ["wasmverse"]
    assert "universe" in project["volumes"]
    return project["services"]["wasmverse"]


# ---- docker-compose.yml


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("shm_size:", "shm_sizes:", "additional properties 'shm_sizes' not allowed"),
        ("init: true", "init: [true]", "init must be a boolean"),
        ("- universe:/data", "- cosmos:/data", "undefined volume cosmos"),
        ("127.0.0.1:8000:8000", "127.0.0.1:eight:8000", "invalid hostPort"),
        ("  restart:", "   restart:", "yaml"),
    ],
)
def test_compose_refuses_a_broken_copy(tmp_path: Path, right: str, wrong: str, complaint: str) -> None:
    text = COMPOSE.read_text("utf-8")
    assert right in text
    broken = tmp_path / COMPOSE.name
    broken.write_text(text.replace(right, wrong, 1), "utf-8")
    shutil.copy(ROOT / ".env", tmp_path)
    refused = run_compose(broken, "config", "--quiet")
    assert refused.returncode != 0
    assert complaint in refused.stderr


def test_the_service_is_for_this_machine_only(service: dict) -> None:
    [port] = service["ports"]
    assert port["host_ip"] == "127.0.0.1"
    assert service["environment"]["WASMVERSE_ACCESS"] == "open"  # nobody else reaches it
    assert str(port["target"]) == RUNTIME.environment["WASMVERSE_PORT"] == RUNTIME.last("EXPOSE")


def test_the_universe_outlives_its_container(service: dict) -> None:
    [volume] = service["volumes"]
    assert (volume["type"], volume["target"]) == ("volume", RUNTIME.last("VOLUME"))
    assert service["restart"] == "unless-stopped"


def test_compose_builds_this_dockerfile_at_this_version(service: dict) -> None:
    assert Path(service["build"]["context"], service["build"]["dockerfile"]) == ROOT / "Dockerfile"
    assert service["image"] == f"wasmverse:{PYPROJECT['project']['version']}"


def test_shared_memory_has_room_for_the_snapshots(service: dict) -> None:
    settings = Settings(**from_environment(service["environment"]))
    # While the newest turn is written the kept ones are all still there.
    assert int(service["shm_size"]) >= 2 * settings.snapshot_bytes_max


@pytest.mark.parametrize("where", ["compose", "image"])
def test_every_variable_is_a_setting(service: dict, where: str) -> None:
    given = service["environment"] if where == "compose" else RUNTIME.environment
    values = from_environment(given)
    assert set(values) <= set(Settings.model_fields)
    Settings(**values)


def from_environment(environment: dict[str, str]) -> dict[str, str]:
    prefix = "WASMVERSE_"
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in environment.items()
        if name.startswith(prefix)
    }


# ---- Dockerfile


def test_versions_are_those_that_the_packages_ask_for() -> None:
    assert [stage.image.partition(":")[0] for stage in STAGES] == ["node", "python", "${SERVER}", "python"]
    for stage in STAGES:
        if stage.name == "database":
            continue
        language, _, version = stage.image.partition(":")
        number = version.removesuffix("-slim")
        if language == "python":
            assert SpecifierSet(PYPROJECT["project"]["requires-python"]).contains(f"{number}.0")
            continue
        for package in ("web", "strategies/assemblyscript"):
            engines = json.loads((ROOT / package / "package.json").read_text("utf-8"))["engines"]["node"]
            assert SpecifierSet(engines).contains(f"{number}.0.0")
    # The virtual environment is copied between the two, so they must be the same image.
    assert STAGES[-1].image == BY_NAME["packages"].image


def test_every_copied_file_is_there() -> None:
    tracked = tracked_files()
    copies = [(stage, *copy_of(rest)) for stage in STAGES for rest in stage.all("COPY")]
    assert copies
    for stage, origin, sources in copies:
        for source in sources:
            if origin:
                earlier = BY_NAME[origin]
                assert STAGES.index(earlier) < STAGES.index(stage)
                assert is_made_in(earlier, source), f"nothing in stage {origin} makes {source}"
                continue
            files = [name for name in tracked if name == source or name.startswith(f"{source}/")]
            assert files, f"COPY {source}: no such file in the repository"
            assert all(map(is_sent_to_docker, files)), f"COPY {source}: .dockerignore keeps it out"


def copy_of(rest: str) -> tuple[str, list[str]]:
    """The stage a COPY takes from ('' for the repository), and its sources."""
    words = shlex.split(rest)
    origin = ""
    if words[0].startswith("--from="):
        origin = words.pop(0).removeprefix("--from=")
    return origin, words[:-1]


def is_made_in(stage: Stage, path: str) -> bool:
    """Whether a step of an earlier stage makes a path; what the builds make is what the wheel takes along."""
    if path == f"/wheels/{PYPROJECT['project']['name']}-*.whl":
        return any("pip wheel" in rest and "-w /wheels ." in rest for rest in stage.all("RUN"))
    if any(path in rest for rest in stage.all("RUN")):
        return True
    relative = path.removeprefix(stage.last("WORKDIR") + "/")
    built = PYPROJECT["tool"]["hatch"]["build"]["artifacts"]
    return any(pattern.rsplit("/", 1)[0] == relative for pattern in built)


@pytest.mark.parametrize(
    "made",
    [
        "server/wasmverse/page/index.html",
        "server/wasmverse/bundled/strategy_flee.wasm",
        "web/node_modules/vite/index.js",
        "server/wasmverse/__pycache__/cli.cpython-312.pyc",
        ".git/config",
        ".venv/bin/python",
        "universe.duckdb",
    ],
)
def test_what_is_made_elsewhere_does_not_get_in(made: str) -> None:
    assert not is_sent_to_docker(made)


def test_the_command_is_the_real_one(service: dict) -> None:
    [program] = json.loads(RUNTIME.last("ENTRYPOINT"))
    assert program in PYPROJECT["project"]["scripts"]
    [command, *options] = json.loads(RUNTIME.last("CMD"))
    assert not options
    assert command in typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert service["command"] is None and service["entrypoint"] is None


def test_it_does_not_run_as_root_and_can_write_its_data() -> None:
    names = [name for name, _ in RUNTIME.steps]
    user, volume = RUNTIME.last("USER"), RUNTIME.last("VOLUME")
    made = " ".join(RUNTIME.all("RUN"))
    assert re.search(rf"useradd .*\b{user}\b", made)
    assert re.search(rf"install .*--owner {user} .*{volume}\b", made)
    # A volume takes its owner from the image as it is where VOLUME stands.
    assert names.index("RUN") < names.index("USER") < names.index("VOLUME")
    for variable in ("NUMBA_CACHE_DIR", "WASMVERSE_DATABASE_PATH"):
        assert RUNTIME.environment[variable].startswith(f"{volume}/")


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (503, False)])
def test_the_health_check_tells(status: int, is_healthy: bool) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    program, *arguments = json.loads(RUNTIME.last("HEALTHCHECK").partition(" CMD ")[2])
    assert program == "python"
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        environment = {"WASMVERSE_PORT": str(server.server_port)}
        done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, check=False)
        server.shutdown()
        thread.join()
    assert (done.returncode == 0) is is_healthy
