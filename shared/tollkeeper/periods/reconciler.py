"""A run over the periods that closed lately: row, charges and final lines are one number (DESIGN rule 13).

It reads, and says what does not agree. Repair has one path, that of bills (rule 11), and what people decided
is theirs.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Protocol

from tollkeeper.catalogue import Catalogue
from tollkeeper.clock import Clock
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.reconciliation import Reconciliation
from tollkeeper.ledger.table import Table
from tollkeeper.rules import announcements, audit
from tollkeeper.rules.bills import Bill
from tollkeeper.rules.invoices import Invoice
from tollkeeper.rules.money import money
from tollkeeper.rules.periods import Period
from tollkeeper.rules.reconciling import Drift, dangers, decisions, drifts, line_drifts
from tollkeeper.rules.times import iso
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError
from tollkeeper.stripe.oversight_port import Oversight
from tollkeeper.stripe.port import Prices
from tollkeeper.telemetry import logger

COMPARED_FOR = timedelta(days=40)
"""How long after its close a period is compared daily: longer than an invoice is disputed or voided."""

SECONDS_FOR_A_USER = 30.0
"""Time without which none is begun."""

STRIPE_PATIENCE_SECONDS = 30.0
"""Of waiting in one call while Stripe limits calls: nobody waits for the reconciler."""

MADE_BEFORE = timedelta(hours=1)
"""How long before a period's end none of its invoices was made, clocks being what they are."""

MOST_SILENCES = 8
"""How often Stripe may give no answer before it is left in peace until the next run."""


class StripeForReconciling(Prices, Oversight, Protocol):
    """What reconciling asks of Stripe."""

    def invoices_since(self, customer_id: str, since: datetime) -> list[Invoice]:
        """Return a customer's invoices made at a time or later."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A closed period as it was compared: what does not agree, and what people decided."""

    user_id: str
    period: Period
    bill: Bill | None
    drifts: tuple[Drift, ...]
    decisions: tuple[str, ...]


type Told = Callable[[Compared], None]
type Several = Callable[[Callable[[list[str]], Counter[str]], Iterable[list[str]]], Iterable[Counter[str]]]
"""How several users are worked on at once: `map`, or that of an executor."""


class Reconciler:
    """Compares what closed lately. It changes nothing but that it says what it found."""

    def __init__(
        self,
        table: Table,
        stripe: StripeForReconciling,
        catalogue: Catalogue,
        deployment: str,
        clock: Clock,
        several: Several = map,
    ) -> None:
        self._book = Reconciliation(table)
        self._closing = Closing(table)
        self._stripe = stripe
        self._catalogue = catalogue
        self._deployment = deployment
        self._clock = clock
        self._several = several
        self._silences = 0
        self._refunded: Mapping[str, int] = {}

    def run(self, patience: Patience, told: Told = lambda _: None) -> Counter[str]:
        """Compare all that closed in the last days, as long as there is time; say in numbers what was found.

        `told` hears of each period that was compared.
        """
        now = self._clock.now()
        self._silences = 0
        of_users = defaultdict(list)
        for user_id, period_id in self._book.closed(until=now):
            of_users[user_id].append(period_id)
        report: Counter[str] = Counter(periods=sum(map(len, of_users.values())))
        report.update(self._look_about(now))
        work = partial(self._compare_all, now=now, patience=patience, told=told)
        for each in self._several(work, ([user_id, *names] for user_id, names in of_users.items())):
            report.update(each)
        return report

    def waiting(self) -> int:
        """Return how many periods a run would compare."""
        return sum(1 for _ in self._book.closed(until=self._clock.now()))

    def compare(self, user_id: str, period_id: str) -> Compared | None:
        """Compare one period, with Stripe if its bill is final; None if it is not closed.

        What was refunded is shown as far as a run has asked for it.
        """
        _, period, bill = self._closing.read(user_id, period_id)
        if period is None or period.closed_at is None:
            return None
        found = [*drifts(self._deployment, user_id, period, bill)]
        decided: tuple[str, ...] = ()
        if bill and bill.is_final:
            since = bill.period_end - MADE_BEFORE
            invoices = self._stripe.invoices_since(bill.customer_id, since) if bill.invoice_id else []
            found += line_drifts(bill, invoices)
            decided = (*decisions(bill, invoices, self._refunded),)
        return Compared(user_id, period, bill, tuple(found), decided)

    def prices(self) -> list[str]:
        """Return what Stripe does not sell as the catalogue says, in sentences."""
        plans = {each.price_lookup_key: each.price for each in self._catalogue.paid_plans}
        overage = {each.price_lookup_key: each.overage_price for each in self._catalogue.priced_metrics}
        wanted = {**plans, **overage}
        found = self._stripe.prices([*wanted])
        return [
            f"{name} costs {self._money(price)} in the catalogue, "
            f"and {self._money(found.get(name))} at Stripe"
            for name, price in wanted.items()
            if found.get(name) != price
        ]

    def _money(self, cents: Decimal | int | None) -> str:
        return "nothing of the kind" if cents is None else money(Decimal(cents), self._catalogue.currency)

    def unusual(self) -> list[str]:
        """Return, in sentences, the coupons and drafts that would change overage.

        Lines of overage take no discount: so a coupon for it does not do what somebody expects of it.
        """
        products = [each.product_id for each in self._catalogue.priced_metrics]
        coupons = [
            f"the coupon {each} is for overage, whose lines take no discount: it takes nothing off"
            for each in self._stripe.coupons_for(products)
        ]
        return [*coupons, *(each for draft in self._stripe.charged_drafts() for each in dangers(draft))]

    def _look_about(self, now: datetime) -> Counter[str]:
        """Ask Stripe what concerns no single period: prices, what is unusual, and what was refunded."""
        try:
            wrong, unusual = self.prices(), self.unusual()
            self._refunded = self._stripe.refunds_since(now - COMPARED_FOR)
        except StripeUnavailableError:
            logger.warning("Stripe gave no answer about prices, coupons, drafts or refunds", exc_info=True)
            self._silences = 1
            return Counter(silences=1)
        except StripeRefusedError:  # its key may read less than that; periods are compared all the same
            logger.exception("Stripe refused to tell of prices, coupons, drafts or refunds")
            return Counter(failed=1)
        for each in wrong:
            logger.error("Stripe does not sell what the catalogue says", extra={"trouble": each})
        for each in unusual:
            logger.warning("Something would change overage", extra={"trouble": each})
        return Counter(drift=len(wrong), unusual=len(unusual))

    def _compare_all(self, work: list[str], now: datetime, patience: Patience, told: Told) -> Counter[str]:
        """Compare a user's periods; say what became of them."""
        user_id, *names = work
        report: Counter[str] = Counter()
        for name in names:
            if not patience.lasts(SECONDS_FOR_A_USER) or self._silences >= MOST_SILENCES:
                report["postponed"] += 1
                continue
            try:
                compared = self.compare(user_id, name)
                if compared is None:
                    continue
                report.update(self._conclude(compared, name, now))
                told(compared)
            except StripeUnavailableError:
                logger.warning("Stripe gave no answer", extra={"userId": user_id}, exc_info=True)
                self._silences += 1
                report["silences"] += 1
            except Exception:  # noqa: BLE001 - one user's trouble is not another's, and the alarm rings
                logger.exception("A period could not be compared", extra={"userId": user_id})
                report["failed"] += 1
        return report

    def _conclude(self, compared: Compared, name: str, now: datetime) -> Counter[str]:
        """Note what does not agree, and let go what has agreed for long enough."""
        user_id, period, bill = compared.user_id, compared.period, compared.bill
        for each in compared.drifts:
            told = {"userId": user_id, "periodStart": iso(period.start), "kind": each.kind}
            logger.error(
                "What was billed does not agree",
                extra={**told, "metric": each.metric, "expected": each.expected, "found": each.found},
            )
            announcement = announcements.of_drift(
                user_id, period, each, bill.invoice_id if bill else None, at=now
            )
            self._book.note(audit.of_drift(user_id, name, each, at=now), announcement)
        is_done = bill is None or bill.is_final
        if is_done and not compared.drifts and period.closed_at and period.closed_at <= now - COMPARED_FOR:
            self._book.leave(user_id, name)
        return Counter(
            drift=len(compared.drifts),
            open=int(not is_done),
            decided=int(bool(compared.decisions)),
            agreed=int(is_done and not compared.drifts),
        )
