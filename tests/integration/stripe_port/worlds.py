"""The two worlds in which the port for Stripe is tried: the fake, and the gateway at the stand-in.

What only Stripe itself can do, as paying on a page or deleting a customer, each does in its own way.
"""

from datetime import datetime, timedelta
from typing import Protocol

from tests.fakes.stripe import FakeStripe
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.rules.subscriptions import Card, PaymentMethod, Subscription
from tollkeeper.rules.times import from_epoch
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.stripe.port import CheckoutOrder, Stripe

VISA = PaymentMethod("card", Card("visa", "4242", 12, 2030))
PAGE = "https://app.example.com"
TRIAL = timedelta(days=14)
DAY = timedelta(days=1)


class World(Protocol):
    """Stripe as the port has it, and what happens there without Tollkeeper."""

    stripe: Stripe

    def pay(self, session_id: str) -> None:
        """Subscribe on a session's page, with a card that succeeds."""

    def delete_customer(self, customer_id: str) -> None:
        """Delete a customer."""

    def foreign_customer(self) -> str:
        """Return a customer whom another deployment made."""

    def account(self) -> str:
        """Return the id of the account."""

    def owe(self, customer_id: str) -> None:
        """Have a renewal of a customer's fail."""

    def move(self, now: datetime) -> None:
        """Let time pass."""

    def stop_deliveries(self) -> None:
        """Have no event arrive from now on."""

    def thin_events(self) -> list[str]:
        """Return the ids of the thin events there are, once Stripe has weighed all meter events."""

    def go_down(self) -> None:
        """Have every call fail from now on."""

    def pay_with(self, customer_id: str, *, declines: bool = False, asks: bool = False) -> None:
        """Have a customer's payments declined, or have the bank ask the customer, from now on."""


class AtFake:
    """The fake."""

    def __init__(self) -> None:
        self._fake = FakeStripe(now=START)
        self.stripe: Stripe = self._fake
        self.pay = self._fake.pay
        self.delete_customer = self._fake.delete_customer

    def foreign_customer(self) -> str:
        """Note a customer of nobody's."""
        self._fake.customers["cus_foreign"] = None
        return "cus_foreign"

    def account(self) -> str:
        """Return its id."""
        return self._fake.account_id

    def owe(self, customer_id: str) -> None:
        """Leave an invoice open."""
        (held,) = (each for each in self._fake.held if each.customer_id == customer_id)
        self._fake.open_invoices[held.id] = "https://pay.test/in_1"

    def move(self, now: datetime) -> None:
        """Set the time."""
        self._fake.now = now

    def stop_deliveries(self) -> None:
        """Deliver nothing."""
        self._fake.delivers = False

    def thin_events(self) -> list[str]:
        """Return those that tell of rejections."""
        return [*self._fake.rejected]

    def go_down(self) -> None:
        """Go down."""
        self._fake.is_down = True

    def pay_with(self, customer_id: str, *, declines: bool = False, asks: bool = False) -> None:
        """Change what becomes of payments."""
        del customer_id
        self._fake.wallet.declines, self._fake.wallet.asks = declines, asks


class AtStandin:
    """The gateway of the deployment called `live`, and the stand-in for Stripe."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.stripe: Stripe = StripeGateway(sandbox.stripe, load(), "live")

    def pay(self, session_id: str) -> None:
        """Pay on the page."""
        path = f"/_sandbox/checkout/sessions/{session_id}/complete"
        assert self._sandbox.http.post(path, json={"card": "4242424242424242"}).is_success

    def delete_customer(self, customer_id: str) -> None:
        """Delete a customer as in Stripe's dashboard."""
        self._sandbox.stripe.v1.customers.delete(customer_id)

    def foreign_customer(self) -> str:
        """Create a customer as another deployment does."""
        return StripeGateway(self._sandbox.stripe, load(), "other").create_customer("ada")

    def account(self) -> str:
        """Ask for it."""
        return self._sandbox.stripe.v1.accounts.retrieve_current().id

    def owe(self, customer_id: str) -> None:
        """Change to a card that declines, and let the month end."""
        v1 = self._sandbox.stripe.v1
        (bought,) = v1.subscriptions.list({"customer": customer_id}).data
        method = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer_id})
        v1.subscriptions.update(bought.id, {"default_payment_method": method.id})
        self.move(from_epoch(bought["items"].data[0].current_period_end) + timedelta(hours=1))

    def move(self, now: datetime) -> None:
        """Move the stand-in's clock."""
        self._sandbox.move(now)

    def stop_deliveries(self) -> None:
        """Register an endpoint that nothing arrives at."""
        self._sandbox.stripe.v1.webhook_endpoints.create({"url": f"{PAGE}/", "enabled_events": ["*"]})
        self._sandbox.put("deliveries", {"drop": 1})

    def thin_events(self) -> list[str]:
        """List them, five minutes later."""
        self._sandbox.move(START + timedelta(minutes=5))
        return [event.id for event in self._sandbox.stripe.v2.core.events.list().data]

    def pay_with(self, customer_id: str, *, declines: bool = False, asks: bool = False) -> None:
        """Change the card."""
        card = "pm_card_chargeCustomerFail" if declines else "pm_card_visa"
        card = "pm_card_authenticationRequired" if asks else card
        v1 = self._sandbox.stripe.v1
        method = v1.payment_methods.attach(card, {"customer": customer_id})
        (bought,) = v1.subscriptions.list({"customer": customer_id}).data
        v1.subscriptions.update(bought.id, {"default_payment_method": method.id})

    def go_down(self) -> None:
        """Answer 500 for a while."""
        self._sandbox.put("faults", {"faults": [{"path": "*", "answer": "500", "count": 99}]})


def order(customer_id: str, trial_days: int = 14) -> CheckoutOrder:
    """An order of Ada's for professional."""
    return CheckoutOrder("ada", customer_id, "professional", trial_days, PAGE, PAGE)


def buy(world: World, trial_days: int = 14) -> str:
    """Have Ada subscribe; return her customer."""
    customer_id = world.stripe.create_customer("ada")
    world.pay(world.stripe.create_checkout_session(order(customer_id, trial_days)).id)
    return customer_id


def only(stripe: Stripe, customer_id: str) -> Subscription:
    """Return a customer's one subscription."""
    (found,) = stripe.subscriptions_of(customer_id)
    return found
