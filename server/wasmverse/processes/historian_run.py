"""The inside of the historian: one turn after another is played again and published; ahead of who watches, while nobody asks."""

from __future__ import annotations

import contextlib
import json
import logging
import select
import time
from pathlib import Path
from typing import Any

from wasmverse.errors import PastError, SnapshotError, WasmverseError
from wasmverse.past.player import Player
from wasmverse.past.shown import ShownTurns
from wasmverse.snapshots.snapshot import turn_folder

log = logging.getLogger("wasmverse.historian")


class _FolderLost(Exception):
    """Somebody has removed the folder of the snapshots, and this process may not make another."""


def serve(stream: Any, config: dict[str, Any]) -> None:
    """Answer until the stream ends, or until only another process can.

    Parameters
    ----------
    stream : lines of JSON. ``{"show": 41}`` is answered by ``{"turn": 41, "seconds": 0.2, "error": null}`` once the turn can be
        read, or will not be; ``{"use": 41}`` says that it was asked for again, and is not answered.
    config : ``past``, ``shown``, ``keep``, ``bytes_max``, ``ahead``, ``threads``; ``columns``, of each table of a snapshot.
    """
    player = Player(Path(config["past"]), config["columns"], config["threads"])
    shown = ShownTurns(Path(config["shown"]), config["keep"], config["bytes_max"])
    with contextlib.suppress(_FolderLost):
        _answer_all(stream, config, player, shown)


def _answer_all(stream: Any, config: dict[str, Any], player: Player, shown: ShownTurns) -> None:
    ahead = _Ahead(config["ahead"])
    while True:
        if not select.select([stream], [], [], 0)[0] and (tid := ahead.next(shown)) is not None:
            # What nobody asked for yet is not worth an answer, nor a line in the log.
            if _is_in_memory(config, tid) or _show(player, shown, tid) is not None:
                ahead.stop()
            ahead.played(tid)
            continue
        line = stream.readline()
        if not line:
            return
        told = json.loads(line)
        if (tid := told.get("use")) is not None:
            shown.note(tid)
            ahead.asked(tid)
            continue
        tid = told["show"]
        clock = time.perf_counter()
        error = None if shown.has(tid) else _show(player, shown, tid)
        ahead.asked(tid)
        answer = {"turn": tid, "seconds": time.perf_counter() - clock, "error": error}
        stream.write(json.dumps(answer).encode() + b"\n")


def _show(player: Player, shown: ShownTurns, tid: int) -> str | None:
    """Play a turn again and publish it; why that cannot be, None if it is done. Raises _FolderLost."""
    try:
        shown.show(player.moment(tid))
    except SnapshotError as error:
        log.error("%s", error.message)
        if not shown.is_there:
            raise _FolderLost from error
        return f"turn {tid} was played again, but its snapshot cannot be written: the server's log says why"
    except WasmverseError as error:
        if not isinstance(error, PastError):
            log.error("turn %d cannot be shown: %s", tid, error.message)
        return error.message
    except Exception as error:  # what nobody thought of must not end it for those who ask for other turns
        log.exception("turn %d cannot be shown", tid)
        return f"turn {tid} cannot be played again: {type(error).__name__}"
    return None


def _is_in_memory(config: dict[str, Any], tid: int) -> bool:
    return turn_folder(Path(config["shown"]).parent, tid).exists()


class _Ahead:
    """Which turn is worth playing before somebody asks for it: the next ones, once two were asked for one after the other."""

    def __init__(self, turns: int) -> None:
        self._turns = turns
        self._last: int | None = None
        self._until: int | None = None
        self._played = -1

    def asked(self, tid: int) -> None:
        """Somebody asked for a turn."""
        if self._last is not None and tid != self._last:
            is_sequence = 0 < tid - self._last <= max(1, self._turns)
            self._until = tid + self._turns if is_sequence else None
            if not is_sequence:
                self._played = tid
        self._last = tid

    def next(self, shown: ShownTurns) -> int | None:
        """The next turn to play; None if there is none."""
        if self._last is None or self._until is None:
            return None
        tids = range(max(self._last, self._played) + 1, self._until + 1)
        return next((tid for tid in tids if not shown.has(tid)), None)

    def played(self, tid: int) -> None:
        """A turn was played ahead. Where there is no room for all of them it may be gone soon, and is not played once more before
        somebody asks for it."""
        self._played = tid

    def stop(self) -> None:
        """There is nothing more to play ahead."""
        self._until = None
