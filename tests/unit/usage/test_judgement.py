"""The one judgement of usage records."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import CATALOGUE, NOW, RECORD
from tollkeeper.rules.times import iso
from tollkeeper.rules.usage import Refusal, UsageRecord
from tollkeeper.usage.judgement import RefusedError, Verdict, judge, judge_all, judge_queued, queued_json
from tollkeeper.usage.messages import UnreadableMessageError, unpack


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_no_json(number: str) -> None:
    """Python's own reader would take it, and nobody could write the dead letter down again."""
    with pytest.raises(UnreadableMessageError):
        unpack(f'{{"records": [{{"quantity": {number}}}]}}')


type Judge = Callable[[object, datetime, Collection[str]], UsageRecord]

TICK = timedelta.resolution

SENT: Mapping[str, object] = {
    "id": "evt-1",
    "userId": "ada",
    "eventType": "apiCalls",
    "quantity": 1,
    "timestamp": iso(NOW),
}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=10,
)


def judged(**changes: object) -> UsageRecord:
    """What becomes of the record with some of its fields changed."""
    return judge({**SENT, **changes}, NOW, CATALOGUE.metrics)


def refused(raw: object, by: Judge = judge) -> RefusedError:
    """Why something is refused."""
    with pytest.raises(RefusedError) as refusal:
        by(raw, NOW, CATALOGUE.metrics)
    return refusal.value


def refusal(**changes: object) -> RefusedError:
    """Why the record is refused with some of its fields changed."""
    return refused({**SENT, **changes})


def faults(refusal: RefusedError) -> list[str]:
    """The fields that a refusal names."""
    return re.findall(r"(?:^|; )(\w+): ", refusal.message)


def without(name: str) -> dict[str, object]:
    """The record without one of its fields."""
    return {key: value for key, value in SENT.items() if key != name}


def data_of(size: int) -> dict[str, str]:
    """Event data that is so many bytes of compact JSON."""
    return {"note": "x" * (size - len('{"note":""}'))}


class TestWhatIsTaken:
    """Records that can be counted."""

    def test_is_the_fact_that_was_sent(self) -> None:
        """A record becomes the fact that it states."""
        assert RECORD == judged()

    def test_counts_one_now_unless_it_says_more(self) -> None:
        """Quantity is 1 and the time that of acceptance where the sender leaves them out."""
        raw = {"id": "evt-1", "userId": "ada", "eventType": "apiCalls"}
        assert RECORD == judge(raw, NOW, CATALOGUE.metrics)

    def test_has_a_facility_and_data(self) -> None:
        """Both are kept, the data as compact JSON in its own script."""
        record = judged(facilityId="greenhouse", eventData={"tokens": 12, "prompt": "Räume"})
        assert ("greenhouse", '{"tokens":12,"prompt":"Räume"}') == (record.facility_id, record.event_data)

    @pytest.mark.parametrize("metric", [*CATALOGUE.metrics])
    def test_counts_any_metric_of_the_catalogue(self, metric: str) -> None:
        """Every metric that is sold or shown can be reported."""
        assert metric == judged(eventType=metric).metric

    @pytest.mark.parametrize("quantity", [1, 2, 1_000_000_000])
    def test_has_a_quantity_up_to_a_billion(self, quantity: int) -> None:
        """One record may stand for as many as a billion."""
        assert quantity == judged(quantity=quantity).quantity

    @pytest.mark.parametrize("offset", [-timedelta(days=35), timedelta(0), timedelta(minutes=5)])
    def test_happened_at_most_35_days_ago_or_5_minutes_ahead(self, offset: timedelta) -> None:
        """Both bounds belong to what is taken."""
        assert NOW + offset == judged(timestamp=iso(NOW + offset)).timestamp

    def test_may_be_stamped_in_any_zone(self) -> None:
        """The instant counts, and is kept in UTC."""
        assert "2025-11-15T12:00:00Z" == iso(judged(timestamp="2025-11-15T07:00:00-05:00").timestamp)

    @pytest.mark.parametrize("text", ["x", "x" * 128, "ünïcode", "a b/c#d%"])
    def test_has_an_id_of_up_to_128_characters(self, text: str) -> None:
        """Any characters will do."""
        assert text == judged(id=text).id

    def test_has_data_of_up_to_four_kilobytes(self) -> None:
        """4,096 bytes of compact JSON are kept."""
        assert 4_096 == len(judged(eventData=data_of(4_096)).event_data or "")

    @given(
        data=st.dictionaries(
            st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=3
        ),
        quantity=st.integers(1, 1_000_000_000),
        facility=st.none() | st.text(min_size=1, max_size=128),
        ago=st.timedeltas(timedelta(0), timedelta(days=35)),
    )
    def test_travels_as_it_was_sent(
        self, data: dict[str, object], quantity: int, facility: str | None, ago: timedelta
    ) -> None:
        """What the queue carries, or keeps as a dead letter, is judged as the same fact again."""
        changes: dict[str, object] = {"quantity": quantity, "timestamp": iso(NOW - ago), "eventData": data}
        record = judged(**changes | ({"facilityId": facility} if facility else {}))
        again = json.loads(json.dumps(queued_json(record)))
        assert record == judge_queued(again, NOW, CATALOGUE.metrics)


class TestWhatIsRefused:
    """Records that can never be counted."""

    def test_an_unknown_metric_names_the_known_ones(self) -> None:
        """The sender reads what it could have meant."""
        found = refusal(eventType="apiCall")
        assert Refusal.UNKNOWN_METRIC == found.refusal
        assert all(metric in found.message for metric in CATALOGUE.metrics)

    @pytest.mark.parametrize(
        "quantity", [0, -1, 1.0, 1.5, True, "1", None, [], float("nan"), float("inf"), 1_000_000_001, 10**400]
    )
    def test_a_quantity_that_is_no_whole_number_of_units(self, quantity: object) -> None:
        """Nothing, less than nothing, fractions, other types and more than a billion are no quantity."""
        found = refusal(quantity=quantity)
        assert (Refusal.INVALID, ["quantity"]) == (found.refusal, faults(found))

    @pytest.mark.parametrize("offset", [-timedelta(days=35) - TICK, timedelta(minutes=5) + TICK])
    def test_an_untimely_record_names_the_bounds(self, offset: timedelta) -> None:
        """A microsecond too old or too far ahead is refused, with the span that would be taken."""
        found = refusal(timestamp=iso(NOW + offset))
        assert Refusal.UNTIMELY == found.refusal
        assert "between 2025-10-11T12:00:00Z and 2025-11-15T12:05:00Z" in found.message

    @pytest.mark.parametrize(
        "timestamp",
        [
            pytest.param("2025-11-15T12:00:00", id="no zone"),
            pytest.param("2025-11-15", id="a day"),
            pytest.param("2025-11-15T12:00:60Z", id="leap second"),
            pytest.param("2025-11-15T25:00:00Z", id="no such hour"),
            pytest.param("2025-02-29T12:00:00Z", id="no such day"),
            pytest.param("yesterday", id="words"),
            pytest.param("", id="empty"),
            pytest.param("1763208000", id="digits"),
            pytest.param(1_763_208_000, id="seconds"),
            pytest.param(1_763_208_000.5, id="fractions of seconds"),
            pytest.param(True, id="truth"),
            pytest.param([iso(NOW)], id="list"),
            pytest.param("0001-01-01T00:00:00+14:00", id="before the year 1"),
            pytest.param("9999-12-31T23:59:59-14:00", id="after the year 9999"),
            pytest.param("10000-01-01T00:00:00Z", id="five digits of a year"),
            pytest.param("2025-11-15T12:00:00\ud800Z", id="lone surrogate"),
        ],
    )
    def test_a_timestamp_that_is_no_instant(self, timestamp: object) -> None:
        """Only an ISO 8601 text with a time zone says when something happened."""
        found = refusal(timestamp=timestamp)
        assert (Refusal.INVALID, ["timestamp"]) == (found.refusal, faults(found))

    @pytest.mark.parametrize("name", ["id", "userId", "facilityId"])
    @pytest.mark.parametrize("value", ["", 7, True, [], "\ud800"])
    def test_a_name_that_is_no_text(self, name: str, value: object) -> None:
        """Ids are texts of at least one character."""
        found = refusal(**{name: value})
        assert (Refusal.INVALID, [name]) == (found.refusal, faults(found))

    @pytest.mark.parametrize(("name", "length"), [("id", 129), ("userId", 257), ("facilityId", 129)])
    def test_a_name_that_is_too_long(self, name: str, length: int) -> None:
        """What could not be part of a key is refused at the door."""
        assert [name] == faults(refusal(**{name: "x" * length}))

    @pytest.mark.parametrize("name", ["id", "userId", "eventType"])
    def test_a_record_without_what_identifies_it(self, name: str) -> None:
        """Id, user and metric cannot be left out."""
        assert f"{name}: Field required" == refused(without(name)).message

    def test_a_record_with_an_unknown_field(self) -> None:
        """A misspelt field would otherwise be lost in silence."""
        assert "facility: Extra inputs are not permitted" == refusal(facility="greenhouse").message

    @pytest.mark.parametrize("name", ["acceptedAt", "reason", "actor"])
    def test_a_record_that_says_what_only_we_say(self, name: str) -> None:
        """A sender cannot choose the time of acceptance, nor write corrections here."""
        assert [name] == faults(refusal(**{name: iso(NOW)}))

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(data_of(4_097), id="a byte too large"),
            pytest.param({"note": "ü" * 2_045}, id="two bytes each"),
            pytest.param([], id="list"),
            pytest.param("{}", id="text"),
            pytest.param({"note": "\ud800"}, id="lone surrogate"),
            pytest.param({"\udfff": 1}, id="lone surrogate in a name"),
            pytest.param({1: 1}, id="name that is a number"),
            pytest.param({"score": float("nan")}, id="no number"),
            pytest.param({"scores": [float("-inf")]}, id="infinity"),
            pytest.param({"tokens": 10**5_000}, id="number without end"),
            pytest.param({"nested": json.loads("[" * 900 + "]" * 900)}, id="nested without end"),
        ],
    )
    def test_event_data_that_cannot_be_kept(self, data: object) -> None:
        """Data is an object of at most 4,096 bytes of JSON that anybody can read again."""
        found = refusal(eventData=data)
        assert (Refusal.INVALID, True) == (found.refusal, found.message.startswith("eventData"))

    @pytest.mark.parametrize("raw", [None, True, 1, "record", [], [{}], {}])
    def test_what_is_no_record(self, raw: object) -> None:
        """Whatever else a list may hold is refused, and nothing breaks."""
        assert Refusal.INVALID == refused(raw).refusal

    def test_several_faults_are_named_at_once(self) -> None:
        """The sender need not try again to learn of the second."""
        assert ["id", "quantity"] == faults(refusal(id="", quantity=0))


@given(raw=values | st.dictionaries(st.sampled_from([*SENT, "facilityId", "eventData"]), values))
def test_any_json_is_a_record_or_refused(raw: object) -> None:
    """Whatever somebody sends ends in a record or in a refusal, never in another error."""
    try:
        record = judge(raw, NOW, CATALOGUE.metrics)
    except RefusedError:
        return
    assert record.metric in CATALOGUE.metrics


@given(name=st.sampled_from([*SENT, "facilityId", "eventData"]), value=values)
def test_any_value_of_any_field_is_judged(name: str, value: object) -> None:
    """One strange field in a good record is taken as it is or named as the fault."""
    try:
        judged(**{name: value})
    except RefusedError as refused:
        assert name in refused.message  # noqa: PT017 - most values are refused, some are not


class TestCorrections:
    """Records of the queue that take counted usage back."""

    SENT: Mapping[str, object] = {
        "id": "fix-1",
        "userId": "ada",
        "eventType": "exports",
        "quantity": -5,
        "reason": "exported twice",
        "actor": "support",
    }

    def corrected(self, **changes: object) -> UsageRecord:
        """What becomes of the correction with some of its fields changed."""
        return judge_queued({**self.SENT, **changes}, NOW, CATALOGUE.metrics)

    def refusal(self, **changes: object) -> RefusedError:
        """Why the correction is refused with some of its fields changed."""
        return refused({**self.SENT, **changes}, by=judge_queued)

    def test_is_a_negative_fact_of_the_moment_at_which_it_was_accepted(self) -> None:
        """It says who took back what and why, and counts in the period that is open then."""
        assert (
            UsageRecord(
                id="fix-1",
                user_id="ada",
                metric="exports",
                quantity=-5,
                timestamp=NOW,
                accepted_at=NOW,
                reason="exported twice",
                actor="support",
            )
            == self.corrected()
        )

    def test_travels_as_it_was_sent(self) -> None:
        """A correction that becomes a dead letter can be sent again as it stands there."""
        assert self.SENT == queued_json(self.corrected())

    @pytest.mark.parametrize("quantity", [0, 1, -1.0, True, "-1", None, -1_000_000_001])
    def test_takes_back_whole_units(self, quantity: object) -> None:
        """A correction is a negative whole number, a billion at most."""
        assert ["quantity"] == faults(self.refusal(quantity=quantity))

    @pytest.mark.parametrize("name", ["reason", "actor", "id", "userId"])
    def test_says_why_and_who(self, name: str) -> None:
        """None of what the audit needs may be empty."""
        assert [name] == faults(self.refusal(**{name: ""}))

    def test_of_an_unknown_metric_is_refused(self) -> None:
        """As it is of any other record."""
        assert Refusal.UNKNOWN_METRIC == self.refusal(eventType="apiCall").refusal

    def test_without_a_reason_is_no_correction(self) -> None:
        """A usage record never takes anything back."""
        raw = {name: value for name, value in self.SENT.items() if name not in {"reason", "actor"}}
        assert ["quantity"] == faults(refused(raw, by=judge_queued))

    def test_does_not_come_with_the_usage_of_a_body(self) -> None:
        """The API takes corrections at their own address only."""
        assert Refusal.INVALID == refused(self.SENT).refusal


@given(raw=values | st.dictionaries(st.sampled_from([*TestCorrections.SENT]), values))
def test_any_json_of_the_queue_is_a_record_or_refused(raw: object) -> None:
    """A message that somebody wrote by hand makes no other error than a refusal."""
    try:
        record = judge_queued(raw, NOW, CATALOGUE.metrics)
    except RefusedError:
        return
    assert record.metric in CATALOGUE.metrics


class TestJudgeAll:
    """A body of several records."""

    def test_each_is_judged_by_itself(self) -> None:
        """Bad records are named by index and id; their neighbours are taken."""
        verdicts = judge_all(
            [SENT, {**SENT, "id": "evt-2", "quantity": 0}, "junk", {**SENT, "id": "evt-3"}],
            NOW,
            CATALOGUE.metrics,
        )
        assert [("evt-1", None), ("evt-2", "invalid_record"), (None, "invalid_record"), ("evt-3", None)] == [
            (each.id, each.refused and each.refused.refusal) for each in verdicts
        ]
        assert [0, 1, 2, 3] == [each.index for each in verdicts]

    def test_the_same_record_twice_is_no_conflict(self) -> None:
        """It will count once."""
        again = {**SENT, "timestamp": iso(NOW - timedelta(minutes=1))}
        expected = [Verdict(0, "evt-1", None), Verdict(1, "evt-1", None)]
        assert expected == judge_all([SENT, again], NOW, CATALOGUE.metrics)

    @pytest.mark.parametrize("changes", [{"quantity": 2}, {"eventType": "exports"}])
    def test_another_fact_under_the_same_id_is_a_conflict(self, changes: Mapping[str, object]) -> None:
        """The first stands, the other is refused."""
        first, second = judge_all([SENT, {**SENT, **changes}], NOW, CATALOGUE.metrics)
        assert first.refused is None
        assert second.refused is not None
        assert Refusal.CONFLICT == second.refused.refusal

    def test_two_users_may_use_the_same_id(self) -> None:
        """Ids are each user's own."""
        verdicts = judge_all([SENT, {**SENT, "userId": "bob", "quantity": 2}], NOW, CATALOGUE.metrics)
        assert [None, None] == [each.refused for each in verdicts]

    def test_a_refused_record_does_not_claim_its_id(self) -> None:
        """A good record is taken although a bad one of the same id came before it."""
        bad, good = judge_all([{**SENT, "quantity": 0}, {**SENT, "quantity": 2}], NOW, CATALOGUE.metrics)
        assert (True, None) == (bad.refused is not None, good.refused)

    def test_records_without_a_time_are_of_one_instant(self) -> None:
        """All of a body is judged at its acceptance."""
        raws = [without("timestamp"), {**without("timestamp"), "id": "evt-2"}]
        stamps: set[datetime] = {judge(raw, NOW, CATALOGUE.metrics).timestamp for raw in raws}
        assert {NOW} == stamps


def test_a_refusals_sentence_is_no_longer_than_500_characters() -> None:
    """It may repeat what was sent; the rest is cut off."""
    lengths = [len(RefusedError(Refusal.INVALID, "x" * length).message) for length in (499, 500, 501)]
    assert [499, 500, 500] == lengths
