"""The book of users: their Stripe customer, what Stripe says of their subscription, and their periods."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.rows import Value, marshal
from tollkeeper.ledger.table import Table, TransactionCancelledError, Write
from tollkeeper.rules.accounts import Account
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.periods import Period
from tollkeeper.rules.subscriptions import Subscription

LONGEST_PERIOD = timedelta(days=32)
"""No period starts longer ago than this and still goes on: plans are monthly."""


class StaleRevisionError(Exception):
    """Somebody else wrote the user's row since it was read. Read it again, ask Stripe again, then write."""


class Accounts:
    """Reads and writes users' rows."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, user_id: str, since: datetime) -> Account:
        """Return a user with every period that may hold an instant at or after `since`, in one read.

        A user nobody has heard of is an account without anything: the free plan.
        """
        items = self._table.query(
            keys.user(user_id), keys.periods_since(since - LONGEST_PERIOD), keys.PROFILE
        )
        profile = next((item for item in items if item["sk"]["S"] == keys.PROFILE), None)
        periods = tuple(rows.period(item) for item in items if item is not profile)
        return rows.account(user_id, profile, periods)

    def bind_customer(self, user_id: str, customer_id: str) -> str:
        """Make a Stripe customer the user's, unless they have one already; return the one they have."""
        try:
            self._table.transact(
                [
                    self._table.update(
                        keys.profile(user_id),
                        "SET stripeCustomerId = :customer, userId = :user",
                        marshal({":customer": customer_id, ":user": user_id}),
                        condition="attribute_not_exists(stripeCustomerId) OR stripeCustomerId = :customer",
                    )
                ]
            )
        except TransactionCancelledError as error:
            if not error.only_by_condition or error.reasons[0].item is None:
                raise
            return str(error.reasons[0].item["stripeCustomerId"]["S"])
        return customer_id

    def write_subscription(
        self,
        account: Account,
        subscription: Subscription,
        periods: Sequence[Period],
        audit: AuditEntry | None,
    ) -> None:
        """Write what Stripe says now, and the bounds and terms of the periods it speaks of, at once.

        `account` is the row as it was read before Stripe was asked.

        Raises:
            StaleRevisionError: the user's row was written, or a period closed, since `account` was read.
        """
        writes = [self._profile(account, subscription)]
        writes += [self._period(account.user_id, period) for period in periods]
        if audit:
            writes.append(
                self._table.put(keys.audit(audit.user_id, audit.at, uuid4().hex), rows.audit_item(audit))
            )
        try:
            self._table.transact(writes)
        except TransactionCancelledError as error:
            raise StaleRevisionError from error

    def _profile(self, account: Account, subscription: Subscription) -> Write:
        values = rows.subscription_values(subscription)
        present = {name: value for name, value in values.items() if value is not None}
        absent = [name for name, value in values.items() if value is None]
        settings: dict[str, Value | datetime] = present | {"userId": account.user_id, "rev": account.rev + 1}
        if account.trial_used or subscription.trial_end:
            settings["trialUsed"] = True
        expression = "SET " + ", ".join(f"{name} = :{name}" for name in settings)
        if absent:
            expression += " REMOVE " + ", ".join(absent)
        arguments = marshal({f":{name}": value for name, value in settings.items()})
        if account.rev:
            condition = "rev = :before"
            arguments |= marshal({":before": account.rev})
        else:
            condition = "attribute_not_exists(rev)"
        return self._table.update(keys.profile(account.user_id), expression, arguments, condition=condition)

    def _period(self, user_id: str, period: Period) -> Write:
        values = rows.period_bounds(user_id, period) | {
            "due": keys.shard(Due.CLOSE, user_id),
            "dueAt": period.end,
        }
        present = {name: value for name, value in values.items() if value is not None}
        return self._table.update(
            keys.period(user_id, period),
            "SET " + ", ".join(f"{name} = :{name}" for name in present),
            marshal({f":{name}": value for name, value in present.items()}),
            condition="attribute_not_exists(closedAt)",
        )
