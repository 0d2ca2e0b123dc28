"""A month at the stand-in in which calls go wrong, and people have a hand at Stripe."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import stripe as sdk
from stripe import Invoice, StripeClient

from tests.integration.month_at_stripe import END, OFFER, MonthAtStripe
from tests.ledger.billing_house import HOUR, MINUTE, endless
from tests.ledger.judgement import Ended
from tests.standin.harness import Sandbox
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.rules.bills import Policy
from tollkeeper.rules.invoices import InvoiceLine
from tollkeeper.rules.times import parse_iso
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.gateway.patient_client import PatientClient

QUIET = 100 * HOUR
"""After so long whatever was disturbed has come to its end: a hold lasts 72 hours at most."""


def impatient(sandbox: Sandbox) -> StripeClient:
    """Return the SDK's client with nothing that waits: what it would try again comes again in a later run."""
    return StripeClient(
        "sk_test_live",
        max_network_retries=0,
        http_client=PatientClient(8.0, 0),
        base_addresses={"api": sandbox.url, "meter_events": sandbox.url},
    )


class DisturbedMonth(MonthAtStripe):
    """Ada's month, with the hands that people have in it; what Stripe refuses them is left as it is."""

    def __init__(self, sandbox: Sandbox, policy: Policy) -> None:
        super().__init__(sandbox, policy, impatient(sandbox))
        self.touched: set[str] = set()
        self.edited = False
        self.deleted = False

    # What goes wrong.

    def goes_wrong(self, call: tuple[str, str], how: tuple[str, str], count: int) -> None:
        """Let the next calls of a method and path go wrong, before or after they took effect."""
        (method, path), (answer, effect) = call, how
        fault = {"method": method, "path": path, "answer": answer, "effect": effect, "count": count}
        assert self.sandbox.put("faults", {"faults": [fault]}).is_success

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Let what people do, and what a test looks at, go right; what goes wrong is Tollkeeper's to bear."""
        ordered = self.sandbox.http.get("/_sandbox/faults").json()
        self.sandbox.put("faults", {"faults": []})
        yield
        self.sandbox.put("faults", ordered)

    def recovers(self) -> None:
        """Let nothing go wrong any more."""
        self.sandbox.put("faults", {"faults": []})
        self.sandbox.put("finalization", {"error": None})
        self.queue.is_clear = True

    def cannot_finalise(self) -> None:
        """Let drafts fail to finalise."""
        self.sandbox.put("finalization", {"error": "customer_tax_location_invalid"})

    # People's hands.

    def newest(self, *, draft: bool) -> Invoice | None:
        """Return the newest invoice that was made at the month's end or since; perhaps only a draft."""
        found = (each for each in self.invoices() if each.created >= END.timestamp() - 60)
        return next((each for each in found if not draft or each.status == "draft"), None)

    def touch(self, invoice: Invoice) -> list[InvoiceLine]:
        """Note whose lines a person has a hand at, and return them."""
        read = self.stripe.invoice(invoice.id)
        found = [*read.lines] if read else []
        self.touched |= {line.charge_id for line in found}
        return found

    def take_off(self, most: int) -> None:
        """Take lines off a draft."""
        draft = self.newest(draft=True)
        if draft and (found := self.touch(draft)[:most]):
            taken: Any = {"lines": [{"id": line.id, "behavior": "delete"} for line in found]}
            with suppress(sdk.StripeError):
                self.api.invoices.remove_lines(draft.id, taken)

    def edit(self) -> None:
        """Give a line another quantity."""
        draft = self.newest(draft=True)
        if draft and (read := self.stripe.invoice(draft.id)) and read.lines:
            self.edited = True
            change: Any = {"lines": [{"id": read.lines[0].id, "quantity": 7}]}
            with suppress(sdk.StripeError):
                self.api.invoices.update_lines(draft.id, change)

    def finalize(self) -> None:
        """Finalise a draft by hand."""
        if draft := self.newest(draft=True):
            with suppress(sdk.StripeError):
                self.api.invoices.finalize_invoice(draft.id)

    def void(self) -> None:
        """Void the newest invoice, which is finalised first."""
        if newest := self.newest(draft=False):
            with suppress(sdk.StripeError):
                if newest.status == "draft":
                    self.api.invoices.finalize_invoice(newest.id, {"auto_advance": False})
                found = self.touch(newest)
                self.api.invoices.void_invoice(newest.id)
                self.touched |= {line.charge_id for line in found}

    def delete(self) -> None:
        """Delete a draft, which can be done only if it is no subscription's."""
        draft = self.newest(draft=True)
        if draft and draft.billing_reason == "manual":
            self.touch(draft)
            with suppress(sdk.StripeError):
                self.api.invoices.delete(draft.id)

    def cancel(self) -> None:
        """Cancel the subscription now."""
        with suppress(sdk.StripeError):
            self.api.subscriptions.cancel(self.subscriptions["ada"])

    def cancel_at_end(self) -> None:
        """Cancel the subscription at its period's end."""
        with suppress(sdk.StripeError):
            self.api.subscriptions.update(self.subscriptions["ada"], {"cancel_at_period_end": True})

    def upgrade(self) -> None:
        """Move to the professional plan, and pay the difference at once."""
        with suppress(sdk.StripeError):
            (item,) = self.api.subscriptions.retrieve(self.subscriptions["ada"])["items"].data
            change: Any = {
                "items": [{"id": item.id, "price": self.price("professional")}],
                "proration_behavior": "always_invoice",
            }
            self.api.subscriptions.update(self.subscriptions["ada"], change)

    def pause(self, behavior: str | None) -> None:
        """Pause the collection, or go on with it."""
        change: Any = {"pause_collection": {"behavior": behavior} if behavior else ""}
        with suppress(sdk.StripeError):
            self.api.subscriptions.update(self.subscriptions["ada"], change)

    def card_fails(self) -> None:
        """Change to a card that declines."""
        with suppress(sdk.StripeError):
            card = self.api.payment_methods.attach(
                "pm_card_chargeCustomerFail", {"customer": self.customers["ada"]}
            )
            self.api.subscriptions.update(self.subscriptions["ada"], {"default_payment_method": card.id})

    def delete_customer(self) -> None:
        """Delete the customer."""
        with suppress(sdk.StripeError):
            self.api.customers.delete(self.customers["ada"])
            self.deleted = True

    # What happens here.

    def report_late(self, units: int) -> None:
        """Count calls that were made before the end."""
        self.use(units={"apiCalls": units}, at=END - MINUTE)

    def correct(self, units: int) -> None:
        """Take calls of before the end back."""
        stamp = END - MINUTE
        record = UsageRecord(
            f"fix-{self.now}", "ada", "apiCalls", -units, stamp, self.now, reason="a mistake", actor="support"
        )
        counting = Counting(self.table, OFFER)
        (profile,) = counting.profiles(["ada"])
        counting.count(profile, [record], now=self.now, patience=endless())

    def accept(self, cap: int) -> None:
        """Set a spending cap."""
        SpendingCaps(self.table, OFFER).set("ada", cap, self.now, endless())

    def hears(self) -> None:
        """Let an event come through, if Stripe answers, which wakes what waits."""
        with suppress(StripeUnavailableError):
            self.hear()
        with self.undisturbed():
            invoices = [each.id for each in self.invoices()]
        for invoice in [*invoices, None]:
            Bills(self.table).wake("ada", invoice, self.now)

    # How it ends.

    def comes_to_rest(self) -> None:
        """Let time pass until nothing waits, or for a hundred hours."""
        until = self.now + QUIET
        while self.now < until and (waits := self._dues(until)):
            self.move(max(min(waits), self.now + 15 * MINUTE))
            self.run()

    def _dues(self, until: datetime) -> list[datetime]:
        rows_of_ours = [*self.rows("BILL#"), *self.rows("PERIOD#")]
        dues = [parse_iso(str(row["dueAt"])) for row in rows_of_ours if "due" in row]
        return [each for each in dues if each <= until]

    def all_lines(self) -> list[InvoiceLine]:
        """Return the lines on all that is, or may become, an invoice that somebody is asked to pay."""
        return self.lines(statuses=("draft", "open", "paid", "uncollectible"))

    def ended(self) -> Ended:
        """Return the month as it ended."""
        bill = self.bill()
        name = keys.period_name(bill.period_start, bill.subscription_id)
        row = next(row for row in self.rows("PERIOD#") if row["sk"] == f"PERIOD#{name}")
        in_index = [*Bills(self.table).due(self.now + QUIET), *Closing(self.table).ended(self.now)]
        return Ended(
            period=rows.period(row),
            bill=bill,
            audited=Counter(self.audited()),
            final=self.lines(),
            left=self.lines(statuses=("draft",)),
            touched=self.touched,
            waiting=len(in_index),
            edited=self.edited,
            has_customer=not self.deleted,
        )
