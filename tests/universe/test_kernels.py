"""The cache of machine code follows the sources of all kernels, not of one file."""

from pathlib import Path

import pytest

from wasmverse.universe import cache
from wasmverse.universe.cache import are_compiled, cache_folder, keep_no_more, keep_on_disk, kept_in


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


def test_it_is_known_whether_kernels_have_to_be_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_base", None)
    monkeypatch.setattr(cache, "_kept", None)
    keep_on_disk(tmp_path)
    folder = kept_in()
    assert folder is not None
    assert folder.parent == tmp_path
    assert not are_compiled()
    (folder / "universe").mkdir(parents=True)
    assert not are_compiled()
    (folder / "universe" / "apply.nbi").touch()
    assert are_compiled()
    keep_no_more()
    assert kept_in() is None
    assert not are_compiled()


def test_a_new_folder_of_another_process_is_not_removed(tmp_path: Path) -> None:
    folder = sources(tmp_path / "s", 1)
    new = cache_folder(tmp_path, folder)
    new.mkdir()
    (new / "kernel.nbc").touch()
    assert cache_folder(tmp_path, folder) == new
    assert (new / "kernel.nbc").exists()
