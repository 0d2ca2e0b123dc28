"""What Stripe answered a user's page, to a value from the row that keeps it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tollkeeper.ledger.rows import instant, text
from tollkeeper.ledger.table import Row
from tollkeeper.rules.asking import Clicks

LIFETIME = timedelta(hours=1)
"""For which an answer is believed where no newer one is to be had."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Stripe answered a user's page, and when it was asked. `rev` moves with each right to ask.

    `said` is the last answer, as whoever asked wrote it, to the question of `said_at`. `is_silent` says that
    the last question got none.
    """

    rev: int = 0
    asked_at: datetime | None = None
    said: str | None = None
    said_at: datetime | None = None
    is_silent: bool = False
    clicks: Clicks | None = None

    def believed(self, now: datetime) -> str | None:
        """Return the last answer, if it is not too old."""
        return self.said if self.said_at and abs(now - self.said_at) < LIFETIME else None


def read_answer(row: Row | None) -> Answer:
    """Read a row, which may not exist."""
    row = row or {}
    since = instant(row, "clicksSince")
    return Answer(
        rev=int(row.get("rev", 0)),
        asked_at=instant(row, "askedAt"),
        said=text(row, "said"),
        said_at=instant(row, "saidAt"),
        is_silent="silent" in row,
        clicks=Clicks(int(row["clicks"]), since) if since else None,
    )
