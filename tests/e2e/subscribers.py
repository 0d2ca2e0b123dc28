"""Who has bought a plan of the stack under test: what they do, and what Stripe has of them."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from stripe import Invoice, Subscription

from infra.local.customer import GOOD_CARD, Customer, UsageRecord
from infra.local.places import Home, Stack
from infra.local.stack import stripe_client
from tests.e2e.callers import Callers, soon

FAILS_LATER = "4000000000000341"
COLLECTED = timedelta(hours=2)
"""How long after a trial its first invoice has certainly been asked to be paid."""


class Subscriber:
    """Somebody who has just bought a plan, and is in its trial."""

    def __init__(self, home: Home, stack: Stack, callers: Callers, plan: str, card: str = GOOD_CARD) -> None:
        self.customer = Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")
        self.user_id = self.customer.user_id
        self.api = callers.user(self.user_id)
        self.stripe = stripe_client(stack.stripe).v1
        self.customer.buy(plan, card)
        trial = self.once("trialing")
        self.customer_id = str(trial["customerId"])
        self.trial_ends = datetime.fromisoformat(trial["trial"]["endsAt"])

    def pass_trial(self) -> None:
        """Let the trial be over, and be charged for the first month."""
        self.move(self.trial_ends + COLLECTED)
        self.once("active")

    def shown(self) -> dict[str, Any]:
        """What `GET /subscription` shows."""
        found: dict[str, Any] = self.api.get("/subscription").json()
        return found

    def once(self, status: str) -> dict[str, Any]:
        """What `GET /subscription` shows once it has a status."""
        found = soon(self.shown, lambda shown: shown["status"] == status)
        assert status == found["status"]
        return found

    def period(self) -> tuple[datetime, datetime]:
        """When the current period began, and when it ends."""
        shown = self.shown()
        start, end = (datetime.fromisoformat(shown[f"currentPeriod{each}"]) for each in ("Start", "End"))
        return start, end

    def move(self, to: datetime) -> None:
        """Let it be later, for the whole stack."""
        self.customer.move_clock(to)

    def use(self, calls: int, at: datetime) -> None:
        """Use calls, and see them counted."""
        before = int(self.shown()["usage"]["apiCalls"])
        self.customer.report([UsageRecord(uuid.uuid4().hex, "apiCalls", at, calls)])
        soon(self.shown, lambda found: found["usage"]["apiCalls"] == before + calls)

    def decide(self, path: str, **body: str) -> dict[str, Any]:
        """Decide something that is done at once; return the answer."""
        answer = self.api.post(f"/subscription/{path}", json=body)
        assert 200 == answer.status_code, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def trail(self) -> list[str]:
        """What was done, oldest first."""
        return [entry["action"] for entry in reversed(self.customer.audit_trail())]

    def subscription(self) -> Subscription:
        """The one subscription that Stripe has of them."""
        found = self.stripe.subscriptions.list(
            {"customer": self.customer_id, "status": "all", "expand": ["data.default_payment_method"]}
        )
        (only,) = found.data
        return only

    def price(self) -> str | None:
        """By which price Stripe bills the plan: its lookup key."""
        (item,) = self.subscription()["items"].data
        key: str | None = item.price.lookup_key
        return key

    def invoices(self) -> list[Invoice]:
        """All of them, the first first."""
        found = self.stripe.invoices.list({"customer": self.customer_id, "limit": 100}).data
        return [*reversed(found)]

    def overage(self) -> list[tuple[str | None, int, int]]:
        """The lines of ours on final invoices: the invoice's reason, quantity and cents."""
        return [
            (invoice.billing_reason, line.quantity or 0, line.amount)
            for invoice in self.invoices()
            if invoice.status == "paid"
            for line in invoice.lines.data
            if line.metadata and "charge" in line.metadata.to_dict()
        ]
