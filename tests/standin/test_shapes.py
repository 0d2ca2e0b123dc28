"""Every answer is what the SDK's class says it is."""

import inspect
from datetime import timedelta
from typing import Any, Literal, Union, get_args, get_origin

import pytest
import stripe as sdk
from stripe import StripeClient, StripeObject

from infra.stripe_standin.account.shapes import MisshapenError, make
from tests.standin.harness import START, Sandbox, Shop


def misfits(value: Any, hint: Any, where: str) -> list[str]:  # noqa: ANN401, PLR0911 - any field of the SDK
    """Where `value` is not what an SDK annotation says; forward references are taken on trust."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Union:
        options = [misfits(value, option, where) for option in arguments]
        return [] if [] in options else options[0]
    if origin is Literal:
        return [] if value in arguments else [f"{where}: {value!r}"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [
            found for at, item in enumerate(value) for found in misfits(item, arguments[0], f"{where}[{at}]")
        ]
    if isinstance(origin, type) and issubclass(origin, StripeObject):
        return [] if isinstance(value, StripeObject) else [f"{where}: {value!r}"]
    if isinstance(hint, type) and issubclass(hint, StripeObject):
        return misfits_of(value, hint, where) if isinstance(value, StripeObject) else [f"{where}: {value!r}"]
    if isinstance(hint, type):
        return [] if isinstance(value, hint) else [f"{where}: {value!r} is no {hint.__name__}"]
    return []


def misfits_of(thing: StripeObject, kind: type[StripeObject], where: str) -> list[str]:
    """Required fields that are missing, and fields of the wrong type."""
    found = []
    for name, hint in inspect.get_annotations(kind).items():
        if name.startswith("_") or name == "OBJECT_NAME":
            continue
        if name in thing:
            found += misfits(thing[name], hint, f"{where}.{name}")
        elif type(None) not in get_args(hint):
            found.append(f"{where}.{name} is missing")
    return found


@pytest.fixture
def everything(shop: Shop) -> list[StripeObject]:
    """One of each kind of object, as the SDK reads it."""
    api: StripeClient = shop.stripe
    customer = shop.customer()
    subscription = shop.subscribe(customer, trial_period_days=2)
    schedule = api.v1.subscription_schedules.create({"from_subscription": subscription.id})
    coupon = api.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    configuration = api.v1.billing_portal.configurations.create(
        {"features": {"payment_method_update": {"enabled": True}}}
    )
    session = api.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "success_url": "https://x.test",
            "line_items": [{"price": shop.small.id, "quantity": 1}],
            "expand": ["line_items"],
        }
    )
    invoice = api.v1.invoices.list({"expand": ["data.payments"]}).data[0]
    other = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"))
    failed = api.v1.invoices.retrieve(
        str(other.latest_invoice), {"expand": ["payments.data.payment.payment_intent"]}
    )
    assert failed.payments
    return [
        shop.product,
        shop.small,
        shop.once,
        shop.meter,
        customer,
        subscription,
        *subscription.items.data,
        schedule,
        coupon,
        api.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}}),
        configuration,
        api.v1.billing_portal.sessions.create({"customer": customer.id}),
        session,
        *(session.line_items.data if session.line_items else []),
        invoice,
        *invoice.lines.data,
        failed,
        *failed.payments.data,
        failed.payments.data[0].payment.payment_intent,  # type: ignore[list-item]
        api.v1.invoice_items.create({"customer": customer.id, "amount": 5, "currency": "usd"}),
        api.v1.payment_methods.list({"customer": customer.id}).data[0],
        api.v1.events.list().data[0],
        api.v1.test_helpers.test_clocks.create({"frozen_time": 1_800_000_000}),
        api.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["charge.failed"]}),
        api.v1.billing.meter_events.create(
            {"event_name": "switch", "payload": {"stripe_customer_id": customer.id, "value": "1"}}
        ),
        api.v2.core.event_destinations.create(
            {
                "name": "thin",
                "type": "webhook_endpoint",
                "event_payload": "thin",
                "enabled_events": ["none.such"],
                "webhook_endpoint": {"url": "http://127.0.0.1:9/"},
                "include": ["webhook_endpoint.signing_secret"],
            }
        ),
    ]


def test_answers_fit_the_sdk_classes(everything: list[StripeObject]) -> None:
    """Each answer has every required field of its SDK class, each of the declared type."""
    assert [
        found for thing in everything for found in misfits_of(thing, type(thing), type(thing).__name__)
    ] == []


def test_event_types_are_stripes(sandbox: Sandbox, shop: Shop) -> None:
    """Every event so far is of a type the SDK knows, and its snapshot can be read as an object."""
    customer = shop.customer("pm_card_chargeCustomerFail")
    shop.subscribe(customer, trial_period_days=1)
    sandbox.move(START + timedelta(days=40))
    shop.stripe.v1.customers.delete(customer.id)
    events = shop.stripe.v1.events.list({"limit": 100}).data
    known = get_args(sdk.Event.__annotations__["type"])
    assert [] == [event.type for event in events if event.type not in known]
    assert [] == [found for event in events for found in misfits_of(event, sdk.Event, event.type)]


def test_object_without_a_required_field_cannot_be_made() -> None:
    """An object made without a field that Stripe always sends fails at once."""
    with pytest.raises(MisshapenError, match="needs active"):
        make(sdk.Product, id="prod_1")


def test_object_with_an_unknown_field_cannot_be_made() -> None:
    """Nobody can invent a field."""
    with pytest.raises(MisshapenError, match="current_period_end"):
        make(sdk.Subscription, current_period_end=1)
