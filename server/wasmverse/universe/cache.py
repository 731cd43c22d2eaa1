"""Where the machine code of the kernels is kept between processes: nowhere, until a process says so with `keep_on_disk`.

Loads no compiler, so that a process can say it before it knows whether it will need one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

_SOURCES = Path(__file__).parent
_base: Path | None = None
_kept: Path | None = None


def base_folder() -> Path:
    """NUMBA_CACHE_DIR; else the folder of Python's own cache of this package; else, if that cannot be written, the user's."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBA_CACHE_DIR"])
    beside = _SOURCES / "__pycache__"
    if os.access(beside if beside.exists() else _SOURCES, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "wasmverse"


def keep_on_disk(base: Path) -> None:
    """From now on keep compiled kernels in a folder of ``base``, and take from it what an earlier process compiled.

    The first kernel that is needed makes the folder. If it cannot be written, kernels are compiled for this process alone.
    """
    global _base, _kept
    _base, _kept = base, None


def keep_no_more() -> None:
    """Leave the cache as it is: what is compiled from now on is for this process alone.

    Machine code that others will run must not come from a process that runs strangers' code, and it may not write there.
    """
    global _base, _kept  # noqa: PLW0603
    _base = _kept = None


def kept_in() -> Path | None:
    """The folder that kernels are kept in; None when they are not kept."""
    global _kept  # noqa: PLW0603
    if _base is not None and _kept is None:
        _kept = cache_folder(_base, _SOURCES)
    return _kept


def are_compiled() -> bool:
    """Whether an earlier process has left machine code of these very kernels."""
    folder = kept_in()
    return folder is not None and any(folder.rglob("*.nbi"))


def cache_folder(base: Path, sources: Path) -> Path:
    """The folder in ``base`` for machine code made of these sources; those of other sources are removed.

    numba looks only at the file of the kernel it compiles. One that calls a kernel of another file, or was compiled with
    a constant of another, would be taken from the cache although its rules have changed.
    """
    digest = hashlib.sha256()
    for path in sorted(sources.glob("*.py")):
        text = path.read_bytes()
        if b"@kernel" in text or path.stem in {"kernels", "rules", "records", "outcome"}:
            digest.update(text)
    folder = base / f"kernels-{digest.hexdigest()[:16]}"
    if not folder.exists():
        for old in base.glob("kernels-*"):
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)
    return folder
