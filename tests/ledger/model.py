"""The rules of counting as plain Python, to compare the ledger with: no transaction, no key, no retry.

It is written from DESIGN's rules 3, 4, 7 and 8 and knows nothing of how the ledger keeps them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tollkeeper.ledger.consuming import Obstacle
from tollkeeper.rules.subscriptions import Cause, Status, Subscription
from tollkeeper.rules.usage import UsageRecord

LIMITS = {
    "free": {"apiCalls": 100, "aiQueries": 10, "exports": 5, "designsCreated": 3},
    "starter": {"apiCalls": 1_000, "aiQueries": 100, "exports": 50, "designsCreated": 50},
    "professional": {"apiCalls": 10_000, "aiQueries": 1_000, "exports": 500},
    "enterprise": {},
}
"""What the plans include, the cheapest first; what is not named is unlimited."""

CENTS = {"apiCalls": 1, "aiQueries": 10, "exports": 50}
"""What each unit over a limit costs, in the catalogue's order."""

PLANS = list(LIMITS)


@dataclass
class Stretch:
    """A period: a subscription's, or (without an owner) a calendar month. `end` is None until it is known.

    `frozen` is the overage of before an upgrade, `forgiven` what an earlier cap kept from being billed.
    """

    owner: str | None
    start: datetime
    end: datetime | None
    plan: str = "free"
    trial: bool = False
    cap: int | None = None
    used: Counter[str] = field(default_factory=Counter)
    frozen: Counter[str] = field(default_factory=Counter)
    forgiven: Counter[str] = field(default_factory=Counter)
    closed: bool = False
    void: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it takes usage."""
        return not self.closed and not self.void

    @property
    def bills(self) -> bool:
        """Whether going over costs something in it."""
        return self.owner is not None and self.plan != "free" and not self.trial and not self.void

    def over(self, metric: str) -> int:
        """How many units of a metric are over the limit."""
        limit = LIMITS[self.plan].get(metric)
        free = 0 if limit is None else max(0, self.used[metric] - self.frozen[metric] - limit)
        return self.frozen[metric] + free

    def billed(self) -> Counter[str]:
        """What would be billed now: unit by unit, as long as the cap has money left."""
        left, units = self.cap, Counter[str]()
        for metric, price in CENTS.items() if self.bills else ():
            wanted = max(0, self.over(metric) - self.forgiven[metric])
            units[metric] = wanted if left is None else min(wanted, left // price)
            left = None if left is None else left - units[metric] * price
        return +units

    def accept(self, cap: int | None) -> None:
        """Put it under another cap: what is spent stays spent, what was beyond the old one is forgiven."""
        if self.bills:
            billed = self.billed()
            self.forgiven = +Counter({metric: self.over(metric) - billed[metric] for metric in CENTS})
            spent = sum(CENTS[metric] * units for metric, units in billed.items())
            self.cap = None if cap is None else max(cap, spent)

    def upgrade(self, plan: str) -> None:
        """Freeze the overage so far, and raise the limits."""
        if self.bills:
            self.frozen = +Counter({metric: self.over(metric) for metric in CENTS})
        self.plan = plan


class Place(NamedTuple):
    """Where a record stands: the start and owner of a period, and how it was counted there."""

    start: datetime
    owner: str | None
    late: bool = False
    unbilled: bool = False
    dropped: bool = False


@dataclass
class Model:
    """One user: what Stripe said last, their periods, and what was counted.

    `marks` tells how often something rare came about.
    """

    chosen: Subscription | None = None
    cap: int | None = None
    stretches: list[Stretch] = field(default_factory=list)
    counted: dict[str, UsageRecord] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    released: dict[str, int] = field(default_factory=dict)
    days: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    charges: dict[tuple[str | None, datetime], Counter[str]] = field(default_factory=dict)
    marks: Counter[str] = field(default_factory=Counter)

    def hear(self, said: Sequence[Subscription]) -> None:
        """Hear what Stripe says now of all that the customer has and had."""
        before, live = self.chosen, [each for each in said if each.is_live]
        self.marks["words of several subscriptions"] += len(said) > 1
        ended = [each for each in said if each.canceled_for is not Cause.DUPLICATE]
        if not said:
            return
        if live:
            self.chosen = min(live, key=lambda each: (each.created, each.id))
        else:
            self.chosen = max(ended or said, key=lambda each: (each.ended_at, each.created, each.id))
        for each in said:
            if each is self.chosen or each.canceled_for is not Cause.DUPLICATE or self._of(each.id):
                self._bind(each)
        after = self.chosen
        for known in self.stretches:
            if after.renews and known.void and (known.owner, known.start) == (after.id, after.period_end):
                # It was expected before, then not, and is expected again.
                self.marks["void periods expected again"] += 1
                known.void, known.end, known.cap = False, None, self.cap
                known.plan, known.trial = after.plan, False
            elif known.is_open and before and known.end is None and known.owner not in {None, after.id}:
                self._make_void(known)  # its subscription is heard of no more

    def _bind(self, word: Subscription) -> None:
        own = self._of(word.id)
        end = min(word.period_end, word.ended_at or word.period_end)
        start = word.period_start
        while closed := next((each for each in own if each.closed and each.start == start), None):
            assert closed.end
            start = closed.end
            self.marks["words of a period that was closed before"] += start < end
        told = [each for each in own if each.start < start and each.end and not each.void]
        frontier = max((each.end for each in told if each.end), default=start)
        for each in own:
            if each.is_open and each.start < start:
                each.end = min(each.end or start, start)
            elif each.is_open and each.start > start and not (word.renews and each.start == word.period_end):
                self._make_void(each)
        while frontier < start:
            # Nobody heard of these: the rest of a trial, then what was paid for.
            in_trial = word.trial_end is not None and frontier < word.trial_end
            until = min(start, word.trial_end) if word.trial_end and in_trial else start
            self.marks["periods heard of after their end"] += 1
            self._begin(word, frontier, until, trial=in_trial)
            frontier = until
        self._bind_present(word, start, end)

    def _bind_present(self, word: Subscription, start: datetime, end: datetime) -> None:
        in_trial = word.status is Status.TRIALING or bool(
            word.trial_end and word.period_start < word.trial_end
        )
        present = self._find(word.id, start)
        if start < end:
            if present is None or present.void or present.end is None:
                self._begin(word, start, end, trial=in_trial)
            else:
                if present.end and end != present.end:
                    self.marks["known ends moved " + ("later" if end > present.end else "earlier")] += 1
                present.end = end
                paid = word.status in {Status.ACTIVE, Status.TRIALING}
                if paid and PLANS.index(word.plan) > PLANS.index(present.plan):
                    self.marks["upgrades inside a period"] += 1
                    present.upgrade(word.plan)
                    self.marks["upgrades that froze overage"] += bool(present.frozen)
        elif present and not (word.renews and start == word.period_end):
            self._make_void(present)

    def _begin(self, word: Subscription, start: datetime, end: datetime, *, trial: bool) -> None:
        known = self._find(word.id, start)
        if known is None:
            known = Stretch(word.id, start, end, cap=self.cap)
            self.stretches.append(known)
        elif known.void:
            self.marks["void periods that became periods"] += 1
            known.cap = self.cap
        elif known.used:
            self.marks["provisional periods bound with usage in them"] += 1
        known.end, known.plan, known.trial, known.void = end, word.plan, trial, False

    def _make_void(self, known: Stretch) -> None:
        if not known.void:
            self.marks["periods made void"] += 1
            self.marks["periods made void with usage in them"] += bool(+known.used)
        known.void = True

    def accept(self, cap: int | None, now: datetime) -> None:
        """The user accepts so many cents of overage from now on."""
        if cap != self.cap:
            self.marks["caps changed"] += 1
            self.marks["caps changed with overage"] += bool(self.open_at(now).billed())
            self.cap = cap
            ahead = [each for each in self.stretches if each.owner and each.is_open and each.start > now]
            for each in {id(each): each for each in (self._kept(self.open_at(now)), *ahead)}.values():
                each.accept(cap)

    def close(self, until: datetime) -> None:
        """Close what has ended, and keep what it comes to."""
        for each in self.ended(until):
            each.closed = True
            self.marks["periods closed"] += 1
            if units := each.billed():
                self.charges[each.owner, each.start] = units

    def ended(self, until: datetime) -> list[Stretch]:
        """Return what is to be closed by then: open periods of subscriptions that have ended."""
        return [
            each for each in self.stretches if each.owner and each.end and each.end <= until and each.is_open
        ]

    def count(self, record: UsageRecord, now: datetime) -> None:
        """Count a record, once."""
        if record.id in self.counted:
            self.marks["duplicates"] += 1
            return
        own = self.at(record.timestamp)
        late, unbilled, stretch = not own.is_open, False, own
        if late:
            stretch = self.open_at(now)
            unbilled = own.bills and not stretch.bills
        dropped = late and not (own.bills and stretch.bills)
        if not dropped and stretch.used[record.metric] + record.quantity < 0:
            self.marks["corrections of more than was counted"] += 1
            return
        self._note(record, stretch, late=late, unbilled=unbilled, dropped=dropped)
        self.marks["records accepted before the close that they were counted after"] += bool(
            late and own.end and record.accepted_at < own.end
        )
        self.marks["records in provisional periods"] += stretch.end is None

    def consume(self, record: UsageRecord, now: datetime) -> bool | None:
        """Say whether so much may be used, and count it if so; None if the id stands for something else."""
        if earlier := self.counted.get(record.id):
            self.marks["consumes of an id that was used"] += 1
            if record.id in self.released:
                return None
            return True if (earlier.metric, earlier.quantity) == (record.metric, record.quantity) else None
        stretch = self.open_at(now)
        plan = stretch.plan if stretch.owner is None or self.is_paid(now) else "free"
        limit = LIMITS[plan].get(record.metric)
        if limit is not None:
            after = stretch.used[record.metric] + record.quantity
            if plan == "free" or not stretch.bills or record.metric not in CENTS:
                if after > limit + stretch.frozen[record.metric]:
                    self.marks["consumes refused by a limit"] += 1
                    return False
            elif stretch.cap is not None and not self._affords(stretch, record):
                self.marks["consumes refused by a cap"] += 1
                return False
        self._note(record, stretch)
        self.marks["consumes"] += 1
        return True

    def release(self, name: str, metric: str, quantity: int | None) -> Obstacle | None:
        """Take back what was consumed, or a part of it; say what is in the way, if something is."""
        record = self.counted.get(name)
        if record is None or record.metric != metric:
            return Obstacle.UNKNOWN
        units = record.quantity if quantity is None else quantity
        if units > record.quantity or self.released.get(name, units) != units:
            return Obstacle.CONFLICT
        if name in self.released:
            return None
        place = self.places[name]
        stretch = self._find(place.owner, place.start)
        assert stretch
        if stretch.closed:
            return Obstacle.PERIOD_CLOSED
        if stretch.used[metric] < units:
            return Obstacle.CONFLICT
        stretch.used[metric] -= units
        self.days[record.timestamp.date().isoformat(), record.facility_id or "", metric] -= units
        self.released[name] = units
        self.marks["releases"] += 1
        return None

    def _affords(self, stretch: Stretch, record: UsageRecord) -> bool:
        """Whether what is asked costs nothing, or fits under the cap with all that costs already."""

        def cost() -> int:
            return sum(
                price * max(0, stretch.over(metric) - stretch.forgiven[metric])
                for metric, price in CENTS.items()
            )

        before = cost()
        stretch.used[record.metric] += record.quantity
        after = cost()
        stretch.used[record.metric] -= record.quantity
        assert stretch.cap is not None
        return after == before or after <= stretch.cap

    @property
    def only_shown(self) -> set[str]:
        """The records that count in no period."""
        return {name for name, place in self.places.items() if place.dropped}

    def is_paid(self, now: datetime) -> bool:
        """Whether the plan is the user's to use."""
        match self.chosen:
            case Subscription(status=Status.TRIALING | Status.ACTIVE) as word:
                return now < word.period_end + timedelta(days=3 if word.renews else 0)
            case Subscription(status=Status.PAST_DUE, past_due_since=datetime() as since):
                return now < since + timedelta(days=7)
            case _:
                return False

    def at(self, instant: datetime) -> Stretch:
        """Return the one period that holds an instant."""
        holding = [
            each
            for each in self.stretches
            if each.owner and each.end and not each.void and each.start <= instant < each.end
        ]
        chosen = self.chosen
        if holding:
            return max(
                holding,
                key=lambda each: (
                    chosen is not None and each.owner == chosen.id,
                    each.start,
                    each.end,
                    each.owner,
                ),
            )
        if chosen and chosen.renews and instant >= chosen.period_end:
            expected = Stretch(chosen.id, chosen.period_end, None, chosen.plan, cap=self.cap)
            return self._find(chosen.id, chosen.period_end) or expected
        return self._month(instant)

    def open_at(self, now: datetime) -> Stretch:
        """Return the period that takes what happens now."""
        stretch = self.at(now)
        return stretch if stretch.is_open else self._month(now)

    def _note(
        self,
        record: UsageRecord,
        stretch: Stretch,
        *,
        late: bool = False,
        unbilled: bool = False,
        dropped: bool = False,
    ) -> None:
        if not dropped:
            self._kept(stretch).used[record.metric] += record.quantity
        self.counted[record.id] = record
        self.places[record.id] = Place(stretch.start, stretch.owner, late, unbilled, dropped)
        self.marks["records late"] += late
        self.marks["records unbilled"] += unbilled
        self.marks["records only shown"] += dropped
        day = record.timestamp.date().isoformat()
        self.days[day, record.facility_id or "", record.metric] += record.quantity

    def _kept(self, stretch: Stretch) -> Stretch:
        if self._find(stretch.owner, stretch.start) is None:
            self.stretches.append(stretch)
        return stretch

    def _month(self, instant: datetime) -> Stretch:
        start = datetime(instant.year, instant.month, 1, tzinfo=UTC)
        return self._find(None, start) or Stretch(None, start, (start + timedelta(days=31)).replace(day=1))

    def _of(self, owner: str) -> list[Stretch]:
        return [each for each in self.stretches if each.owner == owner]

    def _find(self, owner: str | None, start: datetime) -> Stretch | None:
        return next((each for each in self.stretches if each.owner == owner and each.start == start), None)
