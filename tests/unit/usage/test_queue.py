"""How usage records travel, and where those go that cannot be counted."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import NOW
from tests.fakes.sqs import FakeSqs
from tollkeeper.rules.times import iso
from tollkeeper.usage.messages import DeadLetter
from tollkeeper.usage.queue import DeadLetters, UsageQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LARGEST_MESSAGE = 65_536

users = st.sampled_from(["ada", "bob", "eve"])
records = st.lists(st.fixed_dictionaries({"userId": users, "id": st.text(max_size=5)}), max_size=30)


@pytest.fixture
def sqs() -> FakeSqs:
    """An empty queue."""
    return FakeSqs()


def send(sqs: FakeSqs, *sent: Mapping[str, object]) -> list[int]:
    """Send records and return the indexes of what could not be queued."""
    return UsageQueue(cast("SQSClient", sqs), "https://sqs.test/usage").send(sent, NOW)


def keep(sqs: FakeSqs, *letters: DeadLetter) -> list[int]:
    """Keep dead letters and return the indexes of those that could not be."""
    return DeadLetters(cast("SQSClient", sqs), "https://sqs.test/dead").send(letters)


def large(user_id: str, number: int) -> dict[str, Any]:
    """A record of about five kilobytes."""
    return {"userId": user_id, "id": f"{user_id}-{number}", "eventData": {"note": "ü" * 2_500}}


@given(records)
def test_every_record_is_sent_once(sent: list[dict[str, str]]) -> None:
    """What went in stands in the messages, whatever it contains and however it was packed."""
    sqs = FakeSqs()
    assert [] == send(sqs, *sent)
    queued = [record for body in sqs.bodies for record in json.loads(body)["records"]]
    assert sorted(map(str, sent)) == sorted(map(str, queued))


def test_a_message_says_when_its_records_were_accepted(sqs: FakeSqs) -> None:
    """Their age is judged against that, however late they are counted."""
    send(sqs, {"userId": "ada", "id": "evt-1"})
    assert [{"records": [{"userId": "ada", "id": "evt-1"}], "acceptedAt": iso(NOW)}] == [
        json.loads(body) for body in sqs.bodies
    ]


def test_a_users_records_travel_side_by_side(sqs: FakeSqs) -> None:
    """So that few transactions count them."""
    send(sqs, *({"userId": user, "id": str(number)} for number in range(3) for user in ("bob", "ada")))
    [body] = sqs.bodies
    assert ["ada"] * 3 + ["bob"] * 3 == [each["userId"] for each in json.loads(body)["records"]]


def test_a_message_stays_within_what_sqs_bills_as_one(sqs: FakeSqs) -> None:
    """However large the records are together, a message has at most 64 KB."""
    send(sqs, *(large("ada", number) for number in range(100)))
    assert max(len(body.encode()) for body in sqs.bodies) <= LARGEST_MESSAGE


def test_a_request_takes_ten_messages_at_most(sqs: FakeSqs) -> None:
    """SQS refuses more."""
    send(sqs, *(large("ada", number) for number in range(200)))
    assert len(sqs.requests) > 1
    assert max(len(request) for request in sqs.requests) <= 10


def test_what_sqs_refuses_is_named_by_the_callers_index(sqs: FakeSqs) -> None:
    """A refused message stands for the records in it, wherever they stood in the request."""
    sqs.refuses = lambda body: "bob" in body
    sent = [large(user, number) for number in range(12) for user in ("ada", "bob")]
    unsent = {sent[index]["id"] for index in send(sqs, *sent)}
    queued = {each["id"] for body in sqs.bodies for each in json.loads(body)["records"]}
    assert {f"bob-{number}" for number in range(12)} <= unsent
    assert {each["id"] for each in sent} - queued == unsent


@pytest.mark.parametrize("character", ["\ufffe", "\uffff"])
def test_what_sqs_does_not_take_in_a_text_travels_escaped(sqs: FakeSqs, character: str) -> None:
    """Its message, with other users' records in it, is taken, and holds it as it was sent."""
    sqs.refuses = lambda body: "\ufffe" in body or "\uffff" in body
    sent = {"userId": "ada", "id": f"a{character}b", "eventData": {character: f"\\{character}"}}
    assert [] == send(sqs, sent, {"userId": "bob", "id": "b"})
    assert sent in json.loads(sqs.bodies[0])["records"]
    assert [] == keep(sqs, DeadLetter(sent, f"invalid_record: {character}", NOW))
    assert [sent] == json.loads(sqs.bodies[1])["records"]


def test_while_sqs_is_down_nothing_is_queued(sqs: FakeSqs) -> None:
    """The caller learns that none was taken, and no error escapes."""
    sqs.is_down = True
    assert [0, 1] == sorted(send(sqs, {"userId": "bob", "id": "1"}, {"userId": "ada", "id": "2"}))


def test_nothing_to_send_is_no_request(sqs: FakeSqs) -> None:
    """An empty body costs nothing."""
    assert ([], []) == (send(sqs), sqs.requests)


def test_a_dead_letter_says_what_why_and_since_when(sqs: FakeSqs) -> None:
    """Whoever looks at it sees the record as it came, and can send it again as it is."""
    keep(sqs, DeadLetter({"id": "evt-1", "note": "\ud800"}, "id_conflict", NOW))
    assert [
        {"records": [{"id": "evt-1", "note": "\ud800"}], "reason": "id_conflict", "acceptedAt": iso(NOW)}
    ] == [json.loads(body) for body in sqs.bodies]


def test_letters_that_could_not_be_kept_are_named(sqs: FakeSqs) -> None:
    """Their messages come again, so that nothing is lost."""
    sqs.refuses = lambda body: "bad-3" in body or "bad-11" in body
    assert [3, 11] == keep(sqs, *(DeadLetter(f"bad-{number}", "why", NOW) for number in range(12)))


@pytest.mark.parametrize("held", ["", "NotVisible", "Delayed"])
def test_a_queue_is_empty_when_it_holds_nothing(held: str) -> None:
    """Nothing that waits, is under way, or is delayed."""
    counts = {f"ApproximateNumberOfMessages{each}": "0" for each in ("", "NotVisible", "Delayed")}
    assert looked_at(counts)
    assert not looked_at({**counts, f"ApproximateNumberOfMessages{held}": "1"})
    assert looked_at({})


def looked_at(counts: dict[str, str]) -> bool:
    """Whether a queue with such numbers is empty."""

    class Counted(FakeSqs):
        def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: ARG002, N803 - boto3's names
            return {"Attributes": {name: counts[name] for name in AttributeNames if name in counts}}

    return UsageQueue(cast("SQSClient", Counted()), "https://sqs.test/usage").is_empty()
