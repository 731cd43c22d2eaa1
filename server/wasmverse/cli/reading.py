"""What is said when a folder is given where a file is expected."""

from __future__ import annotations

from pathlib import Path


def not_readable(file: Path, error: OSError) -> str:
    """Why a file cannot be read; of a folder, which file in it may be meant: a project's module is called like its folder."""
    if not isinstance(error, IsADirectoryError):
        return f"{file} cannot be read: {error.strerror}"
    module = file / f"{file.resolve().name}.wasm"
    return f"{file} is a folder; name a file in it" + (f": {module}" if module.is_file() else "")
