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

from tests.examples import ACCOUNT, CATALOGUE, NOW, OFFER, PERIOD
from tollkeeper.api.bodies.quota import ConsumeIn, ConsumptionOut, QuotaOut, ReleaseIn
from tollkeeper.api.quota_requests import WrongUseError, answer, read_consume, read_release, read_user_id
from tollkeeper.ledger.consuming import Consumption, Release
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


def consume(body: str) -> UsageRecord:
    """Read a body by hand."""
    return read_consume(body, "exports", NOW)


def is_read(read: Read, body: str) -> bool:
    """Whether a body is taken by hand."""
    try:
        read(body)
    except WrongUseError:
        return False
    return True


def is_valid(model: type[BaseModel], body: str) -> bool:
    """Whether the model takes a body, as it takes those of the other endpoints."""
    try:
        model.model_validate(json.loads(body))
    except (ValueError, RecursionError):
        return False
    return True


@pytest.mark.parametrize(("read", "model"), [(consume, ConsumeIn), (read_release, ReleaseIn)])
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
    assert Release(by_model.user_id, by_model.id, by_model.quantity) == read_release(body)


@given(value=user_ids | any_json)
def test_a_user_id_is_what_the_model_takes(value: object) -> None:
    """The query's userId is judged as that of a body."""
    try:
        found = read_user_id(value) == value
    except WrongUseError:
        found = False
    assert is_valid(ReleaseIn, json.dumps({"userId": value, "id": "wish-1"})) == found


standings = st.builds(
    Consumption,
    user=st.integers(0, 10_000).map(lambda cap: replace(ACCOUNT, spending_cap=cap)) | st.just(ACCOUNT),
    period=st.builds(
        lambda used, incurred, end: replace(PERIOD, used=used, incurred=incurred, end=end),
        used=st.dictionaries(st.sampled_from([*CATALOGUE.metrics]), st.integers(0, 10**9)),
        incurred=st.dictionaries(st.sampled_from([*CATALOGUE.metrics]), st.integers(0, 10**9)),
        end=st.none() | st.datetimes(datetime(2025, 12, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given beside
    ),
    terms=st.sampled_from([*CATALOGUE.plans]).map(lambda plan: OFFER.terms(plan, NOW)),
)


@given(seen=standings, metric=st.sampled_from([*CATALOGUE.metrics]))
def test_what_is_answered_is_what_the_model_says(seen: Consumption, metric: str) -> None:
    """Every answer is one of the model's, field by field, with or without the id of a consumption."""
    found = answer(seen, metric)
    assert found == json.loads(QuotaOut.model_validate(found).model_dump_json(by_alias=True))
    found |= {"id": "wish-1"}
    assert found == json.loads(ConsumptionOut.model_validate(found).model_dump_json(by_alias=True))


def test_the_models_take_the_contracts_names_only() -> None:
    """What a field is called inside is no name of it outside."""
    with pytest.raises(ValidationError):
        ConsumeIn.model_validate({"user_id": "ada", "id": "wish-1"})
