"""The packages that `python -m build` makes: an sdist, and from it a wheel, each installed and flown."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SITE = next(Path(path) for path in sys.path if path.endswith("site-packages"))


def build(source: Path, target: str, into: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    [made] = into.iterdir()
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel_of_sdist(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python -m build` makes: its wheel comes from the sdist, in a folder that has nothing else."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    [source] = unpacked.iterdir()
    return build(source, "wheel", tmp_path_factory.mktemp("wheel_of_sdist"))


def files(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {
            entry.filename: entry.CRC for entry in archive.infolist() if "dist-info/" not in entry.filename
        }


def test_the_sdists_wheel_is_the_wheel(wheel: Path, wheel_of_sdist: Path) -> None:
    direct = files(wheel)
    assert files(wheel_of_sdist) == direct
    for wanted in (
        "page/index.html",
        "bundled/strategy_default.wasm",
        "languages/strategies/c/miner.c",
        *(f"{page}.md" for page in ("pages/abi", "pages/mcp", "pages/query", "languages/strategies/README")),
        "strategies/strategy.wit",
        "py.typed",
    ):
        assert f"wasmverse/{wanted}" in direct
    assert not [name for name in direct if "node_modules" in name or name.startswith("tests/")]


def test_the_sdist_holds_sources_and_no_machine(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "web/package.json", "tests/test_packages.py", "requirements-dev.lock"} <= names
    assert not [name for name in names if "node_modules" in name or ".venv" in name or ".toolchains" in name]


@pytest.fixture(scope="module")
def installed(wheel_of_sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment of its own with the wheel; the packages that it wants are those that are here, the project is not."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home)
    python = home / "bin" / "python"
    [packages] = home.glob("lib/python*/site-packages")
    # Lines in a .pth file are only added to the path: the .pth of the project's own editable install is not read.
    (packages / "dependencies.pth").write_text(f"{SITE}\n", "utf-8")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--force-reinstall",
            wheel_of_sdist,
        ],
        check=True,
    )
    yield home / "bin"


def flown(bin_folder: Path, folder: Path) -> dict[str, Any]:
    """The account of three turns."""
    sizes = {"systems": 4, "ships": 8, "nodes": 8, "turns": 3}
    options = [f"--{name}={value}" for name, value in sizes.items()]
    said = subprocess.run(
        [bin_folder / "wasmverse", "bench", "turn", *options, "--memory", "--json"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        # With NUMBA_CACHE_DIR of the tests: the kernels are the same here, and need not be compiled again.
        env=dict(os.environ),
    )
    return json.loads(said.stdout)


def test_an_installed_wheel_flies(installed: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [installed / "python", "-c", "import wasmverse; print(wasmverse.__file__)"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert where.startswith(str(installed.parent))
    assert flown(installed, tmp_path)["turns"] == 3


def other_pythons() -> list[Path]:
    """Of each later version that is named in pyproject.toml, one that this machine has."""
    classifiers = re.findall(r"Python :: 3\.(\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    found = []
    for minor in sorted(int(minor) for minor in classifiers if int(minor) > sys.version_info.minor):
        name = f"python3.{minor}"
        places = [shutil.which(name), *sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/{name}"))]
        for python in filter(None, places):
            # Where pyenv has none that is switched on, it puts a command there that only says so.
            if subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
                found.append(Path(python))
                break
    return found


IMPORTED = """
import warnings
warnings.filterwarnings("error", category=DeprecationWarning, module=r"wasmverse(\\.|$)")
import importlib, pkgutil, wasmverse
names = [module.name for module in pkgutil.walk_packages(wasmverse.__path__, "wasmverse.")]
for name in names:
    if not name.endswith(".__main__") and ".migrations." not in name:
        importlib.import_module(name)
"""
"""All but what runs when it is imported."""


OTHERS = other_pythons()
"""Of the ones that are here: what a machine has is tested, the latest every time and the others with the long tests."""
CHOSEN = OTHERS if "WASMVERSE_TEST_PYTHONS" in os.environ else OTHERS[-1:]


@pytest.mark.parametrize("python", CHOSEN, ids=lambda python: python.name)
def test_a_later_python_imports_all_of_it_and_plays_the_same_turns(
    python: Path, wheel_of_sdist: Path, installed: Path, tmp_path: Path
) -> None:
    home = tmp_path / "environment" / "bin"
    subprocess.run([python, "-m", "venv", home.parent], check=True)
    pip = [home / "python", "-m", "pip", "install", "--quiet", "--no-compile"]
    subprocess.run([*pip, "-r", ROOT / "requirements.lock"], check=True)
    subprocess.run([*pip, "--no-deps", "--no-index", wheel_of_sdist], check=True)
    subprocess.run([home / "python", "-c", IMPORTED], cwd=tmp_path, check=True)
    assert flown(home, tmp_path)["state_hash"] == flown(installed, tmp_path)["state_hash"]
