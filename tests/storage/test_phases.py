"""What turns cost, as snapshots show it."""

from __future__ import annotations

from wasmverse.storage.phases import PHASES, TURNS_KEPT, TurnPhases


def test_a_turn_has_its_phases_and_what_publishing_it_took_once_that_is_known() -> None:
    phases = TurnPhases()
    phases.note_published(9.0)
    assert phases.table().num_rows == 0
    phases.note_turn(7, dict.fromkeys(PHASES, 0.5))
    phases.note_watchers(3)
    (row,) = phases.table().to_pylist()
    assert row == {
        "tid": 7,
        **{f"{phase}_seconds": 0.5 for phase in PHASES},
        "publish_seconds": None,
        "watchers": 0,
    }
    phases.note_published(0.25)
    phases.note_turn(8, {"read": 0.1})
    before, newest = phases.table().to_pylist()
    assert before["publish_seconds"] == 0.25
    assert (newest["watchers"], newest["read_seconds"], newest["observe_seconds"]) == (3, 0.1, 0.0)


def test_the_last_minute_is_kept() -> None:
    phases = TurnPhases()
    for tid in range(200):
        phases.note_turn(tid, {})
    assert phases.table()["tid"].to_pylist() == list(range(200 - TURNS_KEPT, 200))
