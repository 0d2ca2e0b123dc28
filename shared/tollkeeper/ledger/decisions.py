"""The book of decisions: the last one stands in the user's row (rules/decisions.py)."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from tollkeeper.ledger import decision_rows, keys
from tollkeeper.ledger.patience import ContendedError, Patience
from tollkeeper.ledger.table import Change, Table, TransactionCancelledError, UnavailableError, equal
from tollkeeper.rules.decisions import Decision, Obstruction, Wish, decided
from tollkeeper.rules.users import User


class UnderWayError(Exception):
    """Another decision of the user's is being carried out."""


class DecisionMovedError(Exception):
    """Another decision was made since the user was read. Read again, ask Stripe again, then decide."""


class Decisions:
    """Takes decisions and says that they are done. None of it moves the row's revision."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def take(self, user: User, wish: Wish, now: datetime, patience: Patience) -> Decision:
        """Return the decision that a wish is, written down; `user` was read before Stripe was asked.

        Raises:
            UnderWayError: another one is being carried out.
            DecisionMovedError: another one was made since the user was read.
            ContendedError: others were at the row until time was up.
        """
        attempt = 0
        while True:
            last = self._last(user.user_id)
            taken = decided(last, user.decision, wish, now)
            match taken:
                case Obstruction.UNDER_WAY:
                    raise UnderWayError
                case Obstruction.MOVED:
                    raise DecisionMovedError
                case Decision() if taken == last:
                    return taken
                case Decision():
                    try:
                        self._write(user.user_id, last, taken)
                    except (TransactionCancelledError, UnavailableError):
                        patience.wait(attempt)
                        attempt += 1
                    else:
                        return taken

    def finish(self, user_id: str, decision: Decision, patience: Patience, *, failed: bool = False) -> None:
        """Say that Stripe's answer to a decision was read, unless somebody has said so, or decided anew.

        `failed` says that it was a failure that Stripe will repeat: the next attempt needs another key.
        Should it not be written down, nobody joins the decision any more once it cannot be under way.
        """
        done = replace(decision, done=True, attempt=decision.attempt + failed)
        for attempt in range(3):
            try:
                self._write(user_id, decision, done)
            except TransactionCancelledError as error:
                if error.only_by_condition:
                    return
            except UnavailableError:
                pass
            else:
                return
            with suppress(ContendedError):
                patience.wait(attempt)

    def _last(self, user_id: str) -> Decision | None:
        row = next(iter(self._table.get_all([keys.profile(user_id)])), {})
        return decision_rows.decision(row)

    def _write(self, user_id: str, before: Decision | None, after: Decision) -> None:
        change = Change(
            keys.profile(user_id),
            set={decision_rows.NAME: decision_rows.written(after), "userId": user_id},
            only_if=[equal(decision_rows.NAME, decision_rows.written(before) if before else None)],
        )
        self._table.transact([change])
