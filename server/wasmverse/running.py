"""The servers of this user that run on this machine, each a small file, so that commands find one on any port."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import platformdirs
import psutil

from wasmverse.errors import SettingsError

DEFAULT_URL = "http://127.0.0.1:8000"


def servers_folder() -> Path:
    """Where running servers of this user are written down, in the user's own state folder."""
    return Path(platformdirs.user_state_dir("wasmverse", appauthor=False)) / "servers"


def announce(url: str) -> Path | None:
    """Write down that this process serves at ``url``; None where that folder cannot be written, which harms nothing.

    Whoever was given the path removes the file at the end; what a killed server left is passed over by `server_url`.
    """
    process = psutil.Process()
    path = servers_folder() / f"{process.pid}.json"
    try:
        entry = {
            "url": url,
            "pid": process.pid,
            "began": process.create_time(),
            "folder": str(Path.cwd()),
        }
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(json.dumps(entry), "utf-8")
    except OSError:
        return None
    return path


def server_url() -> str:
    """Where a command finds the server: the only one that runs, or `DEFAULT_URL` when none or several do and it is among them.

    Raises
    ------
    SettingsError : several run, and none of them at `DEFAULT_URL`.
    """
    urls = dict(sorted(found for path in _entries() if (found := _living(path)) is not None))
    if not urls or DEFAULT_URL in urls:
        return DEFAULT_URL
    if len(urls) > 1:
        shown = ", ".join(f"{url} (started {where})" for url, where in urls.items())
        raise SettingsError(f"several servers run: {shown}; name one with --url, or in WASMVERSE_URL")
    return next(iter(urls))


def server_of(pid: int) -> tuple[int, str] | None:
    """The process and the address of the server of which a process is a part; None if it is none of this user's."""
    try:
        process = psutil.Process(pid)
        family = {process.pid, *(parent.pid for parent in process.parents())}
    except psutil.Error:
        return None
    for path in _entries():
        if path.stem.isdecimal() and int(path.stem) in family and (found := _living(path)) is not None:
            return int(path.stem), found[0]
    return None


def _entries() -> list[Path]:
    try:
        return [path for path in servers_folder().iterdir() if path.suffix == ".json"]
    except OSError:
        return []


def _living(path: Path) -> tuple[str, str] | None:
    """The address in a server's file, and when and in which folder it was started.

    None when the file is not ours or cannot be read, or the process has ended.
    """
    try:
        if path.stat().st_uid != os.getuid():
            return None
        entry = json.loads(path.read_text("utf-8"))
        url, pid, began = str(entry["url"]), int(entry["pid"]), float(entry["began"])
        is_same = abs(psutil.Process(pid).create_time() - began) < 1.0
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    if not is_same:
        return None
    folder = f" in {entry['folder']}" if "folder" in entry else ""
    return url, f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(began))}{folder}"
