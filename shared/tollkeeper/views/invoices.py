"""What a user is shown of their invoices: those that were made, and the one that is to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tollkeeper.clock import Clock
from tollkeeper.ledger.users import Users
from tollkeeper.rules.charges import charges
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.overage import billable, overage
from tollkeeper.rules.periods import Period
from tollkeeper.rules.users import User, period_at
from tollkeeper.stripe.charge_lines import ChargeLine, charge_line
from tollkeeper.stripe.customer_port import InvoiceHistory, InvoicePage, LineKind, ShownLine
from tollkeeper.views.errors import NoUpcomingInvoiceError


class ForeignInvoiceError(InvalidFieldError):
    """The invoice to go on after is not one of the caller's, whether it is anybody's or not."""

    def __init__(self) -> None:
        super().__init__("startingAfter", "is no invoice of this list; begin again without it")


@dataclass(frozen=True, slots=True)
class UpcomingInvoiceView:
    """The bill that is to come, if nothing more happened; amounts in cents before discounts and tax.

    `at` is when it is made, `overage` what usage beyond the limits has come to so far and will be billed, and
    `off_by_cap` how much more of it the spending cap keeps off the bill.
    """

    at: datetime
    currency: str
    base: int
    prorations: int
    overage: int
    other: int
    off_by_cap: int
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_due: int
    lines: Sequence[ShownLine]


@dataclass(frozen=True, slots=True)
class InvoiceViews:
    """Shows users their invoices. `deployment` names the charges on them."""

    users: Users
    stripe: InvoiceHistory
    offer: Offer
    deployment: str
    clock: Clock

    def history(self, user_id: str, limit: int, starting_after: str | None) -> InvoicePage:
        """Return up to `limit` of a user's invoices, the newest first, those older than one of them.

        Raises:
            ForeignInvoiceError: that one is not theirs.
            StripeUnavailableError: Stripe did not answer, or asks for patience.
        """
        return self.history_of(self.users.read(user_id, self.clock.now()), limit, starting_after)

    def history_of(self, user: User, limit: int, starting_after: str | None) -> InvoicePage:
        """Return the same of a user who was read already, and raise the same."""
        if user.customer_id is None:
            page = InvoicePage([], has_more=False) if starting_after is None else None
        else:
            page = self.stripe.invoices_of(user.customer_id, limit, starting_after)
        if page is None:
            raise ForeignInvoiceError
        return page

    def upcoming(self, user_id: str) -> UpcomingInvoiceView:
        """Return a user's next bill: Stripe's preview, with what their open period owes by now on it.

        Raises:
            NoUpcomingInvoiceError: no subscription of theirs renews.
            StripeUnavailableError: Stripe did not answer, or asks for patience.
        """
        now = self.clock.now()
        return self.upcoming_of(self.users.read(user_id, now), now)

    def upcoming_of(self, user: User, now: datetime) -> UpcomingInvoiceView:
        """Return the same of a user who was read already, with the period that holds now; raise the same."""
        subscription = user.subscription
        if subscription is None or not subscription.renews:
            raise NoUpcomingInvoiceError
        period = period_at(user, now, self.offer)
        is_of_it = period.subscription_id == subscription.id
        lines = self._lines(user.user_id, period, now) if is_of_it else []
        found = self.stripe.upcoming_invoice(subscription.id, lines)
        if found is None:
            raise NoUpcomingInvoiceError
        return UpcomingInvoiceView(
            at=period.end if is_of_it and period.end else subscription.period_end,
            currency=found.currency,
            base=_sum(found.lines, LineKind.BASE),
            prorations=_sum(found.lines, LineKind.PRORATION),
            overage=_sum(found.lines, LineKind.OVERAGE),
            other=_sum(found.lines, LineKind.OTHER),
            off_by_cap=_off_by_cap(period) if is_of_it else 0,
            subtotal=found.subtotal,
            discount=found.discount,
            tax=found.tax,
            total=found.total,
            amount_due=found.amount_due,
            lines=found.lines,
        )

    def _lines(self, user_id: str, period: Period, now: datetime) -> list[ChargeLine]:
        """Return what a period owes as it is now; one whose end is not known yet is shown as ending now."""
        end = period.end or max(now, period.start)
        owed = charges(self.deployment, user_id, period)
        return [charge_line(each, user_id, period.start, end, self.offer.catalogue) for each in owed]


def _off_by_cap(period: Period) -> int:
    billed = billable(period)
    return sum(each.amount - billed[metric].amount for metric, each in overage(period).items())


def _sum(lines: Sequence[ShownLine], kind: LineKind) -> int:
    return sum(each.amount for each in lines if each.kind is kind)
