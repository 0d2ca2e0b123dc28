"""What trackers remember of messages."""

from datetime import timedelta

from tests.examples import NOW
from tests.fakes.table import MemoryTable
from tollkeeper.ledger import keys
from tollkeeper.ledger.tracking import MessageAttempts, QueueBacklog
from tollkeeper.rules.times import epoch


def test_attempts_are_counted_until_the_function_outlives_them() -> None:
    """Each by itself, and remembered for no longer than a message may live."""
    table = MemoryTable()
    attempts = MessageAttempts(table)
    assert {"a": 0, "b": 0} == attempts.begin(["a", "b"], NOW)
    assert {"a": 1} == attempts.begin(["a"], NOW + timedelta(hours=1))
    attempts.end(["a"])
    assert {"a": 0, "b": 1} == attempts.begin(["a", "b"], NOW)
    assert epoch(NOW + timedelta(days=15)) == table.rows[keys.attempt("a")]["expiresAt"]


def test_a_note_of_the_queue_is_kept_for_a_day() -> None:
    """Longer than anybody looks back, and then it goes by itself."""
    table = MemoryTable()
    QueueBacklog(table).note(NOW, NOW)
    (note,) = table.rows.values()
    assert epoch(NOW + timedelta(days=1)) == note["expiresAt"]
