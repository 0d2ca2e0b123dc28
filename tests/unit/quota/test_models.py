"""What the quota endpoints read and answer by hand is what the models in the API's document say."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pydantic import BaseModel, ValidationError

from tests.examples import CATALOGUE, NOW
from tollkeeper.api.bodies.quota import ConsumeIn, ConsumeRefused, ConsumptionOut, QuotaOut, ReleaseIn
from tollkeeper.api.quota_replies import reply_to
from tollkeeper.api.quota_requests import read
from tollkeeper.ledger.consuming import Release
from tollkeeper.quota.quota import Check, Consume, Question, QuotaAnswer
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.limits import Barrier, OnLimit
from tollkeeper.rules.usage import UsageRecord

type Read = Callable[[str], UsageRecord | Release]

# Any character, halves of characters among them: JSON's escapes can name those.
any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=5)
any_number = (
    st.integers() | st.floats() | st.sampled_from([0, 1, -1, 10**9, 10**9 + 1, 10**30, 1.0, 1e300, -0.0])
)
any_json: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | any_number | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)
ids = st.text(min_size=1, max_size=3) | st.integers(126, 130).map(lambda n: "x" * n) | any_text
user_ids = st.text(min_size=1, max_size=3) | st.integers(254, 258).map(lambda n: "é" * n) | any_text


def nested(depth: int) -> object:
    """Return lists, so many inside one another."""
    return json.loads("[" * depth + "]" * depth)


event_data = (
    st.none()
    | st.dictionaries(any_text, any_json, max_size=3)
    | st.integers(4_080, 4_090).map(lambda size: {"note": "x" * size})
    | st.integers(29, 34).map(lambda depth: {"nested": nested(depth)})
    | st.sampled_from([200, 255, 400]).map(lambda depth: {"nested": nested(depth)})
)
fields: Mapping[str, SearchStrategy[Any]] = {
    "userId": user_ids,
    "id": ids,
    "quantity": st.integers(1, 5) | any_number | st.none() | st.booleans(),
    "facilityId": ids | st.none(),
    "eventData": event_data,
}
strangers = (
    st.sampled_from(["user_id", "facility_id", "event_data", "Id", "userid", "eventType", ""]) | any_text
)


@st.composite
def bodies(draw: DrawFn) -> str:
    """Good bodies, and others that miss being good by a little: as JSON text, names twice or NaN and all."""
    names = ["userId", "id", *draw(st.lists(st.sampled_from([*fields]), max_size=3))]
    if draw(st.integers(0, 4)) == 0:
        names.remove(draw(st.sampled_from(names)))
    pairs = [(name, draw(fields[name])) for name in names]
    if draw(st.integers(0, 4)) == 0:
        pairs.append((draw(strangers), draw(any_json | ids)))
    if pairs and draw(st.integers(0, 4)) == 0:
        index = draw(st.integers(0, len(pairs) - 1))
        pairs[index] = (pairs[index][0], draw(any_json))
    text = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in pairs)
    return f"{{{text}}}"


def read_route(verb: str, **sent: object) -> Question:
    """Read a request to one of the endpoints by hand."""
    event = {"routeKey": f"POST /quota/{{eventType}}/{verb}", "pathParameters": {"eventType": "exports"}}
    return read({**event, **sent}, CATALOGUE.metrics, NOW)


def consume(body: str) -> UsageRecord:
    """Read a body by hand."""
    question = read_route("consume", body=body)
    assert isinstance(question, Consume)
    return question.record


def release(body: str) -> Release:
    """Read a body by hand."""
    question = read_route("release", body=body)
    assert isinstance(question, Release)
    return question


def is_read(read: Read, body: str) -> bool:
    """Whether a body is taken by hand."""
    try:
        read(body)
    except InvalidFieldError:
        return False
    return True


def is_valid(model: type[BaseModel], body: str) -> bool:
    """Whether the model takes a body, as it takes those of the other endpoints."""
    try:
        model.model_validate(json.loads(body))
    except (ValueError, RecursionError):
        return False
    return True


@pytest.mark.parametrize(("read", "model"), [(consume, ConsumeIn), (release, ReleaseIn)])
@given(body=bodies() | any_json.map(json.dumps) | any_text)
def test_what_is_taken_is_what_the_model_takes(read: Read, model: type[BaseModel], body: str) -> None:
    """A body is taken by hand exactly if the model takes it."""
    assert is_valid(model, body) == is_read(read, body)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param('{"a":NaN}', False, id="not a number"),
        pytest.param('{"a":1e999}', False, id="infinity"),
        pytest.param('{"a":"\\ud800"}', False, id="half a character"),
        pytest.param('{"\\ud800":1}', False, id="half a character in a name"),
        pytest.param('{"a":"\\ud83d\\ude00"}', True, id="both halves"),
        pytest.param(f'{{"a":{"9" * 4_000}}}', True, id="a number of 4,000 digits"),
        pytest.param(f'{{"a":{"9" * 5_000}}}', False, id="a number of 5,000 digits"),
        pytest.param(f'{{"a":{"[" * 31}{"]" * 31}}}', True, id="32 levels"),
        pytest.param(f'{{"a":{"[" * 32}{"]" * 32}}}', False, id="33 levels"),
        pytest.param(f'{{"a":{"[" * 1_900}{"]" * 1_900}}}', False, id="1,901 levels"),
        pytest.param(f'{{"a":{"[" * 100_000}', False, id="nested without end"),
        pytest.param(f'{{"a":"{"é" * 2_044}"}}', True, id="4,096 bytes"),
        pytest.param(f'{{"a":"{"é" * 2_044}x"}}', False, id="4,097 bytes"),
        pytest.param("null", True, id="null"),
        pytest.param("{}", True, id="nothing"),
        pytest.param("[]", False, id="a list"),
    ],
)
def test_what_the_data_may_be_is_what_the_model_says(data: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Numbers, characters, depth and size at the bounds of what either reader of JSON takes."""
    body = f'{{"userId":"ada","id":"wish-1","eventData":{data}}}'
    assert (expected, expected) == (is_read(consume, body), is_valid(ConsumeIn, body))


@given(body=bodies())
def test_what_is_read_is_what_the_model_reads(body: str) -> None:
    """Every field of what is taken has the same value by hand as by the model."""
    try:
        by_model = ConsumeIn.model_validate(json.loads(body))
    except ValueError:
        return
    by_hand = consume(body)
    assert (
        by_model.user_id,
        by_model.id,
        by_model.quantity,
        by_model.facility_id,
        by_model.event_data,
    ) == (
        by_hand.user_id,
        by_hand.id,
        by_hand.quantity,
        by_hand.facility_id,
        None if by_hand.event_data is None else json.loads(by_hand.event_data),
    )


@given(body=bodies())
def test_what_is_released_is_what_the_model_reads(body: str) -> None:
    """Every field of what is taken has the same value by hand as by the model."""
    try:
        by_model = ReleaseIn.model_validate(json.loads(body))
    except ValueError:
        return
    expected = Release(by_model.user_id, by_model.id, "exports", NOW, by_model.quantity)
    assert expected == release(body)


@given(value=user_ids | any_json)
def test_a_user_id_is_what_the_model_takes(value: object) -> None:
    """The query's userId is judged as that of a body."""
    try:
        found = Check(value, "exports", NOW) == read_route("", queryStringParameters={"userId": value})  # type: ignore[arg-type]
    except InvalidFieldError:
        found = False
    assert is_valid(ReleaseIn, json.dumps({"userId": value, "id": "wish-1"})) == found


quantities = st.integers(0, 10**9)
answers = st.builds(
    QuotaAnswer,
    allowed=st.booleans(),
    limit=st.just(-1) | quantities,
    current=quantities,
    remaining=st.just(-1) | quantities,
    plan=st.sampled_from([*CATALOGUE.plans]),
    on_limit=st.sampled_from(OnLimit),
    resets_at=st.none() | st.datetimes(datetime(2025, 12, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given beside
    id=st.none() | st.just("wish-1"),
)


@given(answer=answers)
def test_what_is_answered_is_what_the_model_says(answer: QuotaAnswer) -> None:
    """Every answer is one of the model's, field by field, with or without the id of a consumption."""
    found = json.loads(reply_to(answer, "/pricing")["body"])
    model = QuotaOut if answer.id is None else ConsumptionOut
    assert found == json.loads(model.model_validate(found).model_dump_json(by_alias=True))


@given(answer=answers, barrier=st.sampled_from(Barrier), cap=quantities)
def test_what_is_refused_is_what_the_model_says(answer: QuotaAnswer, barrier: Barrier, cap: int) -> None:
    """Field by field; the spending cap is told where it is what stood in the way."""
    refused = replace(answer, allowed=False, barrier=barrier, spending_cap=cap)
    sent = reply_to(refused, "/pricing")
    found = json.loads(sent["body"])
    assert (402, barrier is Barrier.SPENDING_CAP) == (sent["statusCode"], "spendingCap" in found)
    said = ConsumeRefused.model_validate(found)
    assert found == json.loads(said.model_dump_json(by_alias=True, exclude_unset=True))


def test_the_models_take_the_contracts_names_only() -> None:
    """What a field is called inside is no name of it outside."""
    with pytest.raises(ValidationError):
        ConsumeIn.model_validate({"user_id": "ada", "id": "wish-1"})
