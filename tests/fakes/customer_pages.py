"""What customers see of Stripe themselves, as the port has it, in memory: the portal, and their invoices."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tests.examples import CATALOGUE
from tests.fakes.invoices import HeldInvoice
from tollkeeper.rules.overage import amount
from tollkeeper.rules.subscriptions import Subscription
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.customer_port import (
    InvoicePage,
    LineKind,
    PortalFlow,
    ShownInvoice,
    ShownLine,
    UpcomingInvoice,
)
from tollkeeper.stripe.errors import StripeRefusedError


class FakeCustomerPages:
    """The port's PortalSessions and InvoiceHistory.

    `portals` are the sessions that were opened: customer, way back and flow. `billed` are invoices by their
    customers, the oldest first. `previewed` are the charges that were asked about.
    """

    now: datetime
    held: list[Subscription]
    deleted: set[str]
    customers: dict[str, str | None]
    invoices: dict[str, HeldInvoice]
    _answer: Callable[[], None]

    def __init__(self) -> None:
        self.portals: list[tuple[str, str, PortalFlow | None]] = []
        self.billed: dict[str, list[ShownInvoice]] = {}
        self.previewed: list[ChargeLine] = []

    def bill(self, subscription: Subscription, number: int, price: int) -> ShownInvoice:
        """Write the invoice down that is paid when somebody subscribes."""
        bounds = subscription.period_start, subscription.period_end
        made = ShownInvoice(
            id=f"in_shown_{number}",
            number=f"TEST-{number:04}",
            status="paid",
            created=self.now,
            period_start=self.now,
            period_end=self.now,
            currency="usd",
            subtotal=price,
            discount=0,
            tax=0,
            total=price,
            amount_due=price,
            amount_paid=price,
            hosted_invoice_url=f"https://pay.test/in_shown_{number}",
            invoice_pdf=f"https://pay.test/in_shown_{number}.pdf",
            lines=[ShownLine("The plan", 1, price, LineKind.BASE, None, *bounds)],
        )
        self.billed.setdefault(subscription.customer_id, []).append(made)
        return made

    def create_portal_session(self, customer_id: str, return_url: str, flow: PortalFlow | None) -> str:
        """Note the session."""
        self._answer()
        if customer_id not in self.customers or customer_id in self.deleted:
            raise StripeRefusedError(f"No such customer: {customer_id}")
        self.portals.append((customer_id, return_url, flow))
        return f"https://portal.test/{len(self.portals)}"

    def invoices_of(self, customer_id: str, limit: int, starting_after: str | None) -> InvoicePage | None:
        """Return some of what was billed."""
        self._answer()
        found = self.billed.get(customer_id, [])[::-1]
        if starting_after is not None:
            ids = [each.id for each in found]
            if starting_after not in ids:
                return None
            found = found[ids.index(starting_after) + 1 :]
        return InvoicePage(found[:limit], has_more=len(found) > limit)

    def is_invoice_of(self, invoice_id: str, customer_id: str) -> bool:
        """Look among what was billed."""
        self._answer()
        made = self.invoices.get(invoice_id)
        is_renewal = made is not None and made.customer_id == customer_id
        return is_renewal or any(each.id == invoice_id for each in self.billed.get(customer_id, []))

    def upcoming_invoice(self, subscription_id: str, charges: Sequence[ChargeLine]) -> UpcomingInvoice | None:
        """Bill the plan for the period to come, and the charges."""
        self._answer()
        self.previewed = [*charges]
        of = next((each for each in self.held if each.id == subscription_id), None)
        if of is None or of.ended_at is not None:
            return None
        following = of.period_end, of.period_end + timedelta(days=30)
        price = CATALOGUE.plans[of.plan].price
        lines = [ShownLine("The plan", 1, price, LineKind.BASE, None, *following)] if of.renews else []
        lines += [_shown(each) for each in charges]
        total = sum(each.amount for each in lines)
        return UpcomingInvoice("usd", total, 0, 0, total, total, lines)


def without_words(lines: Sequence[ShownLine]) -> list[ShownLine]:
    """Return lines without their descriptions, which are Stripe's own of a plan's."""
    return [replace(each, description="") for each in lines]


def _shown(of: ChargeLine) -> ShownLine:
    cents = amount(of.quantity, of.price)
    bounds = of.period_start, of.period_end
    return ShownLine(of.description, of.quantity, cents, LineKind.OVERAGE, of.metric, *bounds)
