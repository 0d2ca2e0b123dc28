"""Usage told day by day or month by month."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.series import DayUsage, Granularity, Span, Step, series, span_of, total

TODAY = date(2025, 11, 15)
METRICS = ("apiCalls", "exports")

dates = st.dates(date(1, 1, 1), date(9999, 12, 31))
spans = st.builds(
    lambda first, days: Span(first, min(first, date.max - days) + days),
    dates,
    st.timedeltas(timedelta(0), timedelta(days=400)).map(lambda length: timedelta(days=length.days)),
)
granularities = st.sampled_from(Granularity)


@st.composite
def used(draw: st.DrawFn) -> tuple[Span, list[DayUsage]]:
    """A span, and what was used on days of it, some of them twice, as in two facilities."""
    span = draw(spans)
    days = st.sampled_from(list(span))
    usage = st.dictionaries(st.sampled_from([*METRICS, "retired"]), st.integers(-5, 50))
    return span, draw(st.lists(st.builds(DayUsage, days, usage), max_size=20))


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        pytest.param(None, None, Span(date(2025, 11, 1), TODAY), id="the month until today"),
        pytest.param(date(2025, 9, 7), None, Span(date(2025, 9, 7), TODAY), id="from a day until today"),
        pytest.param(
            None, date(2025, 2, 20), Span(date(2025, 2, 1), date(2025, 2, 20)), id="a month until a day"
        ),
        pytest.param(
            date(2024, 1, 5), date(2024, 3, 1), Span(date(2024, 1, 5), date(2024, 3, 1)), id="as asked"
        ),
    ],
)
def test_a_span_is_the_present_month_where_nothing_else_is_said(
    first: date | None, last: date | None, expected: Span
) -> None:
    """It ends today, and begins with the month in which it ends."""
    assert expected == span_of(first, last, TODAY)


@given(spans)
def test_a_span_holds_its_first_and_last_day_and_all_between(span: Span) -> None:
    """Its days follow each other from the first to the last, even at the ends of the calendar."""
    days = list(span)
    assert (span.first, span.last, len(span)) == (days[0], days[-1], len(days))
    assert {timedelta(days=1)} >= {after - before for before, after in pairwise(days)}


@given(used(), granularities)
def test_a_series_leaves_nothing_out(given_: tuple[Span, list[DayUsage]], granularity: Granularity) -> None:
    """Its steps together come to what the days come to, always."""
    span, days = given_
    expected = dict.fromkeys(METRICS, 0)
    for day in days:
        for metric, quantity in day.used.items():
            expected[metric] = expected.get(metric, 0) + quantity
    assert expected == total(series(span, granularity, days, METRICS))


@given(spans)
def test_a_series_by_day_has_every_day(span: Span) -> None:
    """A day without usage is there, with a zero for each metric."""
    expected = [Step(day, dict.fromkeys(METRICS, 0)) for day in span]
    assert expected == series(span, Granularity.DAY, [], METRICS)


@given(spans)
def test_a_series_by_month_has_every_month(span: Span) -> None:
    """A step for each month that the span touches starts with the first day of it that is asked for."""
    steps = series(span, Granularity.MONTH, [], METRICS)
    assert [each for each in span if each in {span.first, each.replace(day=1)}] == [
        step.start for step in steps
    ]


def test_usage_stands_on_its_day_or_in_its_month() -> None:
    """What facilities used on one day, and what one month's days come to, is one sum."""
    span = Span(date(2025, 10, 30), date(2025, 11, 1))
    days = [
        DayUsage(date(2025, 10, 30), {"apiCalls": 1}),
        DayUsage(date(2025, 10, 31), {"apiCalls": 2, "exports": 5}),
        DayUsage(date(2025, 10, 31), {"apiCalls": 4}),
        DayUsage(date(2025, 11, 1), {"exports": 1}),
    ]

    def told(granularity: Granularity) -> list[tuple[date, Mapping[str, int]]]:
        return [(step.start, step.usage) for step in series(span, granularity, days, METRICS)]

    assert [
        (date(2025, 10, 30), {"apiCalls": 1, "exports": 0}),
        (date(2025, 10, 31), {"apiCalls": 6, "exports": 5}),
        (date(2025, 11, 1), {"apiCalls": 0, "exports": 1}),
    ] == told(Granularity.DAY)
    assert [
        (date(2025, 10, 30), {"apiCalls": 7, "exports": 5}),
        (date(2025, 11, 1), {"apiCalls": 0, "exports": 1}),
    ] == told(Granularity.MONTH)


def test_a_metric_that_is_not_sold_any_more_is_still_told() -> None:
    """Whatever was used has its number in every step, after the metrics of today."""
    span = Span(date(2025, 11, 1), date(2025, 11, 2))
    steps = series(span, Granularity.DAY, [DayUsage(span.last, {"retired": 3})], METRICS)
    assert [
        {"apiCalls": 0, "exports": 0, "retired": 0},
        {"apiCalls": 0, "exports": 0, "retired": 3},
    ] == [step.usage for step in steps]
    assert ["apiCalls", "exports", "retired"] == list(steps[0].usage)
