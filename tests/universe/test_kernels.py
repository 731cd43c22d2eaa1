"""The cache of machine code follows the sources of all kernels, not of one file."""

from pathlib import Path

from wasmverse.universe.kernels import cache_folder


def sources(folder: Path, cost: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "rules.py").write_text(f"COST = {cost}\n")
    (folder / "apply.py").write_text("@kernel\ndef apply(): ...\n")
    (folder / "turn.py").write_text("def play(): ...\n")
    return folder


def test_a_changed_constant_leaves_the_cache(tmp_path: Path) -> None:
    base = tmp_path / "cache"
    first = cache_folder(base, sources(tmp_path / "s", 1))
    first.mkdir(parents=True)
    assert cache_folder(base, sources(tmp_path / "s", 1)) == first
    second = cache_folder(base, sources(tmp_path / "s", 2))
    assert second != first
    assert not first.exists(), "machine code of older sources is of no more use"


def test_what_is_no_kernel_keeps_the_cache(tmp_path: Path) -> None:
    folder = sources(tmp_path / "s", 1)
    first = cache_folder(tmp_path, folder)
    (folder / "turn.py").write_text("def play(): return 1\n")
    assert cache_folder(tmp_path, folder) == first


def test_a_new_folder_of_another_process_is_not_removed(tmp_path: Path) -> None:
    folder = sources(tmp_path / "s", 1)
    new = cache_folder(tmp_path, folder)
    new.mkdir()
    (new / "kernel.nbc").touch()
    assert cache_folder(tmp_path, folder) == new
    assert (new / "kernel.nbc").exists()
