"""What is there, what is null and what is left out, at every depth of every answer, as it is at Stripe's."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache

import pytest
import stripe as sdk
from stripe import StripeClient

from infra.stripe_standin.account.presence_facts import LEFT_OUT, WHOLE
from tests.standin.harness import START, Host, Receiver, Sandbox, Shop
from tests.standin.presence import (
    Answers,
    Recorder,
    declared_states,
    differences,
    made_by_the_standin,
    optional_fields,
    parts,
    states_of,
)
from tests.standin.stories import (
    authentication,
    checkout,
    clocks,
    collection,
    customers,
    events,
    invoices,
    options,
    overage,
    pending_updates,
    portal,
    schedules,
    subscriptions,
)

type Story = Callable[[Sandbox, Shop], None]

STORIES: tuple[Story, ...] = (
    *authentication.STORIES,
    *checkout.STORIES,
    *clocks.STORIES,
    *collection.STORIES,
    *customers.STORIES,
    *events.STORIES,
    *invoices.STORIES,
    *options.STORIES,
    *overage.STORIES,
    *pending_updates.STORIES,
    *portal.STORIES,
    *schedules.STORIES,
    *subscriptions.STORIES,
)
ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
ENVELOPE = {"url": "/v1/customers", "has_more": False}

# States that Stripe has and the stand-in does not show.
NEVER_SHOWN: Mapping[str, set[str]] = {
    "billing.meter_event_adjustment.status": {"pending"},
    "credit_note.status": {"void"},
    "invoice.billing_reason": {
        "automatic_pending_invoice_item_invoice",
        "quote_accept",
        "subscription",
        "subscription_threshold",
    },
    "payment_intent.status": {"processing", "requires_capture", "requires_confirmation"},
    "subscription_schedule.status": {"not_started"},
    "test_helpers.test_clock.status": {"internal_failure"},
    "v2.core.event_destination.status": {"disabled"},
}


def record(sandbox: Sandbox) -> Recorder:
    """Have the SDK speak over a client that keeps the answers."""
    recorder = Recorder()
    sandbox.stripe = StripeClient(
        "sk_test_tests",
        base_addresses={"api": sandbox.url, "meter_events": sandbox.url},
        http_client=sdk.RequestsClient(session=recorder.session),
    )
    return recorder


@pytest.fixture(scope="module")
def told(host: Host) -> Callable[[Story], Answers]:
    """Tells a story to a stand-in of its own, once, and gives its answers about whatever there is then."""

    @cache
    def tell(story: Story) -> Answers:
        with host.opened() as sandbox:
            recorder = record(sandbox)
            story(sandbox, Shop(sandbox.stripe))
            everything(sandbox.stripe)
            return recorder.answers

    return tell


@pytest.fixture
def recorder(sandbox: Sandbox) -> Recorder:
    """Keeps the answers of a test that asks for itself."""
    return record(sandbox)


@pytest.fixture
def stripe(sandbox: Sandbox, recorder: Recorder) -> StripeClient:
    """The SDK over a client that records."""
    del recorder
    return sandbox.stripe


def everything(api: StripeClient) -> None:
    """Look at whatever there is, by its lists."""
    api.v1.products.list()
    api.v1.prices.list({"expand": ["data.product"]})
    api.v1.customers.list()
    api.v1.subscriptions.list({"status": "all", "limit": 100})
    api.v1.subscription_schedules.list()
    api.v1.invoices.list({"limit": 100, "expand": ["data.payments"]})
    api.v1.invoice_payments.list({"limit": 100, "expand": ["data.payment.payment_intent"]})
    api.v1.checkout.sessions.list()
    api.v1.billing.meters.list()
    for event in [*api.v1.events.list({"limit": 100}).auto_paging_iter()][:3]:
        api.v1.events.retrieve(event.id)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ({"description": None, "email": None}, []),
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
def test_answers_leave_out_what_stripe_leaves_out(told: Callable[[Story], Answers], story: Story) -> None:
    """No answer has null where Stripe leaves a field out, lacks one it sends, or is null where it is not."""
    assert {} == differences(told(story))


def test_every_object_and_part_is_walked(told: Callable[[Story], Answers]) -> None:
    """Whatever the stand-in can make stands in some story, and no fact is of what stands in none."""
    walked = {part.path for story in STORIES for _, answer in told(story) for part in parts(answer)}
    assert set() == made_by_the_standin() - walked
    assert set() == (LEFT_OUT.keys() | set(WHOLE)) - walked


def test_every_state_is_walked(told: Callable[[Story], Answers]) -> None:
    """Every object is met in each of its states, but for those that the stand-in never shows."""
    shown = states_of(answer for story in STORIES for answer in told(story))
    missing = {path: declared_states(path) - states for path, states in shown.items()}
    assert NEVER_SHOWN == {path: states for path, states in missing.items() if states}


def test_deliveries_leave_out_what_stripe_leaves_out(
    sandbox: Sandbox, shop: Shop, recorder: Recorder, receiver: Receiver
) -> None:
    """Events, snapshots and thin ones, are delivered as they can be fetched."""
    events.listen(shop.stripe, receiver.url)
    shop.subscribe(shop.customer())
    events.use_in_vain(shop.stripe)
    sandbox.move(START + timedelta(days=32))
    delivered = [json.loads(body) for body, _ in receiver.received]
    assert {"event", "v2.core.event"} == {event["object"] for event in delivered}
    assert {} == differences([("delivery", event) for event in delivered] + recorder.answers)
