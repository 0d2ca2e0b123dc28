"""Ada's invoices at the fake and at the stand-in, and what happens to them without Tollkeeper."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from tests.fakes.invoices import Fault, HeldInvoice
from tests.fakes.stripe import FakeStripe
from tests.integration.month_at_stripe import END, MonthAtStripe
from tests.standin.harness import START, Sandbox
from tollkeeper.rules.invoices import InvoiceStatus
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.stripe.port import Stripe

NEXT_END = datetime(2026, 3, 31, 12, 0, 7, tzinfo=UTC)
"""When the month ends that begins at END."""

type How = Literal["lost", "unanswered", "500", "500 after", "429", "lock timeout", "lock timeout after"]
type Call = Literal["add_lines", "create_invoice"]


class InvoiceWorld(Protocol):
    """Ada subscribed at START; her first month ends at END."""

    stripe: Stripe
    subscription: str
    customer: str

    def renew(self) -> str:
        """Let her month end; return the renewal's id."""

    def renew_unpaid(self) -> str:
        """Let two months end of which nothing was paid; return the second renewal's id."""

    def at(self, instant: datetime) -> None:
        """Let it be later."""

    def cancel(self) -> None:
        """Cancel the subscription now."""

    def pause(self) -> None:
        """Pause its collection."""

    def delete_customer(self) -> None:
        """Delete Ada at Stripe."""

    def finalize(self, invoice_id: str) -> None:
        """Finalise an invoice by hand."""

    def void(self, invoice_id: str) -> None:
        """Void a final invoice by hand."""

    def delete(self, invoice_id: str) -> None:
        """Delete a draft by hand."""

    def fails(self, call: Call, how: How) -> None:
        """Let the next such call go wrong."""


class AtFake:
    """The fake."""

    def __init__(self) -> None:
        self._fake = FakeStripe(now=START)
        self.stripe: Stripe = self._fake
        self.customer = self._fake.create_customer("ada")
        self.subscription = "sub_ada"
        self._fake.held.append(
            Subscription("sub_ada", self.customer, "starter", Status.ACTIVE, START, START, END)
        )

    def renew(self) -> str:
        """Renew the subscription."""
        self.at(END)
        return self._fake.renew(self.subscription, NEXT_END).id

    def renew_unpaid(self) -> str:
        """Leave the second draft alone, as Stripe does."""
        self._fake.invoices[self.renew()].status = InvoiceStatus.OPEN
        self.at(NEXT_END)
        (unpaid,) = self._fake.held
        self._fake.held[:] = [replace(unpaid, status=Status.UNPAID)]
        draft: HeldInvoice = self._fake.draft(self.subscription, NEXT_END)
        draft.advances, draft.finalizes_at = False, None
        return draft.id

    def at(self, instant: datetime) -> None:
        """Set the time."""
        self._fake.now = instant
        self._fake.tick()

    def cancel(self) -> None:
        """End it."""
        (live,) = self._fake.held
        self._fake.held[:] = [replace(live, status=Status.CANCELED, ended_at=self._fake.now)]
        self._fake.stop(self.subscription)

    def pause(self) -> None:
        """Pause it."""
        self._fake.paused.add(self.subscription)

    def delete_customer(self) -> None:
        """Delete her."""
        self._fake.delete_customer(self.customer)

    def finalize(self, invoice_id: str) -> None:
        """Finalise it."""
        self._fake.finalize(invoice_id)

    def void(self, invoice_id: str) -> None:
        """Void it."""
        self._fake.void(invoice_id)

    def delete(self, invoice_id: str) -> None:
        """Delete it."""
        self._fake.delete(invoice_id)

    def fails(self, call: Call, how: How) -> None:
        """Order a fault."""
        faults = {
            "lost": Fault.LOST,
            "unanswered": Fault.UNANSWERED,
            "429": Fault.LIMITED,
            "500": Fault.FAILED,
            "lock timeout": Fault.FAILED,
            "500 after": Fault.FAILED_AFTER,
            "lock timeout after": Fault.FAILED_AFTER,
        }
        left = [faults[how]]
        self._fake.fault = lambda name: left.pop() if name == call and left else None


class AtStandin:
    """The gateway of the deployment called `live`, and the stand-in for Stripe."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.month = MonthAtStripe(sandbox)
        self._sandbox = sandbox
        self._api = sandbox.stripe.v1
        self.stripe: Stripe = self.month.stripe
        self.subscription = self.month.subscribe()
        self.customer = self.month.customers["ada"]

    def renew(self) -> str:
        """Move the clock to the month's end."""
        self.at(END)
        return self.month.renewal().id

    def renew_unpaid(self) -> str:
        """Have the first renewal fail, after which nothing is tried again."""
        self._sandbox.put("dunning", {"retryDays": [], "finally": "unpaid"})
        fails = self._api.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": self.customer})
        self._api.subscriptions.update(self.subscription, {"default_payment_method": fails.id})
        self.at(NEXT_END)
        assert "unpaid" == self._api.subscriptions.retrieve(self.subscription).status
        return self.month.invoices()[0].id

    def at(self, instant: datetime) -> None:
        """Move the clock."""
        self.month.move(instant)

    def cancel(self) -> None:
        """Cancel it."""
        self._api.subscriptions.cancel(self.subscription)

    def pause(self) -> None:
        """Pause it, so that what comes stays a draft."""
        wish: Any = {"pause_collection": {"behavior": "void"}}
        self._api.subscriptions.update(self.subscription, wish)

    def delete_customer(self) -> None:
        """Delete her."""
        self._api.customers.delete(self.customer)

    def finalize(self, invoice_id: str) -> None:
        """Finalise it."""
        self._api.invoices.finalize_invoice(invoice_id, {"auto_advance": False})

    def void(self, invoice_id: str) -> None:
        """Void it."""
        self._api.invoices.void_invoice(invoice_id)

    def delete(self, invoice_id: str) -> None:
        """Delete it."""
        self._api.invoices.delete(invoice_id)

    def fails(self, call: Call, how: How) -> None:
        """Order a fault."""
        answer, _, after = how.partition(" after")
        answers = {"unanswered": "lost", "lock timeout": "lock_timeout"}
        effect = "after" if how.endswith(" after") or how == "unanswered" else "before"
        path = {"add_lines": "/v1/invoices/*/add_lines", "create_invoice": "/v1/invoices"}[call]
        fault = {"method": "POST", "path": path, "effect": effect, "answer": answers.get(answer, answer)}
        assert not after
        assert self._sandbox.put("faults", {"faults": [fault]}).is_success
