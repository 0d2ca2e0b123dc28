"""What holds of the gateway beyond the port (the tests of stripe_port), against the stand-in."""

from datetime import timedelta

import pytest
import stripe

from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.rules.subscriptions import Card, PaymentMethod, Status, Subscription, to_cancel
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError
from tollkeeper.stripe.event_types import EventType
from tollkeeper.stripe.gateway import StripeGateway, connect, is_live
from tollkeeper.stripe.port import CheckoutOrder

GOOD, FAILS_LATER = "4242424242424242", "4000000000000341"
VISA = PaymentMethod("card", Card("visa", "4242", 12, 2030))
STARTER = load().plans["starter"].price_lookup_key
TRIAL = timedelta(days=14)
COLLECTED = timedelta(hours=1)
"""How long after a renewal its invoice is final, and so asked to be paid."""


def order(customer_id: str, trial_days: int = 0) -> CheckoutOrder:
    """An order of Ada's for professional."""
    page = "https://app.example.com"
    return CheckoutOrder("ada", customer_id, "professional", trial_days, page, page)


def pay(sandbox: Sandbox, session_id: str, card: str = GOOD) -> None:
    """Pay on a session's page."""
    path = f"/_sandbox/checkout/sessions/{session_id}/complete"
    assert 200 == sandbox.http.post(path, json={"card": card}).status_code


def buy(sandbox: Sandbox, gateway: StripeGateway, *, trial: bool = False, card: str = GOOD) -> str:
    """Have Ada subscribe; return her customer."""
    customer_id = gateway.create_customer("ada")
    session = gateway.create_checkout_session(order(customer_id, 14 if trial else 0))
    pay(sandbox, session.id, card)
    return customer_id


def only(gateway: StripeGateway, customer_id: str) -> Subscription:
    """The customer's one subscription."""
    (found,) = gateway.subscriptions_of(customer_id)
    return found


def fail_once(sandbox: Sandbox, path: str, answer: str, effect: str = "before") -> None:
    """Have the next call of a path fail."""
    fault = {"method": "POST", "path": path, "effect": effect, "answer": answer}
    assert sandbox.put("faults", {"faults": [fault]}).is_success


def customers(sandbox: Sandbox) -> list[str]:
    """The customers there are, the newest first."""
    return [each.id for each in sandbox.stripe.v1.customers.list().data]


def test_a_customer_whose_answer_was_lost_is_not_made_again(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """The call comes again under the same key."""
    fail_once(sandbox, "/v1/customers", "lost", "after")
    with pytest.raises(StripeUnavailableError):
        gateway.create_customer("ada")
    assert [gateway.create_customer("ada")] == customers(sandbox)


def test_events_are_fetched_a_page_at_a_time_as_they_are_taken(
    sandbox: Sandbox, gateway: StripeGateway
) -> None:
    """However many Stripe has, a hundred are held at once, and whoever stops asks for no more."""
    sandbox.stripe.v1.webhook_endpoints.create({"url": "https://127.0.0.1:9/", "enabled_events": ["*"]})
    sandbox.put("deliveries", {"drop": 1})
    for number in range(101):
        gateway.create_customer(f"user-{number}")

    def pages() -> int:
        asked = sandbox.http.get("/_sandbox/requests", params={"method": "GET", "path": "/v1/events"})
        return len(asked.json()["requests"])

    events = gateway.undelivered_events(START, [EventType.CUSTOMER_CREATED])
    assert EventType.CUSTOMER_CREATED == next(events).type
    assert 1 == pages()
    assert (100, 2) == (len(list(events)), pages())


@pytest.mark.parametrize("answer", ["500", "lock_timeout"])
def test_an_error_that_stripe_repeats_does_not_lock_a_user_out(
    sandbox: Sandbox, gateway: StripeGateway, answer: str
) -> None:
    """Stripe repeats even a 500 or a lock timeout for a day under its key; the next call uses another."""
    fail_once(sandbox, "/v1/customers", answer)
    with pytest.raises(StripeUnavailableError):
        gateway.create_customer("ada")
    assert [gateway.create_customer("ada")] == customers(sandbox)


def key_of(sandbox: Sandbox, gateway: StripeGateway) -> str:
    """The idempotency key of Ada's first customer, learnt from a call that Stripe did not begin."""
    fail_once(sandbox, "/v1/customers", "429")
    with pytest.raises(StripeUnavailableError):
        gateway.create_customer("ada")
    (call,) = sandbox.http.get("/_sandbox/requests?method=POST&path=/v1/customers").json()["requests"]
    return str(call["idempotencyKey"])


def test_a_customer_whom_an_earlier_release_made_is_found(sandbox: Sandbox) -> None:
    """It noted other things on them, and died before it noted whose they are; the key is refused now."""
    gateway = StripeGateway(connect("sk_test_live", sandbox.url, patience_seconds=0), load(), "live")
    noted: dict[str, str] = {"userId": "ada", "deployment": "live", "since": "0.1"}
    made = sandbox.stripe.v1.customers.create(
        {"metadata": noted}, {"idempotency_key": key_of(sandbox, gateway)}
    )
    gateway.create_customer("bob")
    assert made.id == gateway.create_customer("ada")


def test_where_an_earlier_release_made_none_the_next_key_is_tried(sandbox: Sandbox) -> None:
    """Its call failed, and nobody is there; a user is not locked out for a day."""
    gateway = StripeGateway(connect("sk_test_live", sandbox.url, patience_seconds=0), load(), "live")
    key = key_of(sandbox, gateway)
    fail_once(sandbox, "/v1/customers", "500")
    with pytest.raises(stripe.APIError):
        sandbox.stripe.v1.customers.create({"name": "Ada"}, {"idempotency_key": key})
    assert [gateway.create_customer("ada"), gateway.create_customer("ada")] == customers(sandbox) * 2


def test_an_error_after_the_customer_was_made_makes_no_second_one(
    sandbox: Sandbox, gateway: StripeGateway
) -> None:
    """Stripe said 500 and repeats it; the customer is there all the same."""
    fail_once(sandbox, "/v1/customers", "500", "after")
    with pytest.raises(StripeUnavailableError):
        gateway.create_customer("ada")
    assert [gateway.create_customer("ada")] == customers(sandbox)


def test_one_who_is_replaced_is_not_found_again(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """Another key is for another customer."""
    first = gateway.create_customer("ada")
    fail_once(sandbox, "/v1/customers", "500")
    with pytest.raises(StripeUnavailableError):
        gateway.create_customer("ada", replacing=first)
    assert [gateway.create_customer("ada", replacing=first), first] == customers(sandbox)


def test_a_session_asks_for_all_that_the_contract_lists(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """Card always, trial that cancels without one, promotion codes, billing address, metadata on both."""
    customer_id = gateway.create_customer("ada")
    gateway.create_checkout_session(order(customer_id, 14))
    (call,) = sandbox.http.get("/_sandbox/requests?method=POST&path=/v1/checkout/sessions").json()["requests"]
    metadata = {"userId": "ada", "planId": "professional", "deployment": "live"}
    expected = {
        "mode": "subscription",
        "customer": customer_id,
        "client_reference_id": "ada",
        "payment_method_collection": "always",
        "allow_promotion_codes": "true",
        "billing_address_collection": "required",
        "metadata": metadata,
        "subscription_data": {
            "trial_period_days": "14",
            "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
            "metadata": metadata,
        },
    }
    assert expected == {name: call["params"][name] for name in expected}


def test_a_session_sells_the_plan_and_says_what_more_costs(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """The base price alone is bought; what overage costs stands on the page in words."""
    page = gateway.create_checkout_session(order(gateway.create_customer("ada"), 14))
    (item,) = sandbox.stripe.v1.checkout.sessions.line_items.list(page.id).data
    assert ("tollkeeper_professional_monthly", 1) == (item.price and item.price.lookup_key, item.quantity)
    told = sandbox.stripe.v1.checkout.sessions.retrieve(page.id).custom_text.submit
    assert told
    assert "Includes 10,000 API calls" in told.message
    assert "$0.10 per AI query" in told.message
    assert "During the trial" in told.message


def test_a_plan_that_stripe_does_not_have_is_not_sold(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """The message says which command puts it there."""
    (price,) = sandbox.stripe.v1.prices.list({"lookup_keys": ["tollkeeper_professional_monthly"]}).data
    sandbox.stripe.v1.prices.update(price.id, {"active": False})
    customer_id = gateway.create_customer("ada")
    with pytest.raises(StripeRefusedError, match="make stripe-apply"):
        gateway.create_checkout_session(order(customer_id))


def test_a_card_of_the_customers_own_is_read_where_the_subscription_has_none(
    sandbox: Sandbox, gateway: StripeGateway
) -> None:
    """The portal sets it there; taken away, there is none."""
    customer_id = gateway.create_customer("ada")
    method = sandbox.stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer_id})
    sandbox.stripe.v1.customers.update(
        customer_id, {"invoice_settings": {"default_payment_method": method.id}}
    )
    (price,) = sandbox.stripe.v1.prices.list({"lookup_keys": [STARTER]}).data
    metadata = {"userId": "ada", "deployment": "live"}
    sandbox.stripe.v1.subscriptions.create(
        {"customer": customer_id, "items": [{"price": price.id}], "metadata": metadata}
    )
    seen = only(gateway, customer_id).payment_method
    sandbox.stripe.v1.payment_methods.detach(method.id)
    assert (VISA, None) == (seen, only(gateway, customer_id).payment_method)


def test_a_first_charge_that_fails_is_told_from_a_later_one(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """The invoice that ends the trial is the first; it failed when it was finalised."""
    customer_id = buy(sandbox, gateway, trial=True, card=FAILS_LATER)
    sandbox.move(START + TRIAL + COLLECTED)
    found = only(gateway, customer_id)
    assert (True, START + TRIAL + COLLECTED) == (found.first_charge_failed, found.past_due_since)


def renewal_fails(sandbox: Sandbox, gateway: StripeGateway) -> str:
    """Have Ada's renewal fail, after a trial that was paid for."""
    customer_id = buy(sandbox, gateway, trial=True)
    sandbox.move(START + TRIAL + COLLECTED)
    method = sandbox.stripe.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer_id})
    sandbox.stripe.v1.subscriptions.update(
        only(gateway, customer_id).id, {"default_payment_method": method.id}
    )
    sandbox.move(only(gateway, customer_id).period_end + COLLECTED)
    return customer_id


def test_a_renewal_that_fails_is_past_due(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """It has its grace, from when its invoice failed."""
    customer_id = renewal_fails(sandbox, gateway)
    found = only(gateway, customer_id)
    assert (Status.PAST_DUE, False) == (found.status, found.first_charge_failed)
    assert found.period_start + COLLECTED == found.past_due_since


def test_the_grace_counts_from_the_oldest_unpaid_invoice(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """Next month's invoice fails as well, and gives no second grace."""
    sandbox.put("dunning", {"retryDays": [3], "finally": "past_due"})
    customer_id = renewal_fails(sandbox, gateway)
    since = only(gateway, customer_id).past_due_since
    sandbox.move(only(gateway, customer_id).period_end + COLLECTED)
    assert (Status.PAST_DUE, since) == (
        only(gateway, customer_id).status,
        only(gateway, customer_id).past_due_since,
    )


def test_a_duplicate_is_credited(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """What was paid for the second subscription is the customer's again, but for the time it ran."""
    customer_id = buy(sandbox, gateway)
    session = gateway.create_checkout_session(order(customer_id))
    sandbox.move(START + timedelta(seconds=1))
    pay(sandbox, session.id)
    ((second, cause),) = to_cancel(gateway.subscriptions_of(customer_id)).items()
    gateway.cancel_subscription(second, cause)
    assert -99_00 == sandbox.stripe.v1.customers.retrieve(customer_id).balance


def test_the_account_lists_what_goes_on_with_its_users(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """Another deployment's are left out."""
    other = StripeGateway(sandbox.stripe, load(), "other")
    buy(sandbox, other)
    customer_id = buy(sandbox, gateway)
    assert [("ada", customer_id, START, only(gateway, customer_id))] == list(gateway.subscriptions())


def test_a_subscription_that_cannot_be_read_hides_no_other(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """It is listed by its customer alone, whose trouble shows when they are asked about."""
    customer_id = buy(sandbox, gateway)

    class Unreadable(StripeGateway):
        def _subscription(self, of: stripe.Subscription) -> Subscription:
            raise AttributeError(of.id)

    broken = Unreadable(sandbox.stripe, load(), "live")
    assert [("ada", customer_id, None)] == [
        (each.user_id, each.customer_id, each.subscription) for each in broken.subscriptions()
    ]


@pytest.mark.parametrize("answer", ["429", "500"])
def test_stripe_in_trouble_is_said_to_be_unavailable(sandbox: Sandbox, answer: str) -> None:
    """The same call may succeed in a moment."""
    fault = {"path": "/v1/customers/*", "answer": answer, "count": 99}
    sandbox.put("faults", {"faults": [fault]})
    impatient = StripeGateway(connect("sk_test_live", sandbox.url, patience_seconds=1), load(), "live")
    with pytest.raises(StripeUnavailableError):
        impatient.has_customer("cus_1")


def test_a_key_that_is_not_taken_is_no_fault_of_the_call(sandbox: Sandbox) -> None:
    """Somebody is rolling it: what waits on the queue is followed under the next one."""
    gateway = StripeGateway(connect("sk_bad", sandbox.url), load(), "live")
    with pytest.raises(StripeUnavailableError):
        gateway.has_customer("cus_1")


@pytest.mark.parametrize(
    ("key", "live"),
    [("sk_live_1", True), ("rk_live_1", True), ("sk_test_1", False), ("rk_test_live_1", False)],
)
def test_a_key_says_its_mode(key: str, live: bool) -> None:  # noqa: FBT001 - a table
    """Restricted or not."""
    assert live is is_live(key)
