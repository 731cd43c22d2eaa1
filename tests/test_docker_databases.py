"""The database servers of docker-compose.yml, and the image they run, checked without a Docker engine."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.test_docker import BY_NAME, COMPOSE, PYPROJECT, ROOT, run_compose

PROFILES = {
    "file": {"wasmverse"},
    "postgres": {"postgres", "wasmverse-postgres"},
    "citus": {"citus-coordinator", "citus-worker-1", "citus-worker-2", "citus-cluster", "wasmverse-citus"},
}
SERVERS = ["postgres", "citus-coordinator", "citus-worker-1", "citus-worker-2"]
DATABASE = BY_NAME["database"]


def load(*profiles: str) -> dict:
    options = [word for profile in profiles for word in ("--profile", profile)]
    loaded = run_compose(COMPOSE, *options, "config", "--format", "json")
    assert loaded.returncode == 0, loaded.stderr
    return json.loads(loaded.stdout)


@pytest.fixture(scope="module")
def project() -> dict:
    return load(*PROFILES)


@pytest.fixture(scope="module")
def services(project: dict) -> dict:
    return project["services"]


# ---- docker-compose.yml


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_starts_one_universe_and_nothing_else(profile: str) -> None:
    services = load(profile)["services"]
    assert set(services) == PROFILES[profile]
    published = [port["published"] for service in services.values() for port in service.get("ports", ())]
    assert published == ["8000"]


def test_without_a_profile_the_universe_is_a_file() -> None:
    assert set(load()["services"]) == PROFILES["file"]


@pytest.mark.parametrize("name", SERVERS)
def test_only_gateways_reach_a_server_and_it_reaches_nobody(project: dict, services: dict, name: str) -> None:
    server = services[name]
    assert "ports" not in server
    [network] = server["networks"]
    assert project["networks"][network]["internal"] is True
    reached_by = {other for other, service in services.items() if network in service.get("networks", {})}
    assert reached_by == PROFILES[name.partition("-")[0]]
    assert server["cap_drop"] == ["ALL"] and server["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("engine", ["postgres", "citus"])
def test_the_gateway_logs_in_at_its_server(services: dict, engine: str) -> None:
    gateway = services[f"wasmverse-{engine}"]
    url = urlsplit(gateway["environment"]["WASMVERSE_DATABASE_PATH"])
    assert url.scheme == ("citus+postgresql" if engine == "citus" else "postgresql")
    server = services[url.hostname]
    assert set(gateway["networks"]) & set(server["networks"])
    environment = server["environment"]
    assert (url.username, url.password) == (environment["POSTGRES_USER"], environment["POSTGRES_PASSWORD"])
    assert url.path == f"/{environment['POSTGRES_DB']}"
    # It starts when the server, or the whole cluster, answers.
    [(waited_for, how)] = gateway["depends_on"].items()
    assert (
        how["condition"]
        == {
            "postgres": "service_healthy",
            "citus-cluster": "service_completed_successfully",
        }[waited_for]
    )


def test_all_gateways_are_the_same_but_for_their_universe(services: dict) -> None:
    gateways = [dict(services[name]) for name in ("wasmverse", "wasmverse-postgres", "wasmverse-citus")]
    for gateway in gateways:
        gateway["environment"] = {
            name: value for name, value in gateway["environment"].items() if name != "WASMVERSE_DATABASE_PATH"
        }
        for own in ("profiles", "depends_on", "networks", "volumes"):
            gateway.pop(own, None)
    assert gateways[0] == gateways[1] == gateways[2]


@pytest.mark.parametrize("name", SERVERS)
def test_data_and_machine_code_outlive_the_container(project: dict, services: dict, name: str) -> None:
    mounted = {volume["target"]: volume["source"] for volume in services[name]["volumes"]}
    assert set(mounted) == {"/var/lib/postgresql/data", DATABASE.last("VOLUME")}
    assert set(mounted.values()) <= set(project["volumes"])
    others = [other for other in SERVERS if other != name]
    used = {volume["source"] for other in others for volume in services[other]["volumes"]}
    assert not used & set(mounted.values())


def test_the_cluster_has_every_worker_and_is_made_of_this_image(services: dict) -> None:
    cluster = services["citus-cluster"]
    workers = [name for name in services if "worker" in name]
    told = " ".join(cluster["command"])
    assert re.findall(r"citus_add_node\('([\w-]+)', 5432\)", told) == sorted(workers)
    assert re.findall(r"citus_set_coordinator_host\('([\w-]+)'\)", told) == ["citus-coordinator"]
    assert set(cluster["depends_on"]) == {"citus-coordinator", *workers}
    assert {services[name]["image"] for name in (*workers, "citus-cluster", "citus-coordinator")} == {
        f"wasmverse-citus:{PYPROJECT['project']['version']}"
    }
    # The coordinator logs in at its workers with what they were made with.
    for name in workers:
        theirs = services[name]["environment"]
        ours = services["citus-coordinator"]["environment"]
        assert (ours["PGUSER"], ours["PGPASSWORD"]) == (theirs["POSTGRES_USER"], theirs["POSTGRES_PASSWORD"])


def test_a_password_of_ones_own_is_everybodys(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    environment.write_text("WASMVERSE_DATABASE_PASSWORD=secret\n")
    options = [word for profile in PROFILES for word in ("--profile", profile)]
    loaded = run_compose(COMPOSE, "--env-file", str(environment), *options, "config", "--format", "json")
    for service in json.loads(loaded.stdout)["services"].values():
        given = service["environment"]
        assert given.get("POSTGRES_PASSWORD", "secret") == given.get("PGPASSWORD", "secret") == "secret"
        assert ":secret@" in given.get("WASMVERSE_DATABASE_PATH", ":secret@")


@pytest.mark.parametrize("name", SERVERS)
def test_servers_are_built_from_the_stage_for_them(services: dict, name: str) -> None:
    build = services[name]["build"]
    assert Path(build["context"], build["dockerfile"]) == ROOT / "Dockerfile"
    assert build["target"] == DATABASE.name
    assert build["args"]["SERVER"].partition(":")[0] == (
        "postgres" if name == "postgres" else "citusdata/citus"
    )


# ---- the Dockerfile's stage, its steps in a plain shell


def steps_of(text: str) -> list[str]:
    return [step.strip() for rest in DATABASE.all("RUN") for step in rest.split("&&") if text in step]


def test_what_a_turn_needs_is_taken_from_the_lock_with_its_hashes(tmp_path: Path) -> None:
    [pick] = steps_of("awk")
    here = pick.replace("/src/requirements.lock", str(ROOT / "requirements.lock")).replace(
        "/src/", f"{tmp_path}/"
    )
    subprocess.run(["sh", "-c", here], check=True)
    picked = (tmp_path / "turn.lock").read_text("utf-8")
    assert set(re.findall(r"^([\w-]+)==", picked, re.MULTILINE)) == {"llvmlite", "numba", "numpy", "wasmtime"}
    whole = (ROOT / "requirements.lock").read_text("utf-8")
    assert set(picked.splitlines()) <= set(whole.splitlines())
    entries = re.split(r"^(?=[\w-]+==)", picked, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    # pip takes these from the registry, each only with its hash, and nothing else.
    [install] = steps_of("-r /src/turn.lock")
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(shlex.split(install))


def test_the_language_is_that_of_the_servers_own_version() -> None:
    [install] = steps_of("apt-get install")
    assert {"postgresql-plpython3-$PG_MAJOR", "python3-venv"} <= set(shlex.split(install))


def test_the_kernels_folder_belongs_to_the_server() -> None:
    folder = DATABASE.environment["NUMBA_CACHE_DIR"]
    assert folder == DATABASE.last("VOLUME")
    assert steps_of("--owner postgres --group postgres")[0].split()[-1] == folder
    assert DATABASE.environment["PYTHONPATH"] in steps_of("--require-hashes")[0]
