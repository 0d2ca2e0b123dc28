"""What must hold whatever the numbers are."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from stripe import Price
from stripe._encode import _api_encode

from infra.stripe_standin.app import create_app
from infra.stripe_standin.clocks.sandbox_clock import SandboxClock
from infra.stripe_standin.server.forms import decode
from infra.stripe_standin.subscriptions.periods import end_after
from tests.standin.harness import START, Host, Sandbox, Shop

PERIOD = 28 * 24 * 3600  # START's first period, in seconds

names = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=5)
texts = st.text(max_size=5)
params = st.dictionaries(
    names,
    st.recursive(
        texts,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3) | st.dictionaries(names, inner, min_size=1, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


def keyed(value: Any) -> Any:  # noqa: ANN401 - any parameter
    """A parameter with its arrays as objects keyed by position, which is all a form can say."""
    if isinstance(value, list):
        return {str(at): keyed(item) for at, item in enumerate(value)}
    if isinstance(value, dict):
        return {key: keyed(item) for key, item in value.items()}
    return value


@given(params)
def test_what_the_sdk_encodes_is_decoded(given_params: dict[str, Any]) -> None:
    """Decoding a form gives back what the SDK encoded, however deeply nested."""
    assert keyed(given_params) == decode((name, str(value)) for name, value in _api_encode(given_params))


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - the strategy adds the zone
    st.sampled_from(["day", "week", "month", "year"]),
    st.integers(1, 6),
    st.floats(0, 1, exclude_max=True),
)
def test_periods_tile_time(anchor: datetime, interval: str, count: int, share: float) -> None:
    """Each instant lies in one period: from anywhere inside it, its end is the same."""
    recurring = Price.Recurring.construct_from({"interval": interval, "interval_count": count}, None)
    first = int(anchor.replace(tzinfo=UTC).timestamp())
    second = end_after(first, recurring, first)
    third = end_after(first, recurring, second)
    inside = second + int((third - second) * share)
    assert first < second < third
    assert third == end_after(first, recurring, inside)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, PERIOD - 1), min_size=1, max_size=4, unique=True).map(sorted))
def test_each_plan_costs_its_share_of_the_time(host: Host, instants: list[int]) -> None:
    """However often the plan changes, all that was charged in a period is each price for its time."""
    app = create_app(clock=SandboxClock(frozen_at=START), public_url=host.url)
    with host.serving(app):
        sandbox = Sandbox(host.http, [])
        shop = Shop(sandbox.stripe)
        customer = shop.customer()
        subscription = shop.subscribe(customer)
        plans = [shop.small, shop.large]
        for turn, instant in enumerate(instants):
            sandbox.move(START + timedelta(seconds=instant))
            change: Any = {
                "items": [{"id": subscription.items.data[0].id, "price": plans[(turn + 1) % 2].id}],
                "proration_behavior": "always_invoice",
            }
            sandbox.stripe.v1.subscriptions.update(subscription.id, change)
        charged = sum(invoice.total for invoice in shop.invoices(customer))
    bounds = [0, *instants, PERIOD]
    spans = [after - before for before, after in pairwise(bounds)]
    due = sum(int(plans[turn % 2].unit_amount or 0) * span / PERIOD for turn, span in enumerate(spans))
    assert abs(charged - due) <= 2 * len(instants)
