"""Webhook bodies and queue messages of any kind, at the functions that take them (DESIGN §8).

What is no event and no record is kept with its reason; nothing stops a function, and nothing is lost.
"""

import json
import os
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from stripe import WebhookSignature

from functions.stripe_events.app import handler as follow
from functions.stripe_webhook.app import handler as webhook
from functions.usage_tracker.app import handler as track
from tests.examples import NOW
from tests.fakes.runtime import SECRET, FakeContext
from tests.fakes.sqs import FOREIGN, messages_of
from tests.fakes.stripe_events import through_event_bridge
from tests.fuzz.house import House
from tollkeeper.ledger import keys
from tollkeeper.ledger.record_rows import QUANTITY
from tollkeeper.ledger.rows import USED
from tollkeeper.ledger.table import Row
from tollkeeper.rules.times import iso
from tollkeeper.stripe.event_types import EventType
from tollkeeper.usage.messages import UnreadableMessageError, unpack

CASES = int(os.environ.get("CASES", "300"))
tries = settings(
    max_examples=max(50, CASES // 5), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=12)
any_json: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)
any_body = st.one_of(
    any_text,
    any_json.map(json.dumps),
    st.sampled_from(
        ["", "{", "[" * 5_000, '{"a":' * 5_000, "9" * 5_000, "NaN", "\ufeff{}", '"\\ud800"', "{}\uffff"]
    ),
)


@st.composite
def damaged(draw: DrawFn, thing: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Return something with a few places in it that are gone, or hold what nobody expects."""
    copied = json.loads(json.dumps(thing))
    for _ in range(draw(st.integers(0, 3))):
        places = [*_places(copied)]
        if places:
            holder, key = draw(st.sampled_from(places))
            if draw(st.booleans()):
                holder[key] = draw(any_json)
            elif isinstance(holder, dict):
                del holder[key]
    return copied


def _places(thing: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - any JSON
    inner = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    return [place for key, value in list(inner) for place in [(thing, key), *_places(value)]]


RECORD = {"id": "record-1", "userId": "ada", "eventType": "exports", "quantity": 2, "timestamp": iso(NOW)}
BATCH = {"records": [RECORD, {**RECORD, "id": "record-2", "eventData": {"a": [1]}}], "acceptedAt": iso(NOW)}
"""What is right, from which what is not is made."""

queued_body = any_body.filter(lambda body: body and not FOREIGN.search(body))
"""What SQS may hand over."""

usage_bodies = queued_body | damaged(BATCH).map(json.dumps)


@st.composite
def event_bodies(draw: DrawFn, said: Sequence[Mapping[str, Any]]) -> str:
    """Return a body: what Stripe said, perhaps as another event, and damaged; or anything."""
    if draw(st.integers(0, 4)) == 0:
        return draw(any_body)
    event: Mapping[str, Any] = draw(st.sampled_from(said))
    if draw(st.booleans()):
        event = {**event, "type": draw(st.sampled_from(EventType))}
    if draw(st.integers(0, 4)) == 0:
        event = through_event_bridge({**event})
    return json.dumps(draw(damaged(event)))


def posted(body: str, signature: str, *, in_base64: bool) -> int:
    """Return how the webhook answers a body."""
    text = b64encode(body.encode("utf-8", "surrogatepass")).decode() if in_base64 else body
    event = {"headers": {"stripe-signature": signature}, "body": text, "isBase64Encoded": in_base64}
    return int(webhook(event, FakeContext())["statusCode"])


@tries
@given(body=any_body, signature=any_text | st.just("t=1,v1=0"), in_base64=st.booleans())
def test_what_stripe_did_not_sign_leaves_no_trace(
    *, house: House, body: str, signature: str, in_base64: bool
) -> None:
    """400 for any body under any other signature, and nothing is kept."""
    before = house.state()
    assert 400 == posted(body, signature, in_base64=in_base64)
    assert before == house.state()


@tries
@given(data=st.data(), in_base64=st.booleans())
def test_what_stripe_signed_is_kept_as_it_was_said(
    *, house: House, data: st.DataObject, in_base64: bool, answers: Counter[str]
) -> None:
    """200, and on the queue, whatever it is; nothing at all is no event."""
    body = data.draw(event_bodies(house.said) | st.just('{"note": "\uffff"}'))
    try:
        signed = WebhookSignature.generate_signature_header(body, SECRET, int(datetime.now(UTC).timestamp()))
    except UnicodeEncodeError:
        return  # no bytes have such characters
    before = len(house.sqs.bodies)
    status = posted(body, signed, in_base64=in_base64)
    answers[f"webhooks answered {status}"] += 1
    kept = house.sqs.bodies[before:]
    assert (200, 1) == (status, len(kept)) if body else (400, 0) == (status, len(kept))
    if _is_json(body):
        assert json.dumps(json.loads(body)) == json.dumps(json.loads(kept[0]))


def _is_json(body: str) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


@tries
@given(data=st.data(), receives=st.sampled_from([1, 30]))
def test_no_event_stops_the_others(
    house: House, data: st.DataObject, receives: int, answers: Counter[str]
) -> None:
    """Each is followed, comes again, or is put aside; and Ada is what Stripe says, not what an event says."""
    house.restore()
    of_any_kind = event_bodies(house.said).filter(lambda body: body and not FOREIGN.search(body))
    bodies = data.draw(st.lists(of_any_kind, min_size=1, max_size=3))
    before, sent = _subscription(house), len(house.sqs.bodies)
    answer = follow(messages_of(*bodies, receives=receives), FakeContext())
    failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
    kept = house.sqs.bodies[sent:]
    answers["events that come again"] += len(failed)
    answers["events put aside"] += len(kept)
    answers["events followed"] += len(bodies) - len(failed) - len(kept)
    assert set(kept) <= set(bodies)
    assert len(kept) + len(failed) <= len(bodies)
    assert before == _subscription(house)


def _subscription(house: House) -> list[Row]:
    """Return what is known of Ada's subscription, but how often it was written."""
    own = house.table.query(keys.user("ada"), *keys.all_periods())
    return [{name: value for name, value in row.items() if name != "rev"} for row in own]


@tries
@given(bodies=st.lists(usage_bodies, min_size=1, max_size=3))
def test_no_record_is_lost_or_counted_twice(house: House, bodies: list[str], answers: Counter[str]) -> None:
    """Each is a row, a dead letter or comes again, and a period holds the sum of its records."""
    house.restore()
    sent = len(house.sqs.bodies)
    answer = track(messages_of(*bodies, *bodies), FakeContext())
    failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
    letters = house.sqs.bodies[sent:]
    records = [row for key, row in house.table.rows.items() if key.sk == "RECORD"]
    answers["records counted"] += len(records)
    answers["dead letters"] += len(letters)
    answers["messages that come again"] += len(failed)
    for number, body in enumerate(bodies):
        if f"message-{number}" not in failed:
            assert _lost(house, body, letters) == []
    counted = sum(int(row[QUANTITY]) for row in records)
    shown = [row for key, row in house.table.rows.items() if key.sk.startswith("PERIOD#")]
    used = sum(int(value) for row in shown for name, value in row.items() if name.startswith(USED))
    assert counted == used


def _lost(house: House, body: str, letters: Sequence[str]) -> list[object]:
    """Return the records of a message that are neither rows nor dead letters."""
    records = _records(body)
    if records is None:
        return [] if body in letters else [body]
    kept = [each for letter in letters for each in _records(letter) or ()]
    return [each for each in records if each not in kept and not _is_counted(house, each)]


def _records(body: str) -> Sequence[object] | None:
    """Return the records of a message or of a dead letter; None of what is neither."""
    try:
        return unpack(body).records
    except UnreadableMessageError:
        return None


def _is_counted(house: House, record: object) -> bool:
    if not isinstance(record, dict):
        return False
    return keys.record(str(record.get("userId")), str(record.get("id"))) in house.table.rows
