"""The catalogue: the shipped file says what is sold, bad files are refused, requests find their metric."""

from collections.abc import Callable
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe.params.checkout import SessionCreateParams

from tollkeeper.catalogue import (
    FREE,
    NONE,
    UNLIMITED,
    Catalogue,
    CatalogueError,
    Count,
    LatePolicy,
    Mode,
    TaxBehavior,
    Unreachable,
    decimal_places,
    load,
)
from tollkeeper.catalogue.payment_methods import PAYMENT_METHODS

SHIPPED = load()

MINIMAL = {
    "currency": 'currency = "usd"',
    "trial_days": "trial_days = 14",
    "metrics": '[metrics]\nhits = { display_name = "Hits" }',
    "plans": '[plans.free]\ndisplay_name = "Free"\nprice = 0\nlimits = { hits = 3 }',
    "routes": '[routes]\n"/**" = "hits"',
}


type Write = Callable[..., Path]


def metric_for(catalogue: Catalogue, method: str, path: str) -> str | None:
    """Return what a request counts as; None if it is not counted."""
    route = catalogue.route_for(method, path)
    return None if route is None or route.metric == NONE else route.metric


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Write the smallest valid catalogue, with some of its sections replaced, to a file of its own."""
    folder = tmp_path_factory.mktemp("catalogues")
    numbers = count()

    def write(**sections: str) -> Path:
        file = folder / f"{next(numbers)}.toml"
        file.write_text("\n".join((MINIMAL | sections).values()))
        return file

    return write


@pytest.fixture(scope="module")
def routed(write: Write) -> Callable[..., Catalogue]:
    """Load a catalogue with the metrics a and b and the given lines as its route map."""

    def routed(*routes: str) -> Catalogue:
        return load(
            write(
                metrics='[metrics]\na = { display_name = "A" }\nb = { display_name = "B" }',
                plans='[plans.free]\ndisplay_name = "Free"\nprice = 0\nlimits = {}',
                routes="\n".join(["[routes]", *routes]),
            )
        )

    return routed


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


class TestRouteMatching:
    """How a request finds its metric."""

    PATHS = st.lists(st.text("abAB01-_.", min_size=1), max_size=5).map(
        lambda segments: "/".join(["", *segments])
    )
    METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])

    @given(METHODS, PATHS)
    def test_everything_below(self, method: str, path: str) -> None:
        """A pattern that ends in ** matches its own path and all below it."""
        assert "exports" == metric_for(SHIPPED, method, f"/api/exports{path}")

    @given(METHODS, PATHS)
    def test_trailing_slash(self, method: str, path: str) -> None:
        """A trailing slash makes no difference."""
        assert metric_for(SHIPPED, method, path) == metric_for(SHIPPED, method, f"{path}/")

    @given(METHODS, PATHS)
    def test_method_case(self, method: str, path: str) -> None:
        """The case of the method makes no difference."""
        assert metric_for(SHIPPED, method, path) == metric_for(SHIPPED, method.lower(), path)

    @given(PATHS)
    def test_writes(self, path: str) -> None:
        """No write goes uncounted."""
        assert metric_for(SHIPPED, "POST", path) is not None

    def test_path_case(self, routed: Callable[..., Catalogue]) -> None:
        """The case of the path does make a difference."""
        assert metric_for(routed('"/x" = "a"'), "GET", "/X") is None

    def test_neighbour(self, routed: Callable[..., Catalogue]) -> None:
        """Everything below a path does not include a path that merely begins like it."""
        assert metric_for(routed('"/x/**" = "a"'), "GET", "/xy") is None

    def test_precedence(self, routed: Callable[..., Catalogue]) -> None:
        """Where two routes match, the first counts."""
        assert "a" == metric_for(routed('"/x/y" = "a"', '"/x/**" = "b"'), "GET", "/x/y")

    def test_one_segment(self, routed: Callable[..., Catalogue]) -> None:
        """A star stands for exactly one segment."""
        catalogue = routed('"/rooms/*/copy" = "a"')

        assert ["a", None, None] == [
            metric_for(catalogue, "POST", path)
            for path in ("/rooms/7/copy", "/rooms/copy", "/rooms/7/8/copy")
        ]

    def test_alternatives(self, routed: Callable[..., Catalogue]) -> None:
        """Braces stand for each of the alternatives, anywhere in a pattern."""
        catalogue = routed('"{PUT,PATCH} /{x,y}/{1,2}" = "a"')

        assert ["a", "a", None, None] == [
            metric_for(catalogue, "PUT", "/x/2"),
            metric_for(catalogue, "PATCH", "/y/1"),
            metric_for(catalogue, "POST", "/x/1"),
            metric_for(catalogue, "PUT", "/x/3"),
        ]


class TestRefusals:
    """What a deployer is told about a file that cannot be used."""

    @pytest.mark.parametrize(
        ("section", "text", "complaint"),
        [
            ("currency", "", "currency: must be a text, and not empty"),
            (
                "currency",
                'currency = "jpy"',
                "currency: must be the lower-case code of a currency that has cents",
            ),
            (
                "currency",
                'currency = "usd"\ncolour = 1',
                "colour: unknown key; known keys are currency, tax_behavior, automatic_tax",
            ),
            (
                "currency",
                'currency = "usd"\ntax_behavior = "unspecified"',
                "tax_behavior: must be one of exclusive, inclusive",
            ),
            ("currency", 'currency = "usd"\nautomatic_tax = 1', "automatic_tax: must be true or false"),
            (
                "currency",
                'currency = "usd"\ncollect_tax_ids = "yes"',
                "collect_tax_ids: must be true or false",
            ),
            (
                "currency",
                'currency = "usd"\npayment_methods = []',
                "payment_methods: must be a list, and not empty, of acss_debit",
            ),
            (
                "currency",
                'currency = "usd"\npayment_methods = "card"',
                "payment_methods: must be a list, and not empty, of acss_debit",
            ),
            (
                "currency",
                'currency = "usd"\npayment_methods = ["card", "cheque"]',
                "payment_methods: must be a list, and not empty, of acss_debit",
            ),
            (
                "currency",
                'currency = "usd"\npayment_methods = ["card", "link", "card"]',
                "payment_methods: names something twice",
            ),
            (
                "trial_days",
                "trial_days = 0\ntrial_without_card = true",
                "trial_without_card: needs a trial: set trial_days",
            ),
            ("trial_days", "trial_days = -1", "trial_days: must be a whole number from 0 to 730"),
            ("trial_days", "trial_days = true", "trial_days: must be a whole number from 0 to 730"),
            ("metrics", "metrics = 1", "metrics: must be a table"),
            ("metrics", "[metrics]\nhits = {}", "metrics.hits.display_name: must be a text, and not empty"),
            (
                "metrics",
                '[metrics]\nhits = { display_name = " " }',
                "metrics.hits.display_name: must be a text",
            ),
            ("metrics", "[metrics]\nhits-2 = {}", "metrics.hits-2: a name is a letter, then up to 39"),
            ("metrics", f"[metrics]\n{'x' * 41} = {{}}", f"metrics.{'x' * 41}: a name is a letter"),
            ("metrics", "[metrics]\nhits = { prize = 1 }", "metrics.hits.prize: unknown key; known keys are"),
            (
                "metrics",
                '[metrics]\nhits = { mode = "off" }',
                "metrics.hits.mode: must be one of enforce, observe",
            ),
            (
                "metrics",
                '[metrics]\nhits = { late = "lose" }',
                "metrics.hits.late: must be one of count, drop",
            ),
            (
                "metrics",
                "[metrics]\nhits = { overage_price = -1 }",
                "metrics.hits.overage_price: must be a number",
            ),
            (
                "metrics",
                "[metrics]\nhits = { overage_price = nan }",
                "metrics.hits.overage_price: must be a number",
            ),
            (
                "metrics",
                '[metrics]\nhits = { overage_price = "1" }',
                "metrics.hits.overage_price: must be a number",
            ),
            (
                "metrics",
                "[metrics]\nhits = { overage_price = 1e-15 }",
                "in steps of 0.000001; a unit that costs less is better counted by the thousand",
            ),
            (
                "metrics",
                "[metrics]\nhits = { overage_price = 0.0000001 }",
                "in steps of 0.000001; a unit that costs less",
            ),
            (
                "metrics",
                f"[metrics]\nhits = {{ overage_price = 0.01{'0' * 40}1 }}",
                "in steps of 0.000001; a unit",
            ),
            ("metrics", '[metrics]\nhits = { mirror = "no" }', "metrics.hits.mirror: must be true or false"),
            ("plans", "[plans.pro]", "plans.free: is missing; it is what users without a subscription have"),
            ("plans", "[plans.free]\nprice = 1", "plans.free.price: must be 0"),
            ("plans", "[plans.free]\ntrial_days = 3", "plans.free.trial_days: unknown key; known keys are"),
            (
                "plans",
                "[plans.free]\nprice = 0.001",
                "plans.free.price: must be a number from 0 to 999999.99",
            ),
            (
                "plans",
                "[plans.free]\nprice = 1000000",
                "plans.free.price: must be a number from 0 to 999999.99",
            ),
            ("plans", "[plans.free]", "plans.free.limits: must be a table"),
            (
                "plans",
                "[plans.free]\nlimits.hit = 1",
                "plans.free.limits.hit: unknown metric; known metrics are hits",
            ),
            (
                "plans",
                "[plans.free]\nlimits.hits = -2",
                "plans.free.limits.hits: must be a whole number from -1",
            ),
            (
                "plans",
                "[plans.free]\nlimits.hits = 1.5",
                "plans.free.limits.hits: must be a whole number from -1",
            ),
            ("routes", "", "routes: must be a table"),
            ("routes", "[routes]", "routes: at least one route is needed"),
            ("routes", '[routes]\n"/x" = "hit"', 'routes."/x": unknown metric; known metrics are hits'),
            ("routes", '[routes]\n"/x" = 1', 'routes."/x": unknown metric; known metrics are hits'),
            ("routes", '[routes]\n"x" = "hits"', 'routes."x": must read like POST /api/rooms'),
            ("routes", '[routes]\n"POST" = "hits"', 'routes."POST": must read like POST /api/rooms'),
            ("routes", '[routes]\n"POTS /x" = "hits"', 'routes."POTS /x": must read like POST /api/rooms'),
            ("routes", '[routes]\n"/x/{id}" = "hits"', 'routes."/x/{id}": must read like POST /api/rooms'),
            ("routes", '[routes]\n"/**/x" = "hits"', 'routes."/**/x": must read like POST /api/rooms'),
            ("routes", '[routes]\n"/x?y" = "hits"', 'routes."/x?y": must read like POST /api/rooms'),
            (
                "routes",
                '[routes]\n"/x" = "hits"\n"/x/" = "hits"',
                'routes."/x/": never counts, for any method /x stands above it',
            ),
            (
                "routes",
                '[routes]\n"POST /**" = "hits"\n"POST /x/*" = "hits"',
                'routes."POST /x/*": never counts, for POST /** stands above it',
            ),
        ],
    )
    def test_names_the_key(self, write: Write, section: str, text: str, complaint: str) -> None:
        """The message names the key at fault and says what it should be."""
        with pytest.raises(CatalogueError) as refusal:
            load(write(**{section: text}))

        assert any(
            line.startswith(f"  {complaint}") or complaint in line for line in str(refusal.value).splitlines()
        )

    def test_all_at_once(self, write: Write) -> None:
        """Every fault of a file is told at once."""
        file = write(trial_days="trial_days = 1000", routes='[routes]\n"x" = "hits"')

        with pytest.raises(CatalogueError) as refusal:
            load(file)

        assert [f"{file}:", "  trial_days", '  routes."x"'] == [
            line.split(": ")[0] for line in str(refusal.value).splitlines()
        ]

    def test_names_the_line(self, write: Write) -> None:
        """What is no TOML is refused with the file and the line."""
        file = write(trial_days="trial_days 14")

        with pytest.raises(CatalogueError, match=r"\.toml: .*at line 2"):
            load(file)

    def test_missing_file(self, tmp_path: Path) -> None:
        """A file that does not exist is named."""
        with pytest.raises(CatalogueError, match=r"nothing\.toml"):
            load(tmp_path / "nothing.toml")

    def test_useful_neighbours(self, routed: Callable[..., Catalogue]) -> None:
        """A route is not refused where an earlier one only matches part of what it matches."""
        routes = routed('"POST /x" = "a"', '"/x" = "b"', '"/x/*" = "a"', '"/x/**" = "b"').routes

        assert ["POST /x", "any method /x", "any method /x/*", "any method /x/**"] == [*map(str, routes)]


@pytest.mark.parametrize(("currency", "places"), [("usd", 2), ("eur", 2), ("jpy", 0), ("krw", 0), ("kwd", 3)])
def test_decimal_places(currency: str, places: int) -> None:
    """Most currencies have cents; some have none, and some have thousandths."""
    assert places == decimal_places(currency)


class TestExcusedRoutes:
    """Requests that count as nothing, for a reason that the file says."""

    def test_an_excused_route_counts_as_nothing(self, routed: Callable[..., Catalogue]) -> None:
        """It stands above the others like any line, and hides nothing from the audit."""
        catalogue = routed('"POST /health" = { metric = "none", reason = "probes" }', '"/**" = "a"')
        assert (None, "a") == (
            metric_for(catalogue, "POST", "/health"),
            metric_for(catalogue, "GET", "/health"),
        )
        route = catalogue.route_for("POST", "/health")
        assert route
        assert (NONE, "probes", False) == (route.metric, route.reason, route.is_catch_all)

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ('"/a" = { metric = "none" }', "reason: must be a text, and not empty"),
            ('"/a" = { metric = "none", reason = " " }', "reason: must be a text, and not empty"),
            ('"/a" = { metric = "nothing", reason = "x" }', "unknown metric"),
            ('"/a" = { metric = "none", why = "x" }', "unknown key"),
            ('"/a" = "none"', "unknown metric"),
        ],
    )
    def test_a_reason_is_needed(self, routed: Callable[..., Catalogue], line: str, problem: str) -> None:
        """Whoever excuses a route says why."""
        with pytest.raises(CatalogueError, match=problem):
            routed(line)

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ('count = "later"', "must be one of before, after"),
            ('unreachable = "ajar"', "must be one of open, closed"),
            ('count = "after", unreachable = "closed"', "cannot be closed"),
        ],
    )
    def test_what_the_client_does_is_one_of_what_it_can(
        self, write: Write, fields: str, problem: str
    ) -> None:
        """A word that means nothing is refused, and so is what contradicts itself."""
        with pytest.raises(CatalogueError, match=problem):
            load(write(metrics=f'[metrics]\nhits = {{ display_name = "Hits", {fields} }}'))

    def test_no_metric_is_called_none(self, write: Write) -> None:
        """The word is taken."""
        with pytest.raises(CatalogueError, match="not counted"):
            load(
                write(
                    metrics='[metrics]\nnone = { display_name = "None" }',
                    plans='[plans.free]\ndisplay_name = "Free"\nprice = 0\nlimits = {}',
                    routes='[routes]\n"/**" = "none"',
                )
            )
