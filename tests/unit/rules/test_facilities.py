"""The days of a metric by facility: the parts sum to the whole, whatever they are."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.facilities import Share, by_facility, fewer
from tollkeeper.rules.series import FacilityDay, Span

SPAN = Span(date(2025, 11, 1), date(2025, 11, 5))

days = st.lists(
    st.builds(
        FacilityDay,
        st.integers(0, 4).map(lambda number: SPAN.first + timedelta(number)),
        st.none() | st.sampled_from("abcdefgh"),
        st.dictionaries(st.sampled_from(["exports", "apiCalls"]), st.integers(-5, 50)),
    )
)


@given(days, st.integers(0, 5))
def test_the_parts_sum_to_the_whole_on_each_day(used: list[FacilityDay], most: int) -> None:
    """However many are told apart."""
    parts = by_facility(SPAN, used, "exports", most)
    for number, day in enumerate(SPAN):
        expected = sum(each.used.get("exports", 0) for each in used if each.day == day)
        assert expected == sum(part.by_day[number] for part in parts)


@given(days, st.integers(0, 5), st.integers(0, 5))
def test_fewer_are_told_apart_as_if_fewer_had_been_asked_for(
    used: list[FacilityDay], most: int, fewer_than: int
) -> None:
    """And they still sum to the whole."""
    parts = by_facility(SPAN, used, "exports", most)
    assert by_facility(SPAN, used, "exports", min(most, fewer_than)) == fewer(parts, fewer_than)


@given(days, st.integers(0, 5))
def test_the_largest_are_told_apart(used: list[FacilityDay], most: int) -> None:
    """The largest first, then the others together, and what named none last."""
    parts = by_facility(SPAN, used, "exports", most)
    kinds = [each.share for each in parts]
    order = [Share.FACILITY, Share.OTHERS, Share.WITHOUT]
    assert kinds == sorted(kinds, key=order.index)
    assert kinds.count(Share.FACILITY) <= most
    assert max(map(kinds.count, order[1:])) <= 1
    totals = [each.total for each in parts if each.share is Share.FACILITY]
    assert totals == sorted(totals, reverse=True)
    named = {each.facility_id for each in used if each.facility_id and each.used.get("exports")}
    assert len(named) == sum(each.count for each in parts if each.share is not Share.WITHOUT)
