"""The catalogue: the shipped file says what is sold, and what a file leaves out has a default."""

from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe.params.checkout import SessionCreateParams

from tests.unit.catalogue.written import MINIMAL, SHIPPED, Write, metric_for
from tollkeeper.catalogue import (
    FREE,
    UNLIMITED,
    Count,
    LatePolicy,
    Mode,
    TaxBehavior,
    Unreachable,
    decimal_places,
    load,
)
from tollkeeper.catalogue.payment_methods import PAYMENT_METHODS


class TestShippedFile:
    """The catalogue as it ships."""

    @pytest.mark.parametrize(
        ("plan", "limits"),
        [
            ("free", (100, 10, 5, 3, 10, -1, -1, -1)),
            ("starter", (1_000, 100, 50, 50, 100, -1, -1, -1)),
            ("professional", (10_000, 1_000, 500, -1, 1_000, -1, -1, -1)),
            ("enterprise", (-1, -1, -1, -1, -1, -1, -1, -1)),
        ],
    )
    def test_limits(self, plan: str, limits: tuple[int, ...]) -> None:
        """Each plan includes the published amount of every metric."""
        names = (
            "apiCalls",
            "aiQueries",
            "exports",
            "designsCreated",
            "mlPredictions",
            "roomsCreated",
            "fixturesAdded",
            "facilityDashboards",
        )

        assert dict(zip(names, limits, strict=True)) == SHIPPED.plans[plan].limits

    def test_prices(self) -> None:
        """Plans cost the published cents per month."""
        prices = {"free": 0, "starter": 2_900, "professional": 9_900, "enterprise": 29_900}

        assert prices == {plan.name: plan.price for plan in SHIPPED.plans.values()}

    def test_display_names(self) -> None:
        """Customers know the plans by these names."""
        assert ["Free", "Solo Design", "Professional", "Enterprise"] == [
            plan.display_name for plan in SHIPPED.plans.values()
        ]

    def test_overage_prices(self) -> None:
        """Three metrics have an overage price, in cents."""
        prices = [("apiCalls", Decimal(1)), ("aiQueries", Decimal(10)), ("exports", Decimal(50))]

        assert prices == [(metric.name, metric.overage_price) for metric in SHIPPED.priced_metrics]

    def test_policies(self) -> None:
        """Every metric is enforced, counts what comes late and is shown in Stripe."""
        assert {(Mode.ENFORCE, LatePolicy.COUNT, True)} == {
            (metric.mode, metric.late, metric.mirror) for metric in SHIPPED.metrics.values()
        }

    def test_what_is_counted_before(self) -> None:
        """API calls are counted after, all else before, and nothing is closed while nobody answers."""
        assert ["apiCalls"] == [each.name for each in SHIPPED.metrics.values() if each.count is Count.AFTER]
        assert {Unreachable.OPEN} == {each.unreachable for each in SHIPPED.metrics.values()}

    def test_trial_and_currency(self) -> None:
        """Trials last fourteen days and amounts are in dollars, before tax."""
        assert (14, "usd", "exclusive") == (SHIPPED.trial_days, SHIPPED.currency, SHIPPED.tax_behavior)

    def test_options(self) -> None:
        """Nothing that a deployer may choose beside it is on."""
        assert (False, False, False, ()) == (
            SHIPPED.automatic_tax,
            SHIPPED.collect_tax_ids,
            SHIPPED.trial_without_card,
            SHIPPED.payment_methods,
        )

    def test_paid_plans(self) -> None:
        """All plans but the free one are subscribed to."""
        assert ["starter", "professional", "enterprise"] == [plan.name for plan in SHIPPED.paid_plans]

    @pytest.mark.parametrize(
        ("request_line", "metric"),
        [
            ("POST /api/designs", "designsCreated"),
            ("POST /api/rooms", "roomsCreated"),
            ("POST /api/fixtures", "fixturesAdded"),
            ("POST /api/design/export", "exports"),
            ("POST /api/projects/export", "exports"),
            ("POST /api/reports/export", "exports"),
            ("GET /api/exports", "exports"),
            ("DELETE /api/exports/pdf/7", "exports"),
            ("POST /api/ml/predict", "mlPredictions"),
            ("POST /api/predictions", "mlPredictions"),
            ("POST /api/yield-prediction", "mlPredictions"),
            ("GET /api/facilities/dashboard", "facilityDashboards"),
            ("GET /api/analytics/dashboard", "facilityDashboards"),
            ("POST /api/ai-assistant/globalgap", "aiQueries"),
            ("POST /api/ai-designer", "aiQueries"),
            ("PUT /api/designs", "apiCalls"),
            ("POST /api/projects", "apiCalls"),
            ("PATCH /", "apiCalls"),
            ("POST /api/analytics/dashboard", "apiCalls"),
            ("GET /api/designs", None),
            ("DELETE /api/designs", None),
        ],
    )
    def test_routes(self, request_line: str, metric: str | None) -> None:
        """Each request counts as the published metric, or as none."""
        assert metric == metric_for(SHIPPED, *request_line.split(" "))


class TestNamesInStripe:
    """What checkout, the reporter and the Stripe catalogue must agree on."""

    def test_plan(self) -> None:
        """A plan's product and price are named after the plan."""
        plan = SHIPPED.plans["starter"]

        assert ("tollkeeper_starter", "tollkeeper_starter_monthly") == (
            plan.product_id,
            plan.price_lookup_key,
        )

    def test_metric(self) -> None:
        """A metric's product, price and meter are named after the metric."""
        metric = SHIPPED.metrics["apiCalls"]

        assert "tollkeeper_apiCalls_usage" == metric.usage_meter_name

        assert ("tollkeeper_apiCalls_overage",) * 2 == (metric.product_id, metric.price_lookup_key)


class TestDefaults:
    """What a deployer may leave out."""

    def test_limit(self, write: Write) -> None:
        """A metric that a plan does not name is unlimited."""
        plans = '[plans.free]\ndisplay_name = "Free"\nprice = 0\nlimits = {}'

        assert {"hits": UNLIMITED} == load(write(plans=plans)).plans[FREE].limits

    def test_metric(self, write: Write) -> None:
        """A metric has no price, is enforced, counts what is late, is mirrored, and its unit is a unit."""
        metric = load(write()).metrics["hits"]

        assert (None, Mode.ENFORCE, LatePolicy.COUNT, True, "unit") == (
            metric.overage_price,
            metric.mode,
            metric.late,
            metric.mirror,
            metric.unit,
        )

    def test_options(self, write: Write) -> None:
        """A trial takes a card, no tax is reckoned, and all that the account offers can be paid with."""
        found = load(write())

        assert (False, False, False, ()) == (
            found.automatic_tax,
            found.collect_tax_ids,
            found.trial_without_card,
            found.payment_methods,
        )

    def test_tax_behavior(self, write: Write) -> None:
        """Tax comes on top of the prices."""
        assert TaxBehavior.EXCLUSIVE is load(write()).tax_behavior


class TestChoices:
    """What a deployer may say otherwise."""

    def test_tax_behavior(self, write: Write) -> None:
        """Tax may be in the prices."""
        inclusive = write(currency='currency = "eur"\ntax_behavior = "inclusive"')

        assert TaxBehavior.INCLUSIVE is load(inclusive).tax_behavior

    def test_selling(self, write: Write) -> None:
        """Taxes, tax ids, a trial without a card, and what can be paid with."""
        options = (
            "automatic_tax = true\ncollect_tax_ids = true\ntrial_without_card = true\n"
            'payment_methods = ["link", "card"]'
        )
        found = load(write(currency=f'currency = "usd"\n{options}'))

        assert (True, True, True, ("link", "card")) == (
            found.automatic_tax,
            found.collect_tax_ids,
            found.trial_without_card,
            found.payment_methods,
        )

    def test_mirror(self, write: Write) -> None:
        """A metric may be left out of what Stripe shows."""
        metrics = '[metrics]\nhits = { display_name = "Hits", mirror = false }'

        assert not load(write(metrics=metrics)).metrics["hits"].mirror


class TestPaymentMethods:
    """What can be paid with."""

    def test_they_are_those_of_stripe(self) -> None:
        """The names are those that Checkout takes, in the SDK's order."""
        taken = SessionCreateParams.__annotations__["allowed_payment_method_types"]
        (listed,) = get_args(taken)
        (either,) = get_args(listed)
        literal, _ = get_args(either)

        assert get_args(literal) == PAYMENT_METHODS


class TestAmounts:
    """Amounts are written in the main unit and read in cents, exactly."""

    @given(st.integers(min_value=0, max_value=10**10))
    def test_fractions_of_a_cent(self, write: Write, millionths: int) -> None:
        """An overage price keeps every digit that was written."""
        amount = f"{millionths // 10**6}.{millionths % 10**6:06}"
        metrics = f'[metrics]\nhits = {{ display_name = "Hits", overage_price = {amount} }}'

        assert Decimal(millionths) / 10**4 == load(write(metrics=metrics)).metrics["hits"].overage_price

    @pytest.mark.parametrize("amount", ["19", "19.0", "19.00", "1.9e1"])
    def test_notations(self, write: Write, amount: str) -> None:
        """A monthly price may be written in any of TOML's ways."""
        plans = f'{MINIMAL["plans"]}\n[plans.pro]\ndisplay_name = "Pro"\nprice = {amount}\nlimits = {{}}'

        assert 1_900 == load(write(plans=plans)).plans["pro"].price


@pytest.mark.parametrize(("currency", "places"), [("usd", 2), ("eur", 2), ("jpy", 0), ("krw", 0), ("kwd", 3)])
def test_decimal_places(currency: str, places: int) -> None:
    """Most currencies have cents; some have none, and some have thousandths."""
    assert places == decimal_places(currency)
