"""The usage page of somebody who is as they are handed in, in each state that a customer may be in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from tests.examples import END, NOW, OFFER, PERIOD, START, SUBSCRIPTION, USER
from tests.fakes.runtime import FixedClock
from tests.fakes.stripe import VISA, FakeStripe
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.answer_rows import Answer
from tollkeeper.ledger.history import History
from tollkeeper.ledger.rows import PeriodRows
from tollkeeper.ledger.stripe_answers import StripeAnswers
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period
from tollkeeper.rules.series import FacilityDay, Span
from tollkeeper.rules.subscriptions import Cause, Status
from tollkeeper.rules.users import User, calendar_period
from tollkeeper.views.bills_at_stripe import BillsAtStripe
from tollkeeper.views.dashboard import Dashboards, DashboardView
from tollkeeper.views.invoices import InvoiceViews

BUSY = {"apiCalls": 15_000, "aiQueries": 1_200, "exports": 600, "designsCreated": 7}
"""What the assessed customer used: overage of $50, $20 and $50."""

SOME = {"apiCalls": 4_211, "aiQueries": 380, "exports": 61, "designsCreated": 12, "mlPredictions": 90}

LAST_MONTH = replace(
    PERIOD,
    start=START - timedelta(days=31),
    end=START,
    used={"apiCalls": 10_150, "exports": 480},
    closed_at=START + timedelta(minutes=20),
)


class OneUser(Users):
    """A book of one user, who is as they are handed in."""

    def __init__(self, user: User) -> None:
        super().__init__(MemoryTable())
        self._user = user

    def read(self, user_id: str, now: datetime, instants: Iterable[datetime] = ()) -> User:  # noqa: ARG002 - at any time
        """Return the user, or somebody who has nothing."""
        return self._user if user_id == self._user.user_id else User(user_id)


class TheseDays(History):
    """A history of periods and days that are as they are handed in."""

    def __init__(self, days: Sequence[FacilityDay], periods: tuple[Period, ...]) -> None:
        super().__init__(MemoryTable())
        self._days_of_all = days
        self._periods = periods

    def periods(self, user_id: str, last: date) -> PeriodRows:  # noqa: ARG002 - of anybody
        """Return those periods."""
        return PeriodRows([], self._periods)

    def facility_days(
        self,
        user_id: str,  # noqa: ARG002 - of anybody
        span: Span,
        periods: PeriodRows,  # noqa: ARG002 - which list nothing
    ) -> Iterator[FacilityDay]:
        """Return those in the span."""
        return (each for each in self._days_of_all if span.first <= each.day <= span.last)


def spread(
    used: Mapping[str, int], facilities: Sequence[str | None] = ("greenhouse-1", "greenhouse-2", None)
) -> list[FacilityDay]:
    """Return days from the period's start until now that sum to what was used, over some facilities."""
    days = [START.date() + timedelta(number) for number in range((NOW.date() - START.date()).days + 1)]
    slots = [(day, facility) for day in days for facility in facilities]
    weights = [1 + (7 * number) % 11 for number in range(len(slots))]
    found: dict[tuple[date, str | None], dict[str, int]] = {slot: {} for slot in slots}
    for metric, quantity in used.items():
        left = quantity
        for slot, weight in zip(slots, weights, strict=True):
            found[slot][metric] = quantity * weight // sum(weights)
            left -= found[slot][metric]
        found[slots[-1]][metric] += left
    return [FacilityDay(day, facility, units) for (day, facility), units in found.items()]


def using(used: Mapping[str, int], **more: object) -> User:
    """Return Ada with something used of her period."""
    return replace(USER, periods=(replace(PERIOD, used=used, **more), LAST_MONTH))  # type: ignore[arg-type]


def being(user: User, **more: object) -> User:
    """Return a user whose subscription is otherwise."""
    assert user.subscription
    return replace(user, subscription=replace(user.subscription, **more))  # type: ignore[arg-type]


def dashboards(
    user: User,
    days: Sequence[FacilityDay] = (),
    *,
    stripe: FakeStripe | None = None,
    now: datetime = NOW,
    offer: Offer = OFFER,
) -> Dashboards:
    """Return what shows one user's page."""
    if stripe is None:
        stripe = FakeStripe(*([user.subscription] if user.subscription else []))
        stripe.customers["cus_ada"] = "ada"
        if user.subscription:
            stripe.bill(user.subscription, 1, 99_00)
            stripe.billed["cus_ada"].append(replace(stripe.bill(user.subscription, 2, 109_50), created=START))
            del stripe.billed["cus_ada"][1]
    clock = FixedClock(now)
    views = InvoiceViews(OneUser(user), stripe, offer, "live", clock)
    bills = BillsAtStripe(StripeAnswers(MemoryTable()), lambda: views, clock, clock.now)
    return Dashboards(TheseDays(days, user.periods), offer, clock, bills)


def shown(
    user: User,
    days: Sequence[FacilityDay] = (),
    *,
    stripe: FakeStripe | None = None,
    now: datetime = NOW,
    offer: Offer = OFFER,
) -> DashboardView:
    """Return one user's page, as values."""
    return dashboards(user, days, stripe=stripe, now=now, offer=offer).show(user, Answer())


def _trial() -> DashboardView:
    terms = OFFER.terms("professional", START, trial=True)
    user = replace(using(SOME), periods=(replace(PERIOD, terms=terms, used=SOME),))
    user = being(user, status=Status.TRIALING, trial_end=END, payment_method=VISA)
    return shown(user, spread(SOME))


def _stripe_away() -> DashboardView:
    stripe = FakeStripe(SUBSCRIPTION)
    stripe.is_down = True
    return shown(using(BUSY), spread(BUSY), stripe=stripe)


def states() -> Mapping[str, DashboardView]:
    """Return the page in each state, by its name."""
    capped = replace(using(BUSY, spending_cap=60_00), spending_cap=60_00)
    month = replace(calendar_period(User("ada"), NOW, OFFER), used={"apiCalls": 100})
    free = User("ada", periods=(month,))
    many = [f"site-{number}" for number in range(9)]
    return {
        "empty": shown(replace(USER, periods=(PERIOD,))),
        "trial": _trial(),
        "ordinary": shown(being(using(SOME), payment_method=VISA), spread(SOME)),
        "over": shown(being(using(BUSY), payment_method=VISA), spread(BUSY, [*many, None])),
        "capped": shown(capped, spread(BUSY)),
        "past_due": shown(
            being(using(BUSY), status=Status.PAST_DUE, past_due_since=NOW - timedelta(days=2)), spread(BUSY)
        ),
        "cancelling": shown(being(using(SOME), cancel_at=END), spread(SOME)),
        "downgrading": shown(being(using(SOME), pending_plan="starter"), spread(SOME)),
        "cancelled": shown(
            being(
                using(SOME),
                status=Status.CANCELED,
                ended_at=NOW - timedelta(hours=1),
                canceled_for=Cause.REQUESTED,
            ),
            spread(SOME),
        ),
        "free": shown(free, [FacilityDay(NOW.date(), None, {"apiCalls": 100})]),
        "stripe_away": _stripe_away(),
    }
