"""Catalogues that cannot be meant are refused, with what to write instead."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.catalogue.written import Write
from tollkeeper.catalogue import (
    Catalogue,
    CatalogueError,
    load,
)


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
