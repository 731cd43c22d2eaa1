"""What waits to be written to a pipe: in order, not too late, and counted."""

import math
import threading
import time

from wasmverse.processes.outbox import Letter, Outbox


def test_messages_are_taken_in_order_and_counted_until_they_are_written() -> None:
    outbox = Outbox()
    for text in (b"one", b"three"):
        outbox.put(Letter(text))
    assert outbox.size() == (2, 8)
    assert outbox.take() == b"one"
    assert outbox.size() == (2, 8), "one is under way"
    assert outbox.take() == b"three"
    assert outbox.size() == (1, 5)
    outbox.close()
    assert outbox.take() is None
    assert outbox.size() == (0, 0)


def test_what_nobody_wants_any_more_is_never_taken() -> None:
    outbox = Outbox()
    left, late, last = Letter(b"left"), Letter(b"late", time.monotonic() - 1), Letter(b"last")
    for letter in (left, late, last):
        outbox.put(letter)
    assert outbox.take_back(left)
    assert outbox.size() == (1, 4)
    assert outbox.take() == b"last"
    assert outbox.take_back(late), "it was never written"
    assert not outbox.take_back(last), "it was"


def test_who_takes_waits_for_a_message() -> None:
    outbox = Outbox()
    taken: list[bytes | None] = []
    thread = threading.Thread(target=lambda: taken.extend((outbox.take(), outbox.take())))
    thread.start()
    outbox.put(Letter(b"at last", math.inf))
    outbox.close()
    thread.join(10)
    assert taken in ([b"at last", None], [None, None])
