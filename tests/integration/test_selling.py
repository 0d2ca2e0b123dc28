"""What the catalogue switches on, as the stand-in for Stripe sells it; and what customers see of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import Mode, load, overage_name
from tollkeeper.rules.subscriptions import Card, Status, Subscription
from tollkeeper.rules.times import epoch
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.customer_port import LineKind, PortalFlow
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.gateway import StripeGateway, connect
from tollkeeper.stripe.port import CheckoutOrder, OwnInvoice

PAGE = "https://app.example.com"
CARD = {"card": "4242424242424242"}
TRIAL = timedelta(days=14)
CHARGE = ChargeLine(
    "charge-1", "ada", "apiCalls", 5_000, Decimal(1), START, START + TRIAL, "API calls over the limit"
)

type Selling = Callable[..., StripeGateway]


@pytest.fixture
def selling(sandbox: Sandbox) -> Selling:
    """Return the gateway of a deployment whose catalogue has some options."""

    def selling(**options: Any) -> StripeGateway:  # noqa: ANN401 - any of the catalogue's fields
        return StripeGateway(connect("sk_test_live", sandbox.url), replace(load(), **options), "live")

    return selling


def buy(sandbox: Sandbox, gateway: StripeGateway, by: dict[str, Any], trial_days: int = 0) -> Subscription:
    """Have Ada subscribe to professional."""
    customer_id = gateway.create_customer("ada")
    wanted = CheckoutOrder("ada", customer_id, "professional", trial_days, PAGE, PAGE)
    session = gateway.create_checkout_session(wanted)
    path = f"/_sandbox/checkout/sessions/{session.id}/complete"
    answer = sandbox.http.post(path, json=by)
    assert answer.is_success, answer.text
    return only(gateway, customer_id)


def only(gateway: StripeGateway, customer_id: str) -> Subscription:
    """Return a customer's one subscription."""
    (found,) = gateway.subscriptions_of(customer_id)
    return found


class TestOptions:
    """What is off unless set."""

    def test_nothing_is_asked_for_unless_it_is_switched_on(self, sandbox: Sandbox, selling: Selling) -> None:
        """No tax, no tax id, always a card, and all that the account takes."""
        buy(sandbox, selling(), CARD, trial_days=14)
        (session,) = sandbox.stripe.v1.checkout.sessions.list().data
        assert (False, False, "always", None) == (
            session.automatic_tax.enabled,
            "tax_id_collection" in session,
            session.payment_method_collection,
            session.allowed_payment_method_types,
        )

    def test_a_trial_of_a_day_is_one(self, sandbox: Sandbox, selling: Selling) -> None:
        """The page says what a trial is as of one of two weeks, and nothing of it where there is none."""
        gateway, told = selling(), []
        customer_id = gateway.create_customer("ada")
        for days in (0, 1, 14):
            page = gateway.create_checkout_session(
                CheckoutOrder("ada", customer_id, "professional", days, PAGE, PAGE)
            )
            session = sandbox.stripe.v1.checkout.sessions.retrieve(page.id)
            assert session.custom_text.submit
            told.append(session.custom_text.submit.message)
        assert told[0] != told[1] == told[2]

    def test_of_what_has_no_consequence_nothing_is_said(self, sandbox: Sandbox, selling: Selling) -> None:
        """Where all metrics are only observed, the page has no words of ours, not even empty ones."""
        metrics = {name: replace(each, mode=Mode.OBSERVE) for name, each in load().metrics.items()}
        gateway = selling(metrics=metrics)
        wanted = CheckoutOrder("ada", gateway.create_customer("ada"), "professional", 0, PAGE, PAGE)
        gateway.create_checkout_session(wanted)
        (asked,) = sandbox.http.get("/_sandbox/requests?method=POST&path=/v1/checkout/sessions").json()[
            "requests"
        ]
        assert "custom_text" not in asked["params"]

    def test_automatic_tax_is_on_all_that_is_billed(self, sandbox: Sandbox, selling: Selling) -> None:
        """On the first invoice, on renewals, and on an invoice of its own, which takes our lines."""
        gateway = selling(automatic_tax=True)
        bought = buy(sandbox, gateway, CARD)
        sandbox.move(bought.period_end + timedelta(hours=2))
        own = OwnInvoice("bill-1", "ada", bought.customer_id, bought.id, "Usage")
        gateway.create_invoice(own, "key-1")
        (made,) = gateway.own_invoices(bought.customer_id, "bill-1", START)
        gateway.add_lines(made.id, [CHARGE], "key-2")
        gateway.finalize_invoice(made.id)
        invoices = sandbox.stripe.v1.invoices.list().data
        assert [(True, "complete")] * 3 == [
            (each.automatic_tax.enabled, each.automatic_tax.status) for each in invoices
        ]

    def test_a_tax_id_is_collected(self, sandbox: Sandbox, selling: Selling) -> None:
        """And is on the invoices."""
        vat = {"type": "eu_vat", "value": "DE123456789"}
        buy(sandbox, selling(collect_tax_ids=True), {**CARD, "taxId": vat})
        (invoice,) = sandbox.stripe.v1.invoices.list().data
        assert [vat] == [each.to_dict() for each in invoice.customer_tax_ids or []]

    def test_a_trial_without_a_card_ends_without_one(self, sandbox: Sandbox, selling: Selling) -> None:
        """It is a trial as ever, with nothing to charge; at its end it is cancelled, and nothing was due."""
        gateway = selling(trial_without_card=True)
        bought = buy(sandbox, gateway, {}, trial_days=14)
        sandbox.move(START + TRIAL + timedelta(hours=1))
        ended = only(gateway, bought.customer_id)
        assert (Status.TRIALING, None, START + TRIAL, Status.CANCELED, START + TRIAL) == (
            bought.status,
            bought.payment_method,
            bought.trial_end,
            ended.status,
            ended.ended_at,
        )
        assert [0] == [each.total for each in sandbox.stripe.v1.invoices.list().data]

    def test_a_card_given_in_such_a_trial_keeps_the_subscription(
        self, sandbox: Sandbox, selling: Selling
    ) -> None:
        """The portal takes it, and the plan is paid at the trial's end."""
        gateway = selling(trial_without_card=True)
        bought = buy(sandbox, gateway, {}, trial_days=14)
        page = gateway.create_portal_session(bought.customer_id, PAGE, PortalFlow.PAYMENT_METHOD_UPDATE)
        sandbox.http.post(f"{page.removeprefix(sandbox.url)}/card", data=CARD)
        held = only(gateway, bought.customer_id).payment_method
        sandbox.move(START + TRIAL + timedelta(hours=2))
        assert held
        assert (Card("visa", "4242", 12, held.card.exp_year if held.card else 0), Status.ACTIVE) == (
            held.card,
            only(gateway, bought.customer_id).status,
        )

    def test_who_has_had_a_trial_gives_a_card(self, sandbox: Sandbox, selling: Selling) -> None:
        """Their first month is due."""
        gateway = selling(trial_without_card=True)
        with pytest.raises(AssertionError, match="card"):
            buy(sandbox, gateway, {})
        (session,) = sandbox.stripe.v1.checkout.sessions.list().data
        assert "always" == session.payment_method_collection

    def test_only_what_is_named_can_be_paid_with(self, sandbox: Sandbox, selling: Selling) -> None:
        """Of what the account takes."""
        gateway = selling(payment_methods=("link",))
        with pytest.raises(AssertionError, match="card"):
            buy(sandbox, gateway, CARD)
        bought = buy(sandbox, gateway, {"paymentMethod": "link"})
        assert bought.payment_method
        assert "link" == bought.payment_method.type


class TestPortal:
    """Stripe's portal, under the configuration that the catalogue command keeps."""

    def page(self, sandbox: Sandbox, gateway: StripeGateway, customer_id: str) -> str:
        """Open a portal, and return its path."""
        return gateway.create_portal_session(customer_id, PAGE, None).removeprefix(sandbox.url)

    def test_a_card_is_changed_there(self, sandbox: Sandbox, gateway: StripeGateway) -> None:
        """What Stripe says of the subscription has the new one."""
        bought = buy(sandbox, gateway, CARD)
        page = self.page(sandbox, gateway, bought.customer_id)
        sandbox.http.post(f"{page}/card", data={"card": "5555555555554444"})
        held = only(gateway, bought.customer_id).payment_method
        assert held
        assert held.card
        assert ("mastercard", "4444") == (held.card.brand, held.card.last4)

    def test_it_cancels_at_the_periods_end(self, sandbox: Sandbox, gateway: StripeGateway) -> None:
        """And offers no other plan."""
        bought = buy(sandbox, gateway, CARD)
        page = self.page(sandbox, gateway, bought.customer_id)
        sandbox.http.post(f"{page}/cancel")
        after = only(gateway, bought.customer_id)
        assert (bought.period_end, False) == (after.cancel_at, after.renews)

    def test_another_configuration_is_never_used(self, sandbox: Sandbox, gateway: StripeGateway) -> None:
        """Neither one without our mark, nor Stripe's default; the deployer is told what to run."""
        api = sandbox.stripe.v1.billing_portal.configurations
        (ours,) = api.list().data
        api.update(ours.id, {"active": False})
        api.create({"features": {"invoice_history": {"enabled": True}}})
        with pytest.raises(StripeRefusedError, match="make stripe-apply"):
            gateway.create_portal_session(gateway.create_customer("ada"), PAGE, None)

    def test_one_that_was_replaced_is_looked_for_again(
        self, sandbox: Sandbox, gateway: StripeGateway
    ) -> None:
        """Somebody deactivated it, and applied the catalogue to what was left: nobody who waits notices."""
        customer_id = gateway.create_customer("ada")
        gateway.create_portal_session(customer_id, PAGE, None)
        api = sandbox.stripe.v1.billing_portal.configurations
        (ours,) = api.list().data
        api.update(ours.id, {"active": False, "metadata": {"tollkeeper": ""}})
        other = api.create(
            {"features": {"invoice_history": {"enabled": True}}, "metadata": {"tollkeeper": "portal"}}
        )
        gateway.create_portal_session(customer_id, PAGE, None)
        (*_, last) = sandbox.http.get(
            "/_sandbox/requests?method=POST&path=/v1/billing_portal/sessions"
        ).json()["requests"]
        assert other.id == last["params"]["configuration"]

    def test_of_two_the_oldest_is_used(self, sandbox: Sandbox, gateway: StripeGateway) -> None:
        """Two deploys at once have made one each: every function uses the same."""
        api = sandbox.stripe.v1.billing_portal.configurations
        (ours,) = api.list().data
        sandbox.move(START + timedelta(days=1))
        api.create({"features": {"invoice_history": {"enabled": True}}, "metadata": {"tollkeeper": "portal"}})
        gateway.create_portal_session(gateway.create_customer("ada"), PAGE, None)
        (asked,) = sandbox.http.get("/_sandbox/requests?method=POST&path=/v1/billing_portal/sessions").json()[
            "requests"
        ]
        assert ours.id == asked["params"]["configuration"]

    def test_it_is_looked_for_once(self, sandbox: Sandbox, gateway: StripeGateway) -> None:
        """In a function's life, and once more when Stripe refuses something."""

        def looked() -> int:
            asked = "/_sandbox/requests?method=GET&path=/v1/billing_portal/configurations"
            return len(sandbox.http.get(asked).json()["requests"])

        customer_id, before = gateway.create_customer("ada"), looked()
        for _ in range(3):
            gateway.create_portal_session(customer_id, PAGE, None)
        once = looked() - before
        with pytest.raises(StripeRefusedError):
            gateway.create_portal_session("cus_unknown", PAGE, None)
        gateway.create_portal_session(customer_id, PAGE, None)
        assert (1, 2) == (once, looked() - before)


class TestInvoices:
    """Invoices as their customers see them."""

    def test_charges_tell_their_metric_and_prorations_are_told_apart(
        self, sandbox: Sandbox, gateway: StripeGateway
    ) -> None:
        """A renewal with overage; the next bill with an upgrade's proration that waits for it."""
        bought = buy(sandbox, gateway, CARD)
        sandbox.move(bought.period_end + timedelta(minutes=1))
        draft = gateway.renewal(bought.id, bought.period_end).draft
        assert draft
        gateway.add_lines(draft.id, [CHARGE], "key-1")
        held = gateway.invoices_of(bought.customer_id, 1, None)
        assert held
        assert ("draft", None, None, [(LineKind.BASE, None), (LineKind.OVERAGE, "apiCalls")]) == (
            held.invoices[0].status,
            held.invoices[0].number,
            held.invoices[0].invoice_pdf,
            [(each.kind, each.event_type) for each in held.invoices[0].lines],
        )
        item = sandbox.stripe.v1.subscriptions.retrieve(bought.id)["items"].data[0]
        (price,) = sandbox.stripe.v1.prices.list({"lookup_keys": ["tollkeeper_enterprise_monthly"]}).data
        sandbox.stripe.v1.subscriptions.update(
            bought.id,
            {"items": [{"id": item.id, "price": price.id}], "proration_behavior": "create_prorations"},
        )
        found = gateway.upcoming_invoice(bought.id, [CHARGE])
        assert found
        kinds = sorted(each.kind for each in found.lines)
        assert [LineKind.BASE, LineKind.OVERAGE, LineKind.PRORATION, LineKind.PRORATION] == kinds

    def test_a_coupon_takes_nothing_off_a_charge(self, sandbox: Sandbox, gateway: StripeGateway) -> None:
        """It is for the plan: half of $99 is off, and none of $50."""
        bought = buy(sandbox, gateway, CARD)
        coupon = sandbox.stripe.v1.coupons.create({"percent_off": 50, "duration": "forever"})
        sandbox.stripe.v1.subscriptions.update(bought.id, {"discounts": [{"coupon": coupon.id}]})
        found = gateway.upcoming_invoice(bought.id, [CHARGE])
        assert found
        assert (14_900, 4_950, 9_950) == (found.subtotal, found.discount, found.total)

    def test_more_lines_than_come_at_once_are_all_there(
        self, sandbox: Sandbox, gateway: StripeGateway
    ) -> None:
        """Of the bill to come, as of those that were made."""
        bought = buy(sandbox, gateway, CARD)
        charges = [replace(CHARGE, charge_id=f"charge-{number}", quantity=1) for number in range(30)]
        found = gateway.upcoming_invoice(bought.id, charges)
        sandbox.move(bought.period_end + timedelta(minutes=1))
        draft = gateway.renewal(bought.id, bought.period_end).draft
        assert draft
        gateway.add_lines(draft.id, charges, "key-1")
        made = gateway.invoices_of(bought.customer_id, 1, None)
        assert found
        assert made
        assert (31, 31) == (len(found.lines), len(made.invoices[0].lines))

    def test_a_price_that_is_sold_no_more_is_asked_for_again(
        self, sandbox: Sandbox, gateway: StripeGateway
    ) -> None:
        """Stripe refuses it; then the charge has a price of its own, and nobody who waits notices."""
        bought = buy(sandbox, gateway, CARD)
        gateway.upcoming_invoice(bought.id, [CHARGE])
        (price,) = sandbox.stripe.v1.prices.list({"lookup_keys": [overage_name("apiCalls")]}).data
        sandbox.stripe.v1.prices.update(price.id, {"active": False})
        found = gateway.upcoming_invoice(bought.id, [CHARGE])
        assert found
        assert 14_900 == found.total

    def test_a_bill_of_what_is_cancelled_at_the_periods_end_has_no_plan_on_it(
        self, sandbox: Sandbox, gateway: StripeGateway
    ) -> None:
        """Only what is owed."""
        bought = buy(sandbox, gateway, CARD)
        sandbox.stripe.v1.subscriptions.update(bought.id, {"cancel_at": epoch(bought.period_end)})
        found = gateway.upcoming_invoice(bought.id, [CHARGE])
        assert found
        assert [LineKind.OVERAGE] == [each.kind for each in found.lines]
