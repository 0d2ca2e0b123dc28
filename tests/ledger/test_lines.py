"""What a period's row lists is read again as it was counted, whatever the ids and facilities are."""

import uuid
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.bench.capacity import size as published_size
from tests.ledger.two_months import (
    NOW,
    PERIOD,
    START,
    assert_exact,
    count,
    days,
    ids,
    record,
    row_of,
    rows_in,
    subscribed,
    units_of,
)
from tollkeeper.ledger.history import History
from tollkeeper.ledger.lines import Line, cells, listed_in
from tollkeeper.ledger.sizes import size
from tollkeeper.ledger.table import Table

ODD = ["~", "~~a", "a.b[0].c", "#0", ":0", "pk", "lines", "used_apiCalls", "ü ☃", "+", str(uuid.UUID(int=7))]
"""Ids that look like something else: a shortened id, a path, a placeholder, an attribute."""

names = st.one_of(
    st.text(min_size=1, max_size=128),
    st.uuids().map(str),
    st.uuids().map(lambda each: str(each).upper()),
    st.text("~+=-_aB09", min_size=1, max_size=40),
)
lines = st.builds(
    Line,
    names,
    st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,39}", fullmatch=True),
    st.integers(1, 1_000_000_000),
    st.integers(-60, 400).map(lambda number: START.date() + timedelta(days=number)),
    st.one_of(st.none(), st.text(min_size=1, max_size=64)),
)


@given(st.lists(lines, max_size=12, unique_by=lambda line: line.id))
def test_what_is_put_is_read(put: list[Line]) -> None:
    """Any lines come back as they were, each under a name of its own."""
    row = {**PERIOD._asdict(), "used_apiCalls": 3, "lines": len(put), **cells(PERIOD, put)}
    assert put == listed_in(row)


@given(st.lists(lines, max_size=12, unique_by=lambda line: line.id), st.integers(-(10**12), 10**12))
def test_a_row_is_not_larger_than_it_is_taken_to_be(put: list[Line], number: int) -> None:
    """By DynamoDB's published rules it has no more bytes, and a few less at most for each number."""
    row = {**PERIOD._asdict(), "used_apiCalls": number, "lines": len(put), **cells(PERIOD, put)}
    assert published_size(row) <= size(row) <= published_size(row) + 2 * 8


def test_any_id_can_be_a_line(table: Table) -> None:
    """It is listed, read and taken out like others."""
    subscribed(table)
    records = [replace(record(name), facility_id="a b.c") for name in ODD]
    records += [record(f"{'other':-<60}{number}", number) for number in range(8)]
    for number, each in enumerate(records, start=1):
        count(table, each)
        if number == len(ODD):
            assert sorted(ODD) == sorted(line.id for line in listed_in(row_of(table)))
            assert sorted(ODD) == sorted(ids(History(table), "period"))
    assert 1 <= int(row_of(table)["emptied"])
    assert sorted(each.id for each in records) == sorted(ids(History(table, enough=1), "period"))
    assert_exact(rows_in(table, records))


def test_a_correction_is_listed_apart(table: Table) -> None:
    """It stands on a page and in its day, what it takes back in the row: together they are what is left."""
    subscribed(table)
    taken = replace(record("back"), quantity=-1, reason="r", actor="a", timestamp=NOW)
    count(table, record("first"), taken)
    assert ["first"] == [each.id for each in listed_in(row_of(table))]
    assert {"first", "back"} == set(ids(History(table), "period"))
    assert +units_of([record("first"), taken]) == +days(History(table))
