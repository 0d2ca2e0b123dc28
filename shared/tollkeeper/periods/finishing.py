"""How held drafts are finished before their subscription is cancelled (DESIGN rule 12).

Cancelling a subscription turns `auto_advance` off on its drafts and its open invoices: Stripe finalises and
collects them no more (docs.stripe.com/api/subscriptions/cancel). So what is held is charged, finalised and
paid first, as far as that can be done at once.
"""

from dataclasses import dataclass
from datetime import datetime

from tollkeeper.ledger.bills import BillMovedError, Bills
from tollkeeper.ledger.patience import ContendedError, Patience
from tollkeeper.periods.charging import Charging
from tollkeeper.rules.bills import ON_A_DRAFT, Bill, State
from tollkeeper.rules.invoices import InvoiceStatus
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.port import Invoices
from tollkeeper.telemetry import logger

MOST_ATTEMPTS = 8

MOST_LOOKS = 6
SECONDS_BETWEEN = 1.0
"""How often, and in what time, an invoice is looked at that Stripe is about to collect."""


@dataclass(frozen=True, slots=True)
class Finishing:
    """Finishes the drafts of a subscription that is about to be cancelled; done again, it changes nothing."""

    bills: Bills
    charging: Charging
    stripe: Invoices

    def finish(self, user_id: str, subscription_id: str, now: datetime, patience: Patience) -> list[Bill]:
        """Take a subscription's bills that are on a draft to their end; return those that must be left.

        Left are those whose usage has not settled, whose lines are not as they should be, and whose step
        Stripe refuses. When Stripe has stopped their draft, they move off it and are charged apart.

        Raises:
            StripeUnavailableError: Stripe gave no answer; finishing again is safe.
            UnavailableError: the ledger gave none.
        """
        left: list[Bill] = []
        for _ in range(MOST_ATTEMPTS):
            left = self._on_a_draft(user_id, subscription_id)
            try:
                finished = [self._finish(each, now, patience) for each in left]
            except BillMovedError:
                continue  # the reporter is at one of them
            left = [each for each in finished if not each.is_final]
            break
        for each in left:
            logger.warning("A draft could not be finished", extra=_named(each))
        return left

    def _on_a_draft(self, user_id: str, subscription_id: str) -> list[Bill]:
        return [
            each
            for each in self.bills.of_user(user_id)
            if each.subscription_id == subscription_id and each.state in ON_A_DRAFT and not each.is_own
        ]

    def _finish(self, bill: Bill, now: datetime, patience: Patience) -> Bill:
        """Take one bill as far as it goes, finalising its draft once its lines are right."""
        try:
            bill = self.charging.advance(bill, now)
            if bill.state is not State.RELEASED:
                return bill
            self._finalise(bill)
            self._wait_for_payment(bill, patience)
            return self.charging.advance(bill, now)
        except StripeRefusedError as error:
            logger.error("Stripe refuses a bill's step", extra={**_named(bill), "trouble": str(error)})
            return bill

    def _finalise(self, bill: Bill) -> None:
        """Have a draft finalised now rather than in some minutes; what came of it is read."""
        try:
            self.stripe.finalize_invoice(str(bill.invoice_id))
        except StripeRefusedError as error:  # it is final already, or cannot be
            logger.info("A draft was not finalised", extra={**_named(bill), "trouble": str(error)})

    def _wait_for_payment(self, bill: Bill, patience: Patience) -> None:
        """Give Stripe a moment to collect an invoice: once its subscription is cancelled it does not."""
        for look in range(MOST_LOOKS):
            invoice = self.stripe.invoice(str(bill.invoice_id))
            if invoice is None or invoice.status is not InvoiceStatus.OPEN:
                return
            try:
                if look + 1 < MOST_LOOKS:
                    patience.wait_for(SECONDS_BETWEEN)
            except ContendedError:
                break
        logger.error("An invoice is cancelled with before it is paid", extra=_named(bill))


def _named(bill: Bill) -> dict[str, str]:
    return {"userId": bill.user_id, "state": bill.state, "invoice": bill.invoice_id or ""}
