"""What the usage page shows, as values: everything about one user that they may want to know of the bill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from tollkeeper.catalogue import Plan
from tollkeeper.clock import Clock
from tollkeeper.ledger.answer_rows import Answer
from tollkeeper.ledger.history import History
from tollkeeper.rules.facilities import FacilityUsage, by_facility
from tollkeeper.rules.limits import Barrier
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.overage import spent
from tollkeeper.rules.periods import Period
from tollkeeper.rules.series import FacilityDay, Span
from tollkeeper.rules.subscriptions import GRACE
from tollkeeper.rules.users import User, period_at, terms_in_force
from tollkeeper.views.bills_at_stripe import BillsAtStripe
from tollkeeper.views.metrics import Beyond, PeriodView, period_view
from tollkeeper.views.stripe_bills import BillsView
from tollkeeper.views.subscription import SubscriptionView, overview

MOST_DAYS_SHOWN = 35
"""Days in a chart: a month, and some more where a period awaits its renewal."""

MOST_FACILITIES = 4
"""Facilities told apart in a chart; the eye keeps no more colours apart."""


@dataclass(frozen=True, slots=True)
class ChartView:
    """One metric by day and facility; the facilities sum to `total`."""

    name: str
    display_name: str
    facilities: Sequence[FacilityUsage]

    @property
    def total(self) -> int:
        """What was used on all days."""
        return sum(each.total for each in self.facilities)

    @property
    def by_day(self) -> Sequence[int]:
        """What was used on each day, of all facilities."""
        return [
            sum(quantities) for quantities in zip(*(each.by_day for each in self.facilities), strict=True)
        ]


@dataclass(frozen=True, slots=True)
class DashboardView:
    """All of the page. Amounts are cents.

    `cap` is the spending cap that holds in the present period, `is_capped` whether it stops something now.
    `worst` is the most that the period can come to, with the plan's next month; None if nothing bounds it.
    `grace_ends_at` is until when an unpaid plan stays. `days` go until now, `last_day` is the period's.
    """

    as_of: datetime
    currency: str
    subscription: SubscriptionView
    plan: Plan
    plans: Mapping[str, Plan]
    period: PeriodView
    past: PeriodView | None
    cap: int | None
    is_capped: bool
    bills_overage: bool
    worst: int | None
    grace_ends_at: datetime | None
    days: Sequence[date]
    last_day: date
    charts: Sequence[ChartView]
    bills: BillsView


@dataclass(frozen=True, slots=True)
class Dashboards:
    """Shows users where they stand."""

    history: History
    offer: Offer
    clock: Clock
    bills: BillsAtStripe

    def show(self, user: User, answer: Answer) -> DashboardView:
        """Return what one user's page shows. Stripe may be away.

        The user comes without periods, and `answer` is what Stripe answered last, as both were read with the
        session. What is read here is what the charts need: periods, which list some days' usage, and days.

        Raises:
            UnavailableError: DynamoDB gave no answer.
        """
        now = self.clock.now()
        periods = self.history.periods(user.user_id, now.date())
        user = replace(user, periods=periods.periods)
        subscription = overview(user, self.offer, now)
        period = period_at(user, now, self.offer)
        shown = period_view(period, terms_in_force(user, period, now, self.offer), self.offer.catalogue)
        span = Span(max(period.start.date(), now.date() - timedelta(MOST_DAYS_SHOWN - 1)), now.date())
        bills_overage = any(each.beyond is Beyond.BILLED for each in shown.metrics)
        return DashboardView(
            as_of=now,
            currency=self.offer.catalogue.currency,
            subscription=subscription,
            plan=self.offer.catalogue.plans.get(subscription.plan) or _sold_no_more(subscription.plan),
            plans=self.offer.catalogue.plans,
            period=shown,
            past=self._past(user, period),
            cap=period.spending_cap if bills_overage else user.spending_cap,
            is_capped=any(each.barrier is Barrier.SPENDING_CAP for each in shown.metrics),
            bills_overage=bills_overage,
            worst=_worst(subscription, period, bills_overage=bills_overage),
            grace_ends_at=_grace_ends_at(user),
            days=[*span],
            last_day=_last_day(period, span),
            charts=self._charts(span, [*self.history.facility_days(user.user_id, span, periods)]),
            bills=self.bills.of(user, answer),
        )

    def _past(self, user: User, present: Period) -> PeriodView | None:
        """Return the period before the present one."""
        before = (each for each in user.periods if each.start < present.start and not each.is_void)
        last = max(before, key=lambda each: each.start, default=None)
        return period_view(last, last.terms, self.offer.catalogue) if last else None

    def _charts(self, span: Span, days: Sequence[FacilityDay]) -> Sequence[ChartView]:
        charts = (
            ChartView(name, metric.display_name, by_facility(span, days, name, MOST_FACILITIES))
            for name, metric in self.offer.catalogue.metrics.items()
        )
        return [each for each in charts if each.facilities]


def _sold_no_more(plan: str) -> Plan:
    return Plan(plan, plan, 0, {})


def _worst(subscription: SubscriptionView, period: Period, *, bills_overage: bool) -> int | None:
    """Return the projected total, were the whole spending cap used up."""
    if not bills_overage:
        return subscription.projected_total
    if period.spending_cap is None:
        return None
    return subscription.projected_total - spent(period) + period.spending_cap


def _last_day(period: Period, span: Span) -> date:
    """Return the day to which a chart is drawn: the period's last, so that columns keep their width."""
    if period.end is None:
        return span.last
    last = (period.end - timedelta(microseconds=1)).date()
    return max(span.last, min(last, span.first + timedelta(MOST_DAYS_SHOWN - 1)))


def _grace_ends_at(user: User) -> datetime | None:
    since = user.subscription.past_due_since if user.subscription else None
    return since + GRACE if since else None
