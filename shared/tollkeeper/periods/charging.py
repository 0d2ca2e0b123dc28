"""How a bill's charges come onto an invoice: read, call or write, and read again (DESIGN rules 11 and 12)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from tollkeeper.catalogue import Catalogue
from tollkeeper.ledger.bills import Bills
from tollkeeper.rules import announcements, audit
from tollkeeper.rules.bill_steps import (
    LATER,
    SOON,
    Opening,
    Seen,
    hold_until,
    next_step,
    release_at,
)
from tollkeeper.rules.bills import Bill, Call, Policy, State, Wait
from tollkeeper.rules.invoices import Invoice, Renewal
from tollkeeper.rules.times import iso
from tollkeeper.stripe.charge_lines import ChargeLine, charge_line
from tollkeeper.stripe.errors import StripeFailedError, StripeRefusedError
from tollkeeper.stripe.port import Customers, Invoices, OwnInvoice
from tollkeeper.telemetry import logger

MOST_STEPS = 24
"""Steps that a bill is taken in one go: from owed to released there are seven."""

REMEMBERED = frozenset({Call.OPEN, Call.ADD})
"""Calls whose success Stripe repeats under their key, whatever people have done to its effect meanwhile."""

MADE_BEFORE = timedelta(hours=1)
"""How long before a period's end its own invoice cannot have been made, clocks being what they are."""


type Failure = StripeFailedError | StripeRefusedError


class StripeForCharging(Customers, Invoices, Protocol):
    """What charging asks of Stripe."""


@dataclass(frozen=True, slots=True)
class Charging:
    """Takes bills on, each as far as it can go now. Two at the same bill do no harm."""

    bills: Bills
    stripe: StripeForCharging
    catalogue: Catalogue
    policy: Policy
    deployment: str

    def advance(self, bill: Bill, now: datetime) -> Bill:
        """Take a bill on until it is final, or has to wait; return it as it stands then.

        Raises:
            BillMovedError: somebody else takes it on.
            StripeUnavailableError: Stripe gave no answer; the same calls may be made again.
            UnavailableError: the ledger gave none.
        """
        seen = self._read(bill)
        for _ in range(MOST_STEPS):
            match next_step(bill, seen, self.policy, now):
                case Bill() as after:
                    known = _invoice_of(after, seen)
                    waits_until = self._waits_until(after, known, now)
                    bill = self._write(bill, after, seen, now, waits_until or now)
                    if bill.is_final or waits_until:
                        return bill
                    seen = known or self._read(bill)
                case Wait(until, trouble):
                    if trouble:
                        logger.error("A bill is not as it should be", extra=self._named(bill, trouble))
                    return self.bills.write(bill, bill, until)
                case Call() as call:
                    failure = self._send(call, bill, seen, now)
                    if failure is None and call in REMEMBERED:
                        bill = replace(bill, answered_at=bill.answered_at or now)
                    seen = self._read(bill)
                    if failure and next_step(bill, seen, self.policy, now) is call:
                        return self._leave(bill, failure, now)
        logger.error(
            "A bill does not come on", extra=self._named(bill, "Stripe takes calls, and shows nothing")
        )
        return self.bills.write(bill, bill, now + SOON)

    def _waits_until(self, bill: Bill, known: Invoice | None, now: datetime) -> datetime | None:
        """Return until when a bill will have to wait as soon as it is written, by what was read."""
        match next_step(bill, known, self.policy, now) if known else None:
            case Wait(until, trouble=None):
                return until
            case _:
                return None

    def _read(self, bill: Bill) -> Seen:
        match bill.state:
            case State.OWED:
                return self.stripe.renewal(bill.subscription_id, bill.period_end)
            case State.OPENING:
                # Since the period's end: a ledger that was restored may have made it before the bill says.
                made_since = bill.period_end - MADE_BEFORE
                own = self.stripe.own_invoices(bill.customer_id, self._name(bill), made_since)
                return Opening(own, has_customer=bool(own) or self.stripe.has_customer(bill.customer_id))
            case _:
                return self.stripe.invoice(str(bill.invoice_id))

    def _leave(self, bill: Bill, failure: Failure, now: datetime) -> Bill:
        """Leave to a later run a call that did not succeed, and of which nothing is seen.

        A failure is repeated under its key, so that the next one is noted. It is not tried at once: what
        failed may take effect a moment later, and another run may be about to send the old key.
        """
        if isinstance(failure, StripeFailedError):
            logger.warning("Stripe failed at a bill's step", extra=self._named(bill, str(failure)))
            return self.bills.write(bill, replace(bill, attempt=bill.attempt + 1), now + SOON)
        if not self.stripe.has_customer(bill.customer_id):
            return self._write(bill, bill.moved(State.WRITTEN_OFF, now), None, now, now)
        logger.error("Stripe refuses a bill's step", extra=self._named(bill, str(failure)))
        return self.bills.write(bill, bill, now + LATER)

    def _send(self, call: Call, bill: Bill, seen: Seen, now: datetime) -> Failure | None:
        """Make a call; return how it failed, if Stripe says that it did."""
        try:
            self._make(call, bill, seen, now)
        except (StripeFailedError, StripeRefusedError) as failure:
            return failure
        return None

    def _make(self, call: Call, bill: Bill, seen: Seen, now: datetime) -> None:
        key = "-".join((self._name(bill), call, bill.invoice_id or f"{len(bill.passed)}", f"{bill.attempt}"))
        match call, seen:
            case Call.OPEN, _:
                self.stripe.create_invoice(self._order(bill), key)
            case Call.HOLD, Invoice():
                self.stripe.finalize_at(seen.id, hold_until(seen, self.policy))
            case Call.ADD, Invoice():
                self.stripe.add_lines(seen.id, self._lines(bill), key)
            case Call.REMOVE, Invoice():
                ours = {each.id for each in bill.charges or ()}
                self.stripe.remove_lines(seen.id, [each.id for each in seen.lines if each.charge_id in ours])
            case Call.RELEASE, Invoice() if bill.is_own:
                self.stripe.finalize_invoice(seen.id)
            case Call.RELEASE, Invoice():
                self.stripe.finalize_at(seen.id, release_at(seen, now))

    def _write(self, before: Bill, after: Bill, seen: Seen, now: datetime, due_at: datetime) -> Bill:
        """Write a step, with what people are told of it, and when the next is due."""
        entries = audit.of_bill(before, after, seen if isinstance(seen, Invoice) else None, at=now)
        told = announcements.of_waived(before, after, at=now)
        return self.bills.write(before, after, due_at, [*entries], [*told])

    def _lines(self, bill: Bill) -> list[ChargeLine]:
        bounds = bill.period_start, bill.period_end
        return [charge_line(each, bill.user_id, *bounds, self.catalogue) for each in bill.left]

    def _order(self, bill: Bill) -> OwnInvoice:
        description = f"Usage from {bill.period_start:%-d %B %Y} to {bill.period_end:%-d %B %Y}"
        return OwnInvoice(self._name(bill), bill.user_id, bill.customer_id, bill.subscription_id, description)

    def _name(self, bill: Bill) -> str:
        """Return what names a bill at Stripe: deployment, user and period decide it."""
        parts = (self.deployment, bill.user_id, bill.subscription_id, iso(bill.period_start))
        return sha256("\n".join(parts).encode()).hexdigest()

    def _named(self, bill: Bill, trouble: str) -> dict[str, str]:
        return {
            "userId": bill.user_id,
            "periodStart": iso(bill.period_start),
            "state": bill.state,
            "invoice": bill.invoice_id or "",
            "trouble": trouble,
        }


def _invoice_of(bill: Bill, seen: Seen) -> Invoice | None:
    """Return a bill's invoice as it was just read; None if it was not: nothing was asked of Stripe since."""
    match seen:
        case Renewal(draft=draft, charged=charged):
            found = [each for each in (draft, charged) if each]
        case Invoice() as invoice:
            found = [invoice]
        case Opening(own=own):
            found = [*own]
        case _:
            found = []
    return next((each for each in found if each.id == bill.invoice_id), None)
