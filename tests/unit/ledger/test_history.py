"""What a list goes on with is taken by whichever release answers."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

import pytest

from tests.examples import START
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.history import History, Part

type Ask = Callable[[History, str], Part[object]]


@pytest.mark.parametrize(
    ("question", "ask"),
    [
        (
            ["ada", "period", "2025-11-03T09:30:15Z", "exports"],
            lambda history, cursor: history.of_period("ada", START, "exports", cursor),
        ),
        (
            ["ada", "behind", "a period", None],
            lambda history, cursor: history.behind("ada", "a period", cursor),
        ),
        (
            ["ada", "month", "2025-11", None],
            lambda history, cursor: history.of_month("ada", "2025-11", None, cursor),
        ),
        (["ada", "audit"], lambda history, cursor: history.audit("ada", cursor)),
    ],
    ids=["of a period", "behind a bill", "of a month", "the audit trail"],
)
def test_a_cursor_of_another_release_is_taken(question: list[str | None], ask: Ask) -> None:
    """While a new one is deployed, both answer: each question is sealed as it always was."""
    seal = sha256(json.dumps(question).encode()).digest()[:12]
    cursor = urlsafe_b64encode(seal + b'["A",{}]').decode().rstrip("=")
    assert Part([], None) == ask(History(MemoryTable()), cursor)
