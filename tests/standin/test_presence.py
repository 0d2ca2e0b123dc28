"""What is there, what is null and what is left out, at every depth of every answer, as it is at Stripe's."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe import StripeClient

from infra.stripe_standin.account.presence import LEFT_OUT
from tests.standin.harness import START, Receiver, Sandbox, Shop
from tests.standin.presence import Recorder, differences, optional_fields

DAY = timedelta(days=1)
FAILS = "pm_card_chargeCustomerFail"
ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
ENVELOPE = {"url": "/v1/customers", "has_more": False}


@pytest.fixture
def recorder() -> Recorder:
    """Keeps the answers."""
    return Recorder()


@pytest.fixture
def stripe(sandbox: Sandbox, recorder: Recorder) -> StripeClient:
    """The SDK over a client that records."""
    addresses: Any = {"api": sandbox.url, "meter_events": sandbox.url}
    sandbox.stripe = StripeClient(
        "sk_test_tests", base_addresses=addresses, http_client=sdk.RequestsClient(session=recorder.session)
    )
    return sandbox.stripe


def open_session(shop: Shop, **more: Any) -> sdk.checkout.Session:  # noqa: ANN401 - any parameter
    """A session with a trial on which somebody can pay."""
    params: Any = {
        "mode": "subscription",
        "success_url": "https://x.test",
        "line_items": [{"price": shop.small.id, "quantity": 1}],
        "expand": ["line_items.data.price.product"],
        **more,
    }
    return shop.stripe.v1.checkout.sessions.create(params)


def pay(sandbox: Sandbox, session: sdk.checkout.Session, **by: str) -> dict[str, Any]:
    """Pay on a session's page."""
    answer = sandbox.http.post(f"/_sandbox/checkout/sessions/{session.id}/complete", json=by)
    assert answer.status_code == 200, answer.text
    completed: dict[str, Any] = answer.json()
    return completed


def checkout(sandbox: Sandbox, shop: Shop) -> None:
    """Sessions paid with a trial and without, by a known customer and a new one, and one that expires."""
    api = shop.stripe.v1
    trial: Any = {"trial_period_days": 14, "metadata": {"a": "b"}}
    customer = api.customers.create({"name": "A", "address": {"country": "US"}, "metadata": {"a": "b"}})
    pay(
        sandbox,
        open_session(
            shop, customer=customer.id, subscription_data=trial, billing_address_collection="required"
        ),
        card="4242424242424242",
    )
    session = open_session(shop, allow_promotion_codes=True)
    coupon = api.coupons.create({"amount_off": 100, "currency": "usd", "duration": "once"})
    api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "LESS"})
    pay(sandbox, session, card="4242424242424242", promotionCode="LESS")
    api.checkout.sessions.line_items.list(session.id)
    api.checkout.sessions.expire(open_session(shop, discounts=[{"coupon": coupon.id}]).id)
    api.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice", "customer"]})
    api.subscriptions.list({"expand": ["data.default_payment_method", "data.customer"]})
    api.invoices.list({"expand": ["data.discounts.source.coupon"]})
    api.promotion_codes.list()
    api.coupons.retrieve(coupon.id)
    sandbox.move(START + 15 * DAY)


def without_a_card(sandbox: Sandbox, shop: Shop) -> None:
    """Checkout, renewal, another default and its detachment, with no card anywhere."""
    api = shop.stripe.v1
    for kind in ("link", "cashapp", "sepa_debit", "us_bank_account"):
        pay(sandbox, open_session(shop), paymentMethod=kind)
    sandbox.move(START + 40 * DAY)
    for subscription in api.subscriptions.list({"expand": ["data.default_payment_method"]}).data:
        customer = str(subscription.customer)
        method = api.payment_methods.create({"type": "link", "billing_details": {"email": "a@example.com"}})
        api.payment_methods.attach(method.id, {"customer": customer})
        api.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
        api.customers.payment_methods.list(customer)
        api.payment_methods.detach(method.id)


def renewals(sandbox: Sandbox, shop: Shop) -> None:
    """Two months with usage, the trial's end among them."""
    customer = shop.customer()
    shop.subscribe(customer, trial_period_days=3)
    sandbox.move(START + 4 * DAY)
    shop.use(customer, 5, "a", START + 4 * DAY)
    shop.use(customer, 5, "b", START + 4 * DAY)
    shop.stripe.v1.billing.meter_event_adjustments.create(
        {"event_name": "switch", "type": "cancel", "cancel": {"identifier": "b"}}
    )
    sandbox.move(START + 40 * DAY)
    shop.stripe.v1.invoices.list({"expand": ["data.payments"]})
    shop.stripe.v1.billing.meters.event_summaries.list(
        shop.meter.id,
        {
            "customer": customer.id,
            "start_time": int(START.timestamp()) // 60 * 60,
            "end_time": int((START + 5 * DAY).timestamp()) // 60 * 60,
        },
    )


def failures(sandbox: Sandbox, shop: Shop) -> None:
    """A renewal that fails, its retries and the end; a first payment that never comes."""
    api = shop.stripe.v1
    subscription = shop.subscribe(shop.customer(FAILS), trial_period_days=1)
    shop.subscribe(shop.customer(FAILS))
    sandbox.move(START + 3 * DAY)
    latest = str(api.subscriptions.retrieve(subscription.id).latest_invoice)
    api.invoices.retrieve(latest, {"expand": ["payments.data.payment.payment_intent"]})
    api.invoice_payments.list({"invoice": latest})
    sandbox.move(START + 40 * DAY)


def changes(sandbox: Sandbox, shop: Shop) -> None:
    """Upgrades that are paid, pending and applied, changes of items, cancelling and taking it back."""
    api = shop.stripe.v1
    subscription = shop.subscribe(shop.customer())
    item = subscription["items"].data[0]
    upgrade: Any = {
        "items": [{"id": item.id, "price": shop.large.id}],
        "proration_behavior": "always_invoice",
    }
    sandbox.move(START + 5 * DAY)
    api.subscriptions.update(subscription.id, upgrade)
    api.subscription_items.list({"subscription": subscription.id})
    api.subscription_items.update(item.id, {"quantity": 2})
    api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    api.subscriptions.update(subscription.id, {"cancel_at_period_end": False, "metadata": {"a": "b"}})
    poor = shop.customer()
    other = shop.subscribe(poor, discounts=[{"coupon": api.coupons.create({"percent_off": 10}).id}])
    bad = api.payment_methods.attach(FAILS, {"customer": poor.id})
    api.customers.update(poor.id, {"invoice_settings": {"default_payment_method": bad.id}})
    pending: Any = {
        **upgrade,
        "items": [{"id": other["items"].data[0].id, "price": shop.large.id}],
        "payment_behavior": "pending_if_incomplete",
    }
    api.subscriptions.update(other.id, pending)
    good = api.payment_methods.attach("pm_card_visa", {"customer": poor.id})
    latest = str(api.subscriptions.retrieve(other.id).latest_invoice)
    api.invoices.pay(latest, {"payment_method": good.id})
    api.subscriptions.cancel(
        other.id, {"invoice_now": True, "prorate": True, "cancellation_details": {"comment": "x"}}
    )
    sandbox.move(START + 40 * DAY)


def schedules(sandbox: Sandbox, shop: Shop) -> None:
    """A downgrade that waits for the period's end; another schedule is released."""
    api = shop.stripe.v1
    for ends in ("waits", "is released"):
        subscription = shop.subscribe(shop.customer())
        made = api.subscription_schedules.create({"from_subscription": subscription.id})
        now = made.phases[0]
        phases: Any = [
            {
                "items": [{"price": shop.large.id, "quantity": 1}],
                "start_date": now.start_date,
                "end_date": now.end_date,
            },
            {"items": [{"price": shop.small.id, "quantity": 1}], "duration": {"interval": "month"}},
        ]
        api.subscription_schedules.update(made.id, {"phases": phases})
        if ends == "is released":
            api.subscription_schedules.release(made.id)
    api.subscription_schedules.list()
    sandbox.move(START + 70 * DAY)


def invoices(_sandbox: Sandbox, shop: Shop) -> None:
    """Invoices by hand: items of an amount and of a price, lines, finalised, paid, voided; previews."""
    api = shop.stripe.v1
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    once = api.prices.create({"currency": "usd", "product": shop.product.id, "unit_amount": 5})
    for end in (api.invoices.pay, api.invoices.void_invoice):
        drafted = api.invoices.create({"customer": customer.id, "metadata": {"a": "b"}})
        api.invoice_items.create(
            {"customer": customer.id, "invoice": drafted.id, "amount": 5, "currency": "usd"}
        )
        api.invoice_items.create(
            {"customer": customer.id, "invoice": drafted.id, "pricing": {"price": once.id}, "quantity": 50}
        )
        api.invoices.finalize_invoice(drafted.id)
        api.invoices.line_items.list(drafted.id)
        end(drafted.id)
    unused = api.invoice_items.create({"customer": customer.id, "amount": 5, "currency": "usd"})
    api.invoice_items.list()
    change: Any = {
        "subscription": subscription.id,
        "subscription_details": {"items": [{"id": subscription["items"].data[0].id, "price": shop.large.id}]},
    }
    api.invoices.create_preview(change)
    api.invoices.create_preview({"subscription": subscription.id})
    api.invoice_items.delete(unused.id)


def portal(sandbox: Sandbox, shop: Shop) -> None:
    """Configurations and sessions, one of which cancels, one of which changes the card."""
    api = shop.stripe.v1.billing_portal
    features: Any = {
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "invoice_history": {"enabled": True},
    }
    api.configurations.create({"features": features})
    api.configurations.list()
    customer = shop.customer()
    shop.subscribe(customer)
    flow: Any = {"type": "payment_method_update"}
    api.sessions.create({"customer": customer.id, "flow_data": flow})
    session = api.sessions.create({"customer": customer.id, "return_url": "https://x.test"})
    sandbox.http.post(f"/portal/{session.id}/card", data={"card": "5555555555554444"})
    sandbox.http.post(f"/portal/{session.id}/cancel")


def clocks(sandbox: Sandbox, shop: Shop) -> None:
    """A customer in a time of their own."""
    api = shop.stripe.v1.test_helpers.test_clocks
    clock = api.create({"frozen_time": int(START.timestamp()), "name": "c"})
    shop.subscribe(shop.customer(test_clock=clock.id))
    api.advance(clock.id, {"frozen_time": int((START + 32 * DAY).timestamp())})
    sandbox.move(START + DAY)
    api.retrieve(clock.id)
    api.list()
    shop.stripe.v1.customers.list({"test_clock": clock.id})
    api.delete(clock.id)


def endings(_sandbox: Sandbox, shop: Shop) -> None:
    """What is left of whatever was deleted or changed."""
    api = shop.stripe.v1
    customer = shop.customer()
    shop.subscribe(customer)
    api.products.update(shop.product.id, {"description": "bright"})
    api.prices.update(shop.small.id, {"nickname": "s"})
    api.billing.meters.deactivate(shop.meter.id)
    api.billing.meters.reactivate(shop.meter.id)
    api.customers.retrieve(
        customer.id, {"expand": ["subscriptions", "invoice_settings.default_payment_method"]}
    )
    api.customers.payment_methods.list(customer.id)
    api.customers.delete(customer.id)
    api.customers.retrieve(customer.id)


STORIES: list[Callable[[Sandbox, Shop], None]] = [
    checkout,
    without_a_card,
    renewals,
    failures,
    changes,
    schedules,
    invoices,
    portal,
    clocks,
    endings,
]


def everything(api: StripeClient) -> None:
    """Look at whatever there is, by its lists."""
    api.v1.products.list()
    api.v1.prices.list({"expand": ["data.product"]})
    api.v1.customers.list()
    api.v1.subscriptions.list({"status": "all", "limit": 100})
    api.v1.invoices.list({"limit": 100})
    api.v1.checkout.sessions.list()
    api.v1.billing.meters.list()
    for event in api.v1.events.list({"limit": 100}).data[:3]:
        api.v1.events.retrieve(event.id)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ({"tax_exempt": None, "address": None}, []),
        ({"created": None}, ["customer.created: null"]),
        ({"balance": None}, ["customer.balance: null"]),
        ({"business_name": None}, ["customer.business_name: null"]),
        ({"emial": "a@example.com"}, ["customer.emial: unknown"]),
        ({"address": {}}, [f"customer.address.{line}: absent" for line in ADDRESS]),
    ],
)
def test_a_difference_is_told_by_its_path(
    shop: Shop, recorder: Recorder, damage: dict[str, object], expected: list[str]
) -> None:
    """What is null, absent or there otherwise than at Stripe is named, at any depth."""
    shop.stripe.v1.customers.create({})
    call, answer = recorder.answers[-1]
    assert expected == sorted(
        differences([(call, {"object": "list", **ENVELOPE, "data": [answer | damage]})])
    )


@pytest.mark.parametrize("path", LEFT_OUT)
def test_what_is_left_out_is_optional(path: str) -> None:
    """The stand-in leaves out only what the SDK knows, and takes for optional."""
    assert set() == set(LEFT_OUT[path]) - optional_fields(path)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_answers_leave_out_what_stripe_leaves_out(
    sandbox: Sandbox, shop: Shop, recorder: Recorder, story: Callable[[Sandbox, Shop], None]
) -> None:
    """No answer has null where Stripe leaves a field out, lacks one it sends, or is null where it is not."""
    story(sandbox, shop)
    everything(shop.stripe)
    assert {} == differences(recorder.answers)


def test_deliveries_leave_out_what_stripe_leaves_out(
    sandbox: Sandbox, shop: Shop, recorder: Recorder, receiver: Receiver
) -> None:
    """Events, snapshots and thin ones, are delivered as they can be fetched."""
    api = shop.stripe
    endpoint = api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    destination = api.v2.core.event_destinations.create(
        {
            "name": "thin",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": [
                "v1.billing.meter.error_report_triggered",
                "v1.billing.meter.no_meter_found",
            ],
            "webhook_endpoint": {"url": receiver.url},
            "include": ["webhook_endpoint.signing_secret"],
        }
    )
    shop.subscribe(shop.customer())
    for name, payload in (
        ("switch", {"stripe_customer_id": "cus_none", "value": "1"}),
        ("nothing", {"stripe_customer_id": "cus_none", "value": "1"}),
    ):
        api.v1.billing.meter_events.create({"event_name": name, "payload": payload})
    sandbox.move(START + 32 * DAY)
    api.v2.core.events.list()
    api.v2.core.event_destinations.list()
    api.v2.core.event_destinations.retrieve(destination.id, {"include": ["webhook_endpoint.url"]})
    api.v1.webhook_endpoints.list()
    api.v1.webhook_endpoints.update(endpoint.id, {"description": "d"})
    api.v1.webhook_endpoints.delete(endpoint.id)
    api.v2.core.event_destinations.delete(destination.id)
    delivered = [json.loads(body) for body, _ in receiver.received]
    assert {"event", "v2.core.event"} == {event["object"] for event in delivered}
    assert {} == differences([("delivery", event) for event in delivered] + recorder.answers)
