"""Requests: who may ask, what is a valid question, and asking twice."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import stripe as sdk
from stripe import StripeClient

from infra.stripe_standin.app import NOUNS
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.server.api import gather
from infra.stripe_standin.server.forms import decode
from infra.stripe_standin.server.params import read
from tests.standin.harness import Sandbox, Shop


def refused(call: Callable[[], object]) -> tuple[str | None, str | None]:
    """The code and parameter of the error a call raises."""
    with pytest.raises(sdk.InvalidRequestError) as raised:
        call()
    return raised.value.code, raised.value.param


def test_wrong_key_is_unauthorized(sandbox: Sandbox) -> None:
    """A call without a test key gets 401."""
    client = StripeClient("sk_live_x", base_addresses={"api": sandbox.url})
    with pytest.raises(sdk.AuthenticationError):
        client.v1.customers.list()


@pytest.mark.parametrize(("key", "status"), [("sk_test_x", 200), ("sk_live_x", 401), ("", 401)])
def test_basic_authentication_takes_the_key_as_user(sandbox: Sandbox, key: str, status: int) -> None:
    """`curl -u sk_test_…:`, as Stripe's documents write it, opens the door as a bearer token does."""
    assert status == httpx.get(f"{sandbox.url}/v1/customers", auth=(key, "")).status_code


def test_unknown_parameter_is_refused(stripe: StripeClient) -> None:
    """A parameter Stripe does not know is named."""
    params: Any = {"emial": "a@b.c"}
    assert ("parameter_unknown", "emial") == refused(lambda: stripe.v1.customers.create(params))


def test_removed_parameter_is_refused(stripe: StripeClient) -> None:
    """Checkout took `payment_method_types` once; this API version does not."""
    params: Any = {"mode": "subscription", "success_url": "https://x.test", "payment_method_types": ["card"]}
    expected = ("parameter_unknown", "payment_method_types")
    assert expected == refused(lambda: stripe.v1.checkout.sessions.create(params))


def test_nested_parameter_of_wrong_type_is_named(stripe: StripeClient) -> None:
    """The complaint says where in the nested parameters the mistake is."""
    params: Any = {"currency": "usd", "unit_amount": 1, "recurring": {"interval": "moth"}}
    expected = ("parameter_invalid_choice", "recurring[interval]")
    assert expected == refused(lambda: stripe.v1.prices.create(params))


def test_missing_parameter_is_named(stripe: StripeClient) -> None:
    """A required parameter that is left out is named."""
    params: Any = {}
    assert ("parameter_missing", "name") == refused(lambda: stripe.v1.products.create(params))


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ([("cancel_at_period_end", "yes")], "parameter_invalid_boolean", "cancel_at_period_end"),
        ([("days_until_due", "1.5")], "parameter_invalid_integer", "days_until_due"),
        ([("billing_cycle_anchor", "now")], "parameter_invalid_object", "billing_cycle_anchor"),
        ([("items", "x")], "parameter_invalid_array", "items"),
        ([("items[0][price]", "")], "parameter_invalid_empty", "items[0][price]"),
        ([("proration_behavior", "some")], "parameter_invalid_choice", "proration_behavior"),
    ],
)
def test_form_values_are_read_by_declared_type(form: list[tuple[str, str]], code: str, param: str) -> None:
    """Each form value must be of the type the SDK declares for it."""
    with pytest.raises(RefusedError) as raised:
        read(sdk.params.SubscriptionUpdateParams, decode(form))
    assert (code, param) == (raised.value.code, raised.value.param)


def test_form_values_become_typed() -> None:
    """Integers, booleans and arrays come out of strings."""
    form = [("items[0][quantity]", "2"), ("cancel_at_period_end", "false"), ("cancel_at", "7")]
    expected = {"items": [{"quantity": 2}], "cancel_at_period_end": False, "cancel_at": 7}
    assert expected == read(sdk.params.SubscriptionUpdateParams, decode(form))


def test_unsupported_path_says_so(sandbox: Sandbox) -> None:
    """What the stand-in lacks is a 404 that says so, not a wrong answer."""
    answer = httpx.get(f"{sandbox.url}/v1/disputes", headers={"Authorization": "Bearer sk_test_x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "standin_lacks")


def test_other_api_version_is_refused(sandbox: Sandbox) -> None:
    """The stand-in speaks one API version."""
    headers = {"Authorization": "Bearer sk_test_x", "Stripe-Version": "2020-08-27"}
    assert httpx.get(f"{sandbox.url}/v1/customers", headers=headers).status_code == 400


def test_same_key_replays_first_answer(stripe: StripeClient) -> None:
    """An idempotency key makes one object, however often it is sent."""
    first = stripe.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
    again = stripe.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
    assert (first.id, "true") == (again.id, again.last_response.headers["Idempotent-Replayed"])  # type: ignore[union-attr]


def test_same_key_with_other_parameters_is_an_error(stripe: StripeClient) -> None:
    """An idempotency key belongs to one question."""
    stripe.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
    with pytest.raises(sdk.IdempotencyError) as raised:
        stripe.v1.customers.create({"name": "B"}, {"idempotency_key": "k"})
    assert (400, None) == (raised.value.http_status, raised.value.code)


def test_same_key_of_another_call_is_an_error(stripe: StripeClient) -> None:
    """An idempotency key belongs to one method and path, whatever the parameters."""
    customer = stripe.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
    with pytest.raises(sdk.IdempotencyError):
        stripe.v1.customers.update(customer.id, {"name": "A"}, {"idempotency_key": "k"})


def test_every_behaviour_names_its_document() -> None:
    """Each call says on which of Stripe's pages it stands what it does."""
    routes = gather(noun.routes for noun in NOUNS)
    silent = [route.path for route in routes if "docs.stripe.com/" not in (route.answer.__doc__ or "")]
    assert [] == silent


def test_pages_follow_one_another(stripe: StripeClient) -> None:
    """A list is paged newest first, without gaps or repeats."""
    made = [stripe.v1.customers.create({"name": str(n)}).id for n in range(5)]
    paged = [c.id for c in stripe.v1.customers.list({"limit": 2}).auto_paging_iter()]
    assert made[::-1] == paged


def test_expand_replaces_an_id_with_its_object(shop: Shop) -> None:
    """`expand` reaches through lists and objects."""
    shop.subscribe(shop.customer())
    expand = ["data.customer", "data.latest_invoice.payments"]
    (subscription,) = shop.stripe.v1.subscriptions.list({"expand": expand}).data
    assert isinstance(subscription.customer, sdk.Customer)
    assert isinstance(subscription.latest_invoice, sdk.Invoice)
    assert subscription.latest_invoice.payments
    (payment,) = subscription.latest_invoice.payments.data
    assert ("a@example.com", "paid") == (subscription.customer.email, payment.status)


def test_includable_field_is_absent_unless_expanded(shop: Shop) -> None:
    """An invoice's payments come only when asked for, as at Stripe."""
    shop.subscribe(shop.customer())
    (invoice,) = shop.stripe.v1.invoices.list({}).data
    assert "payments" not in invoice


def test_metadata_merges_and_unsets(stripe: StripeClient) -> None:
    """Metadata is merged key by key; an empty value unsets a key."""
    customer = stripe.v1.customers.create({"metadata": {"a": "1", "b": "2"}})
    changed = stripe.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
