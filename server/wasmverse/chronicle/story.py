"""The stories of a turn: what is told of it, each with a score of 0 to 1 by how rare it is and what was at stake."""

from __future__ import annotations

from typing import Any, NamedTuple

from wasmverse.chronicle.names import ship_name
from wasmverse.chronicle.rarity import Rarity
from wasmverse.chronicle.texts import sentence

KINDS = (
    "fight", "duel", "titan_falls", "first_kill", "birth", "grounded", "last_ship", "lead", "system_taken", "strongest", "record",
    "spree", "hero",
)  # fmt: skip
"""What is told of."""

SCORE_MIN = 0.3
"""What comes more often than every eighth turn is not told."""
STORIES_MAX = 8
"""Of a turn at most."""
AGAIN_TURNS, AGAIN_FACTOR = 300, 0.6
"""What was told of the same ship, system or strategy within so many turns is that much less interesting."""
TOLD_MAX = 512


class Story(NamedTuple):
    """A row of ``story``."""

    tid: int
    sid: int | None
    eid: int | None
    x: int | None
    y: int | None
    kind: str
    score: float
    strategy: str | None
    by_strategy: str | None
    name: str | None
    by_name: str | None
    value: int | None
    text: str


class _Found(NamedTuple):
    """What may be told; the first three are the order in which it is chosen. kind, of, values : as `Stories.add` has them."""

    minus_score: float
    place: int
    eid: int
    kind: str
    of: str
    values: dict[str, Any]


class Stories:
    """Those of one turn, as they are found.

    Parameters
    ----------
    told : by kind and subject when one was told last; is changed.
    """

    def __init__(self, tid: int, rarity: Rarity, told: dict[str, int]) -> None:
        self._tid = tid
        self._rarity = rarity
        self._told = told
        self._found: list[_Found] = []

    def add(
        self, kind: str, of: str, greatness: int, values: dict[str, Any], *, score: float | None = None
    ) -> None:
        """Add one, with a score of its own or by how often something as great of that kind comes.

        Parameters
        ----------
        of : which sentences tell it.
        values : not to be changed after this: what they say, and the columns of the story: sid, eid, x, y, strategy, by_strategy,
            by_eid, value.
        """
        score = self._rarity.score(kind, greatness) if score is None else score
        if score < SCORE_MIN:
            return
        subject = f"{kind} {values.get('eid') or values.get('sid') or values.get('strategy')}"
        if self._tid - self._told.get(subject, -AGAIN_TURNS) < AGAIN_TURNS:
            score = round(score * AGAIN_FACTOR, 2)
        self._told.pop(subject, None)
        self._told[subject] = self._tid
        if len(self._told) > TOLD_MAX:
            del self._told[next(iter(self._told))]
        self._found.append(_Found(-score, KINDS.index(kind), values.get("eid") or 0, kind, of, values))

    def chosen(self) -> list[Story]:
        """The best ones, the best first; of one ship or system that several are about, only the best."""
        chosen: list[Story] = []
        subjects: set[tuple[str, int]] = set()
        for found in sorted(self._found, key=lambda one: one[:3]):
            eid, sid = found.values.get("eid"), found.values.get("sid")
            about = {("ship", eid)} if eid is not None else {("system", sid)} if sid else set()
            if -found.minus_score < SCORE_MIN or len(chosen) == STORIES_MAX or about & subjects:
                continue
            subjects |= about
            chosen.append(self._told_of(found))
        return chosen

    def _told_of(self, found: _Found) -> Story:
        """Put into words what is told."""
        eid, by_eid = found.values.get("eid"), found.values.get("by_eid")
        names: dict[str, Any] = {
            "name": None if eid is None else ship_name(eid),
            "by_name": None if by_eid is None else ship_name(by_eid),
        }
        text = sentence(found.of, self._tid, {**found.values, **names})
        known = {
            name: found.values.get(name)
            for name in ("sid", "eid", "x", "y", "strategy", "by_strategy", "value")
        }
        return Story(tid=self._tid, kind=found.kind, score=-found.minus_score, text=text, **names, **known)
