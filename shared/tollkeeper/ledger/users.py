"""The book of users: their Stripe customer, what Stripe says of their subscription, and their periods."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from tollkeeper.ledger import entry_rows, keys, rows
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.table import Change, Key, Put, Table, TransactionCancelledError, Write, absent, equal
from tollkeeper.rules.announcements import Announcement
from tollkeeper.rules.audit import AuditEntry, of_spending_cap
from tollkeeper.rules.periods import Period
from tollkeeper.rules.subscriptions import Subscription
from tollkeeper.rules.times import from_epoch
from tollkeeper.rules.users import User

LONGEST_PERIOD = timedelta(days=32)
"""No period starts longer ago than this and still goes on: plans are monthly."""


class StaleRevisionError(Exception):
    """Somebody else wrote the user's row since it was read. Read it again, ask Stripe again, then write."""


class Users:
    """Reads and writes users' rows."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def history(self, user_id: str) -> User:
        """Return a user with every period they ever had."""
        return self._read(user_id, from_epoch(0))

    def read(self, user_id: str, since: datetime) -> User:
        """Return a user with every period that may hold an instant at or after `since`, in one read.

        A user nobody has heard of is an account without anything: the free plan.
        """
        user = self._read(user_id, since - LONGEST_PERIOD)
        subscription = user.subscription
        if subscription and subscription.renews and subscription.period_end < since - LONGEST_PERIOD:
            # Stripe's word of a renewal is long overdue: the provisional period began before what was read.
            user = self._read(user_id, subscription.period_end)
        return user

    def profiles(self, user_ids: Iterable[str]) -> Iterator[User]:
        """Return users by their rows alone, without their periods: a hundred in one request."""
        wanted = {keys.profile(user_id): user_id for user_id in user_ids}
        found = {Key(str(row["pk"]), str(row["sk"])): row for row in self._table.get_all(list(wanted))}
        return (rows.user(user_id, found.get(key), ()) for key, user_id in wanted.items())

    def _read(self, user_id: str, start: datetime) -> User:
        found = self._table.query(keys.user(user_id), keys.periods_since(start), keys.PROFILE)
        profile = next((row for row in found if row["sk"] == keys.PROFILE), None)
        periods = tuple(rows.period(row) for row in found if row is not profile)
        return rows.user(user_id, profile, periods)

    def bind_customer(self, user_id: str, customer_id: str, replacing: str | None = None) -> str:
        """Make a Stripe customer the user's, unless they have another already; return the one they have.

        `replacing` is the customer they had, if that was deleted.
        """
        change = Change(
            keys.profile(user_id),
            set={"stripeCustomerId": customer_id, "userId": user_id},
            only_if=[equal("stripeCustomerId", replacing)],
        )
        try:
            self._table.transact([change])
        except TransactionCancelledError as error:
            taken = error.refused[0].row
            if taken is None:
                raise
            return str(taken["stripeCustomerId"])
        return customer_id

    def set_spending_cap(self, user_id: str, cap: int | None, now: datetime) -> None:
        """Note the most overage, in cents, that a user accepts in a period; None takes the cap away.

        Raises:
            TransactionCancelledError: somebody else set it at the same time.
            UnavailableError: whether it was set is unknown; setting it again is safe.
        """
        before = self.read(user_id, since=now).spending_cap
        if before == cap:
            return
        change = Change(
            keys.profile(user_id),
            set={"spendingCap": cap, "userId": user_id},
            remove=["spendingCap"] if cap is None else [],
            only_if=[equal("spendingCap", before)],
        )
        entry = of_spending_cap(user_id, before, cap, at=now)
        self._table.transact(
            [change, Put(keys.audit(user_id, now, uuid4().hex), entry_rows.audit_entry(entry))]
        )

    def write_subscription(
        self,
        user: User,
        subscription: Subscription,
        periods: Sequence[Period],
        audit: Sequence[AuditEntry] = (),
        announcements: Sequence[Announcement] = (),
    ) -> None:
        """Write what Stripe says now, the bounds and terms of the periods it speaks of, and the news of it.

        All of it is written at once, or nothing. `account` is the row as it was read before Stripe was asked;
        `announcements` are announced by being written.

        Raises:
            StaleRevisionError: the user's row was written, or a period closed, since `account` was read.
            UnavailableError: whether it was written is unknown.
        """
        writes: list[Write] = [_profile(user, subscription)]
        writes += [_period(user.user_id, period) for period in periods]
        writes += [_audit(each) for each in audit]
        writes += [_announcement(each) for each in announcements]
        try:
            self._table.transact(writes)
        except TransactionCancelledError as error:
            raise StaleRevisionError from error

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """Write announcements that go with no other change; one that was written before stays as it is.

        Raises:
            TransactionCancelledError: somebody else was writing the same; announce again.
            UnavailableError: whether they were written is unknown; announce again.
        """
        if announcements:
            self._table.transact([_announcement(each) for each in announcements])


def _profile(user: User, subscription: Subscription) -> Change:
    said = rows.subscription_cells(subscription)
    return Change(
        keys.profile(user.user_id),
        set={
            **said,
            "userId": user.user_id,
            "rev": user.rev + 1,
            "trialUsed": user.trial_used or subscription.trial_end is not None or None,
        },
        remove=[name for name, value in said.items() if value is None],
        only_if=[equal("rev", user.rev or None)],
    )


def _period(user_id: str, period: Period) -> Change:
    return Change(
        keys.period(user_id, period),
        set={
            **rows.period_bounds(user_id, period),
            "due": keys.shard(Due.CLOSE, user_id),
            "dueAt": period.end,
        },
        only_if=[absent("closedAt")],
    )


def _audit(of: AuditEntry) -> Write:
    """Return the writing of an audit entry; one that has a name, and was written before, is left alone."""
    if of.id is None:
        return Put(keys.audit(of.user_id, of.at, uuid4().hex), entry_rows.audit_entry(of))
    return Change(keys.audit(of.user_id, of.at, of.id), begin=entry_rows.audit_entry(of))


def _announcement(of: Announcement) -> Change:
    """Return the writing of an announcement; one that was made before is left alone, and stirs no stream."""
    return Change(keys.announcement(of.user_id, of.id), begin=entry_rows.announcement(of))
