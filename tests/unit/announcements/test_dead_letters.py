"""Where changes are put aside that can never be announced."""

import json
from typing import TYPE_CHECKING, cast

from tests.examples import NOW
from tests.fakes.sqs import FakeSqs
from tests.fakes.stream import record
from tollkeeper.announcements.dead_letters import StreamDeadLetters
from tollkeeper.ledger.table import Key

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CHANGE = record(Key("USER#ada", "PERIOD#1"), None, {"userId": "ad\uffffa"}, number=8, at=NOW)


def letters(queue: FakeSqs) -> StreamDeadLetters:
    """Return where changes are put aside."""
    return StreamDeadLetters(cast("SQSClient", queue), "https://sqs.test/aside")


def test_a_letter_is_the_record_and_its_reason() -> None:
    """Whoever mends the cause can hand the body to the announcer as it is. All of it is ASCII."""
    queue = FakeSqs()
    assert letters(queue).put(CHANGE, "schön \uffff")
    (body,) = queue.bodies
    assert CHANGE == json.loads(body)
    assert body.isascii()
    assert ["sch\\xf6n \\uffff"] == queue.reasons


def test_while_sqs_takes_nothing_nothing_is_kept() -> None:
    """The record must come again."""
    queue = FakeSqs()
    queue.is_down = True
    assert not letters(queue).put(CHANGE, "why")
