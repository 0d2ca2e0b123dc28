"""Requests find their metric, or are excused."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.catalogue.written import SHIPPED, Write, metric_for
from tollkeeper.catalogue import (
    NONE,
    Catalogue,
    CatalogueError,
    load,
)


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
