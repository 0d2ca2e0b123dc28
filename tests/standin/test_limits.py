"""What Stripe takes at most: texts, metadata, lists, and calls a second."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
import stripe as sdk
from stripe import StripeClient

from tests.standin.harness import START, Sandbox, Shop, header


def refused(call: Callable[[], object]) -> str:
    """The parameter that a refused call names."""
    with pytest.raises(sdk.InvalidRequestError) as raised:
        call()
    return str(raised.value.param)


def test_prices_are_listed_by_ten_lookup_keys_at_most(stripe: StripeClient) -> None:
    """An eleventh lookup key is refused."""
    keys = [str(number) for number in range(11)]
    assert [] == stripe.v1.prices.list({"lookup_keys": keys[:10]}).data
    assert "lookup_keys" == refused(lambda: stripe.v1.prices.list({"lookup_keys": keys}))


@pytest.mark.parametrize(
    ("metadata", "param"),
    [
        ({str(number): "x" for number in range(51)}, "metadata"),
        ({"k" * 41: "x"}, "metadata"),
        ({"k": "x" * 501}, "metadata[k]"),
    ],
)
def test_metadata_is_bounded(stripe: StripeClient, metadata: dict[str, str], param: str) -> None:
    """Metadata takes 50 keys, 40 characters a key and 500 a value."""
    assert param == refused(lambda: stripe.v1.customers.create({"metadata": metadata}))


def test_metadata_takes_what_the_documents_allow(stripe: StripeClient) -> None:
    """The bounds themselves are allowed, and an unset key makes room."""
    most = {f"{number:>040}": "x" * 500 for number in range(50)}
    customer = stripe.v1.customers.create({"metadata": most})
    more: Any = {"metadata": {"another": "x"}}
    assert "metadata" == refused(lambda: stripe.v1.customers.update(customer.id, more))
    more["metadata"][f"{0:>040}"] = ""
    changed = stripe.v1.customers.update(customer.id, more)
    assert changed.metadata is not None
    assert 50 == len(changed.metadata.to_dict())


def test_nested_metadata_is_bounded(shop: Shop) -> None:
    """The metadata that Checkout hands on to the subscription is bounded alike."""
    params: Any = {
        "mode": "subscription",
        "success_url": "https://x.test",
        "line_items": [{"price": shop.small.id, "quantity": 1}],
        "subscription_data": {"metadata": {"k": "x" * 501}},
    }
    expected = "subscription_data[metadata][k]"
    assert expected == refused(lambda: shop.stripe.v1.checkout.sessions.create(params))


def test_texts_are_bounded(shop: Shop) -> None:
    """Each text has a longest length, 5,000 characters unless said otherwise."""
    api = shop.stripe.v1
    session: Any = {
        "mode": "subscription",
        "success_url": "https://x.test",
        "line_items": [{"price": shop.small.id, "quantity": 1}],
        "client_reference_id": "x" * 201,
    }
    customer = shop.customer()
    assert "client_reference_id" == refused(lambda: api.checkout.sessions.create(session))
    assert "description" == refused(lambda: api.customers.create({"description": "x" * 5001}))
    draft: Any = {"customer": customer.id, "description": "x" * 1501}
    assert "description" == refused(lambda: api.invoices.create(draft))


@pytest.mark.parametrize(
    ("path", "param", "most", "beside"),
    [
        ("customers", "name", 256, {}),
        ("customers", "email", 512, {}),
        ("customers", "phone", 20, {}),
        ("customers", "business_name", 150, {}),
        ("customers", "individual_name", 150, {}),
        (
            "customers",
            "invoice_settings[custom_fields][0][name]",
            40,
            {"invoice_settings[custom_fields][0][value]": "v"},
        ),
        (
            "customers",
            "invoice_settings[custom_fields][0][value]",
            140,
            {"invoice_settings[custom_fields][0][name]": "n"},
        ),
        ("products", "description", 40_000, {"name": "n"}),
        ("products", "statement_descriptor", 22, {"name": "n"}),
        ("products", "unit_label", 12, {"name": "n"}),
        ("prices", "lookup_key", 200, {"currency": "usd"}),
        ("prices", "product_data[unit_label]", 12, {"currency": "usd", "product_data[name]": "n"}),
        ("prices", "product_data[statement_descriptor]", 22, {"currency": "usd", "product_data[name]": "n"}),
        ("coupons", "name", 40, {}),
        ("promotion_codes", "code", 500, {"promotion[type]": "coupon"}),
        ("invoices", "description", 1500, {}),
        ("invoices", "number", 26, {}),
        ("invoices", "statement_descriptor", 22, {}),
        ("invoices", "custom_fields[0][name]", 40, {"custom_fields[0][value]": "v"}),
        ("invoices", "custom_fields[0][value]", 140, {"custom_fields[0][name]": "n"}),
        ("subscriptions", "description", 500, {}),
        ("checkout/sessions", "client_reference_id", 200, {}),
        ("checkout/sessions", "custom_text[submit][message]", 1200, {}),
        ("checkout/sessions", "custom_text[after_submit][message]", 1200, {}),
        ("checkout/sessions", "custom_text[shipping_address][message]", 1200, {}),
        ("checkout/sessions", "custom_text[terms_of_service_acceptance][message]", 1200, {}),
        ("checkout/sessions", "subscription_data[description]", 500, {}),
        ("billing/meters", "display_name", 250, {"default_aggregation[formula]": "sum", "event_name": "e"}),
        ("billing/meters", "event_name", 100, {"default_aggregation[formula]": "sum", "display_name": "d"}),
        (
            "billing/meters",
            "value_settings[event_payload_key]",
            100,
            {"default_aggregation[formula]": "sum", "display_name": "d", "event_name": "e"},
        ),
        (
            "billing/meters",
            "customer_mapping[event_payload_key]",
            100,
            {
                "customer_mapping[type]": "by_id",
                "default_aggregation[formula]": "sum",
                "display_name": "d",
                "event_name": "e",
            },
        ),
        ("billing/meter_events", "event_name", 100, {"payload[value]": "1"}),
        ("billing/meter_events", "identifier", 100, {"event_name": "e", "payload[value]": "1"}),
        ("billing/meter_event_adjustments", "event_name", 100, {"type": "cancel"}),
        ("billing/meter_event_adjustments", "cancel[identifier]", 100, {"event_name": "e", "type": "cancel"}),
        (
            "billing_portal/sessions",
            "flow_data[after_completion][hosted_confirmation][custom_message]",
            500,
            {
                "flow_data[type]": "payment_method_update",
                "flow_data[after_completion][type]": "hosted_confirmation",
            },
        ),
        ("test_helpers/test_clocks", "name", 300, {"frozen_time": "1800000000"}),
    ],
)
def test_text_has_its_own_longest_length(
    sandbox: Sandbox, path: str, param: str, most: int, beside: dict[str, str]
) -> None:
    """A text may be as long as Stripe's specification says, and not a character longer."""
    told = []
    for length in (most, most + 1):
        form = {**beside, param: "x" * length}
        answer = sandbox.http.post(f"/v1/{path}", data=form, auth=("sk_test_tests", ""))
        error = answer.json().get("error", {})
        told.append(error.get("param") if "characters" in error.get("message", "") else None)
    assert [None, param] == told


@pytest.mark.parametrize(("path", "param", "most"), [("events", "types", 20), ("prices", "lookup_keys", 10)])
def test_lists_are_asked_by_so_many_values(sandbox: Sandbox, path: str, param: str, most: int) -> None:
    """A filter of several values takes so many and no more."""
    told = []
    for length in (most, most + 1):
        asked = {f"{param}[{at}]": "charge.failed" for at in range(length)}
        answer = sandbox.http.get(f"/v1/{path}", params=asked, auth=("sk_test_tests", ""))
        told.append(answer.status_code)
    assert [200, 400] == told


def test_idempotency_key_is_bounded(stripe: StripeClient) -> None:
    """An idempotency key has 255 characters at most."""
    assert stripe.v1.customers.create({}, {"idempotency_key": "k" * 255}).id
    with pytest.raises(sdk.IdempotencyError):
        stripe.v1.customers.create({}, {"idempotency_key": "k" * 256})


def test_what_is_too_long_leaves_its_key_free(stripe: StripeClient) -> None:
    """Invalid parameters are refused before the call is executed, so the key can be used again."""
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.customers.create({"description": "x" * 5001}, {"idempotency_key": "k"})
    assert stripe.v1.customers.create({"description": "x"}, {"idempotency_key": "k"}).id


def test_checkout_takes_twenty_items(shop: Shop) -> None:
    """A session has 20 recurring items at most."""
    items = [{"price": shop.price(100, f"p{number}").id, "quantity": 1} for number in range(21)]
    params: Any = {"mode": "subscription", "success_url": "https://x.test", "line_items": items}
    assert "line_items" == refused(lambda: shop.stripe.v1.checkout.sessions.create(params))
    params["line_items"] = items[:20]
    assert shop.stripe.v1.checkout.sessions.create(params).id


@pytest.mark.parametrize("lifetime", [timedelta(minutes=29, seconds=59), timedelta(hours=24, seconds=1)])
def test_checkout_lives_half_an_hour_to_a_day(shop: Shop, lifetime: timedelta) -> None:
    """A session's end lies 30 minutes to 24 hours ahead."""
    params: Any = {
        "mode": "subscription",
        "success_url": "https://x.test",
        "line_items": [{"price": shop.small.id, "quantity": 1}],
        "expires_at": int((START + lifetime).timestamp()),
    }
    assert "expires_at" == refused(lambda: shop.stripe.v1.checkout.sessions.create(params))


def test_clock_takes_three_customers(stripe: StripeClient) -> None:
    """A fourth customer on one test clock is refused; a deleted one makes room."""
    clock = stripe.v1.test_helpers.test_clocks.create({"frozen_time": int(START.timestamp())})
    first, *_ = [stripe.v1.customers.create({"test_clock": clock.id}) for _ in range(3)]
    assert "test_clock" == refused(lambda: stripe.v1.customers.create({"test_clock": clock.id}))
    stripe.v1.customers.delete(first.id)
    assert stripe.v1.customers.create({"test_clock": clock.id}).id


def test_lists_leave_out_what_lives_on_clocks(shop: Shop) -> None:
    """A list that names neither a customer nor a clock is of what lives on none."""
    api = shop.stripe.v1
    clock = api.test_helpers.test_clocks.create({"frozen_time": int(START.timestamp())})
    customer = shop.customer(test_clock=clock.id)
    subscription = shop.subscribe(customer)
    api.subscription_schedules.create({"from_subscription": subscription.id})
    api.invoice_items.create({"customer": customer.id, "amount": 1, "currency": "usd"})
    of_customer: Any = {"customer": customer.id}
    lists: list[Any] = [
        (api.customers.list, {"test_clock": clock.id}),
        (api.subscriptions.list, {"test_clock": clock.id}),
        (api.subscriptions.list, of_customer),
        (api.subscription_schedules.list, of_customer),
        (api.invoices.list, of_customer),
        (api.invoices.list, {"subscription": subscription.id}),
        (api.invoice_items.list, of_customer),
    ]
    assert [(0, 1)] * len(lists) == [(len(ask().data), len(ask(naming).data)) for ask, naming in lists]


def reason_of(call: Callable[[], object]) -> str | None:
    """Which limiter refused a call, if one did."""
    with pytest.raises(sdk.RateLimitError) as raised:
        call()
    return header(raised.value, "Stripe-Rate-Limited-Reason")


@pytest.mark.parametrize(
    ("setting", "reason"), [("perEndpoint", "endpoint-rate"), ("perSecond", "global-rate")]
)
def test_calls_a_second_can_be_limited(sandbox: Sandbox, setting: str, reason: str) -> None:
    """25 operations a second pass, to one endpoint or to all; the next is a 429 that says which limit."""
    sandbox.put("limits", {setting: 25}).raise_for_status()
    ids = [f"cus_{number}" for number in range(40)]
    customers = sandbox.stripe.v1.customers
    for identifier in ids[:25]:
        with pytest.raises(sdk.InvalidRequestError):
            customers.retrieve(identifier)
    assert reason == reason_of(lambda: customers.retrieve(ids[-1]))


def test_calls_at_once_can_be_limited(sandbox: Sandbox) -> None:
    """While a call to an endpoint is under way, another to it is refused, and one elsewhere is not."""
    sandbox.put("limits", {"concurrent": 1}).raise_for_status()
    slow = {"method": "POST", "path": "/v1/customers", "answer": "slow", "delaySeconds": 1}
    sandbox.put("faults", {"faults": [slow]}).raise_for_status()
    first = Thread(target=sandbox.stripe.v1.customers.create)
    first.start()
    while sandbox.http.get("/_sandbox/faults").json()["faults"]:
        pass
    assert "endpoint-concurrency" == reason_of(sandbox.stripe.v1.customers.create)
    assert [] == sandbox.stripe.v1.customers.list().data
    first.join(5)
    assert 1 == len(sandbox.stripe.v1.customers.list().data)


def test_limits_can_be_read_back(sandbox: Sandbox) -> None:
    """Nothing is limited until it is switched on."""
    assert {"perSecond": None, "perEndpoint": None, "concurrent": None} == sandbox.http.get(
        "/_sandbox/limits"
    ).json()
