"""The book of what Stripe answered users' pages: a row each, of which all instances of the function know.

Whoever is to ask writes so first, on the condition that nobody has since the row was read. So of many who
look at once, one asks. If that one dies before it has written the answer, the next minute asks again.
The row is a copy that may be lost: it is believed for an hour, and then goes by itself.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from tollkeeper.ledger import keys
from tollkeeper.ledger.answer_rows import LIFETIME, Answer, read_answer
from tollkeeper.ledger.table import Cells, Change, Table, TransactionCancelledError, UnavailableError, equal
from tollkeeper.rules.asking import clicked, may_look
from tollkeeper.rules.times import epoch

MOST_ATTEMPTS = 4
"""Of one click, where others of the same user come in between."""


class StripeAnswers:
    """Gives the right to ask, once a minute and for a few clicks besides, and keeps what was answered."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, user_id: str, read: Answer, now: datetime) -> Answer | None:
        """Take the right to ask for a page that is loaded; None if it is not to be had, or nobody knows."""
        if not may_look(read.asked_at, now):
            return None
        claimed = replace(read, rev=read.rev + 1, asked_at=now)
        cells: Cells = {"rev": claimed.rev, "askedAt": now, "expiresAt": _expires(now)}
        change = Change(keys.answer(user_id), set=cells, only_if=[equal("rev", read.rev or None)])
        try:
            self._table.transact([change])
        except (TransactionCancelledError, UnavailableError):
            return None
        return claimed

    def keep(self, user_id: str, claimed: Answer, said: str) -> None:
        """Keep what was answered, unless somebody has had the right to ask since."""
        self._end(user_id, claimed, {"said": said, "saidAt": claimed.asked_at}, ["silent"])

    def keep_silence(self, user_id: str, claimed: Answer) -> None:
        """Keep that nothing was answered, likewise."""
        self._end(user_id, claimed, {"silent": True}, [])

    def _end(self, user_id: str, claimed: Answer, cells: Cells, gone: list[str]) -> None:
        still = [equal("rev", claimed.rev)]
        with suppress(TransactionCancelledError, UnavailableError):
            self._table.transact([Change(keys.answer(user_id), set=cells, remove=gone, only_if=still)])

    def click(self, user_id: str, read: Answer, now: datetime) -> bool:
        """Whether a click may ask; each that may is counted.

        Raises:
            UnavailableError: it may have been counted.
        """
        return self._clicked(read, now, Change(keys.answer(user_id)))

    def decided(self, user_id: str, read: Answer, now: datetime) -> bool:
        """Let the next page that is loaded ask, and nobody keep an older answer: a click like any other.

        Return whether it may; what was decided stands either way.
        """
        anew = Change(keys.answer(user_id), add={"rev": 1}, remove=["askedAt"])
        try:
            return self._clicked(read, now, anew)
        except UnavailableError:
            return False

    def _clicked(self, read: Answer, now: datetime, change: Change) -> bool:
        for _ in range(MOST_ATTEMPTS):
            before, after = read.clicks, clicked(read.clicks, now)
            if after is None:
                return False
            cells: Cells = {"clicks": after.number, "clicksSince": after.since, "expiresAt": _expires(now)}
            as_read = [
                equal("clicks", before.number if before else None),
                equal("clicksSince", before.since if before else None),
            ]
            try:
                self._table.transact([replace(change, set=cells, only_if=as_read)])
            except TransactionCancelledError as error:
                read = read_answer(error.refused[0].row) if error.only_by_condition else read
            else:
                return True
        return False


def _expires(now: datetime) -> int:
    return epoch(now + LIFETIME)
