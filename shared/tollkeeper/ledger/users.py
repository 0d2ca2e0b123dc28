"""The book of users: their Stripe customer, what Stripe says of their subscription, and their periods."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import uuid4

from tollkeeper.ledger import entry_rows, keys, rows
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.rows import FORM, INCURRED, USED, VERSION
from tollkeeper.ledger.table import (
    Cells,
    Change,
    Condition,
    Key,
    Put,
    Row,
    Table,
    TransactionCancelledError,
    Write,
    absent,
    equal,
)
from tollkeeper.rules.announcements import Announcement
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.binding import Binding, Bound
from tollkeeper.rules.subscriptions import Subscription
from tollkeeper.rules.times import iso
from tollkeeper.rules.users import User, is_history, period_key_at, with_whole_timeline

NEWEST = 3
"""Rows of a user that are read at once: their own, and those of the two periods that began last."""


class StaleRevisionError(Exception):
    """Somebody else wrote the user's row since it was read. Read it again, ask Stripe again, then write."""


class Users:
    """Reads and writes users' rows."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def history(self, user_id: str) -> User:
        """Return a user with every period they ever had, and a timeline that tells all of them."""
        found = self._table.query(keys.user(user_id), *keys.all_periods())
        return with_whole_timeline(_user(user_id, found))

    def read(self, user_id: str, now: datetime, instants: Iterable[datetime] = ()) -> User:
        """Return a user with the periods that hold now and other instants, mostly in one read.

        A user nobody has heard of has nothing: the free plan.
        """
        instants = [now, *instants]
        if any(is_history(instant, now) for instant in instants):
            return self.history(user_id)
        return _user(user_id, self._found(user_id, instants))

    def read_rows(self, user_id: str, now: datetime) -> tuple[User, Sequence[Row]]:
        """Return a user with the period that holds now, and the rows that were read for it."""
        found = self._found(user_id, [now])
        return _user(user_id, found), found

    def _found(self, user_id: str, instants: Sequence[datetime]) -> list[Row]:
        found = self._table.query(keys.user(user_id), *keys.all_periods(), NEWEST)
        if len(found) == NEWEST:
            # What holds one of them may have begun long ago: those periods are read by their keys.
            user = _user(user_id, found)
            names = {period_key_at(user, instant) for instant in instants}
            wanted = [keys.period_of(user_id, *each) for each in names if user.period(*each) is None]
            found += self._table.get_all(wanted) if wanted else ()
        return found

    def profiles(self, user_ids: Iterable[str]) -> Iterator[User]:
        """Return users by their rows alone, without their periods: a hundred in one request."""
        wanted = {keys.profile(user_id): user_id for user_id in user_ids}
        found = {Key(str(row["pk"]), str(row["sk"])): row for row in self._table.get_all(list(wanted))}
        return (rows.user(user_id, found.get(key), ()) for key, user_id in wanted.items())

    def unheard_of(self, until: datetime) -> Iterator[str]:
        """Return the users whose period ended by then without a word of Stripe's of what comes after."""
        for shard in keys.shards(Due.ASK):
            for key in self._table.due(shard, iso(until)):
                yield keys.read_user(key)

    def ask_again(self, user: User, at: datetime) -> None:
        """Let a user of whom Stripe was asked in vain be asked about again at a time."""
        later = Change(keys.profile(user.user_id), set={"dueAt": at}, only_if=[equal("rev", user.rev)])
        with suppress(TransactionCancelledError):  # a word of Stripe's has come meanwhile
            self._table.transact([later])

    def bind_customer(self, user_id: str, customer_id: str, replacing: str | None = None) -> str:
        """Make a Stripe customer the user's, unless they have another already; return the one they have.

        `replacing` is the customer they had, if that was deleted.
        """
        change = Change(
            keys.profile(user_id),
            set={"stripeCustomerId": customer_id, "userId": user_id, VERSION: FORM},
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

    def write_subscription(
        self,
        user: User,
        subscription: Subscription,
        binding: Binding,
        audit: Sequence[AuditEntry] = (),
        announcements: Sequence[Announcement] = (),
        asked_at: datetime | None = None,
    ) -> None:
        """Write what Stripe says now, what it makes of the user's periods, and the news of it.

        All of it is written at once, or nothing. `user` is the row as it was read before Stripe was asked;
        `announcements` are announced by being written, and `asked_at` is noted if it is given.

        Raises:
            StaleRevisionError: the user's row was written, or a period changed, since `user` was read.
            UnavailableError: whether it was written is unknown.
        """
        writes: list[Write] = [_profile(user, subscription, binding, asked_at)]
        writes += [_period(user.user_id, each) for each in binding.periods]
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


def _user(user_id: str, found: Sequence[Row]) -> User:
    profile = next((row for row in found if row["sk"] == keys.PROFILE), None)
    return rows.user(user_id, profile, tuple(rows.period(row) for row in found if row is not profile))


def _profile(user: User, subscription: Subscription, binding: Binding, asked_at: datetime | None) -> Change:
    said = rows.subscription_cells(subscription)
    waits: Cells = {"due": keys.shard(Due.ASK, user.user_id), "dueAt": binding.ask_at}
    return Change(
        keys.profile(user.user_id),
        set={
            **said,
            **(waits if binding.ask_at else {}),
            **({"askedAt": asked_at} if asked_at else {}),
            "userId": user.user_id,
            VERSION: FORM,
            "rev": user.rev + 1,
            "trialUsed": user.trial_used or subscription.trial_end is not None or None,
            "timeline": rows.timeline_text(binding.timeline),
        },
        remove=[
            *(name for name, value in said.items() if value is None),
            *(() if binding.ask_at else waits),
        ],
        # A period that begins now takes the cap that was read.
        only_if=[equal("rev", user.rev or None), equal("spendingCap", user.spending_cap)],
    )


def _period(user_id: str, of: Bound) -> Change:
    after, before = of.after, of.before
    begins = rows.period_bounds(after)
    waits: Cells = {"due": keys.shard(Due.CLOSE, user_id), "dueAt": after.end}
    closes = after.is_open and after.end is not None
    # Under what cap a row stands is the book of spending caps' to say, once it has begun.
    is_capped_here = before is None or before.is_void
    cells = {name: value for name, value in begins.items() if is_capped_here or name != "spendingCap"}
    frozen = {INCURRED + metric: quantity for metric, quantity in after.incurred.items()}
    return Change(
        keys.period(user_id, after),
        set={**cells, **frozen, **(waits if closes else {}), "void": after.is_void or None},
        remove=[
            *(() if closes else waits),
            *(() if after.is_void else ["void"]),
            *(() if after.end else ["periodEnd"]),
            *(["spendingCap"] if is_capped_here and after.spending_cap is None else []),
        ],
        only_if=_as_read(of),
    )


def _as_read(of: Bound) -> list[Condition]:
    """Return that a period's row is still what its new state was made from."""
    before = of.before
    if before is None:
        return [absent("terms")]
    conditions = [absent("closedAt"), equal("terms", before.pinned)]
    if of.freezes_overage:
        conditions += [equal(USED + each, before.used.get(each)) for each in before.terms.prices]
    return conditions


def _audit(of: AuditEntry) -> Write:
    """Return the writing of an audit entry; one that has a name, and was written before, is left alone."""
    if of.id is None:
        return Put(keys.audit(of.user_id, of.at, uuid4().hex), entry_rows.audit_entry(of))
    return Change(keys.audit(of.user_id, of.at, of.id), begin=entry_rows.audit_entry(of))


def _announcement(of: Announcement) -> Change:
    """Return the writing of an announcement; one that was made before is left alone, and stirs no stream."""
    return Change(keys.announcement(of.user_id, of.id), begin=entry_rows.announcement(of))
