"""What DynamoDB is asked for, and what becomes of its answers; what rows come to is the table's contract."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber

from tests.ledger.tables import CREDENTIALS
from tollkeeper.ledger import keys
from tollkeeper.ledger.dynamo import MOST_ATTEMPTS, PASSING, DynamoTable
from tollkeeper.ledger.table import (
    Change,
    Delete,
    Key,
    Put,
    Refused,
    Table,
    TransactionCancelledError,
    UnavailableError,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

A_TO_Z: dict[str, Any] = {
    "TableName": "ledger",
    "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
    "ExpressionAttributeValues": {":pk": {"S": "p"}, ":first": {"S": "a"}, ":last": {"S": "z"}},
    "ConsistentRead": True,
    "ScanIndexForward": False,
}


@contextmanager
def stubbed(*calls: tuple[str, dict[str, Any], dict[str, Any]]) -> Iterator[DynamoTable]:
    """A table at whose client these calls are made, with these parameters, and answered so."""
    client: DynamoDBClient = boto3.client("dynamodb", **CREDENTIALS)
    with Stubber(client) as stubber:
        for name, expected, answer in calls:
            stubber.add_response(name, answer, expected)
        yield DynamoTable(client, "ledger")
        stubber.assert_no_pending_responses()


def item(sk: str) -> dict[str, Any]:
    """A row as DynamoDB has it."""
    return {"pk": {"S": "p"}, "sk": {"S": sk}}


def test_a_range_is_read_page_by_page() -> None:
    """Each request begins where the one before it ended, the highest first, and strongly consistent."""
    first = {"Items": [item("z")], "LastEvaluatedKey": item("z")}
    last = {"Items": [item("a")]}
    again = {**A_TO_Z, "ExclusiveStartKey": item("z")}
    with stubbed(("query", A_TO_Z, first), ("query", again, last)) as table:
        assert ["z", "a"] == [row["sk"] for row in table.query("p", "a", "z")]


def test_no_more_is_read_of_a_range_than_is_asked_for() -> None:
    """DynamoDB bills what it reads: it is told how much that is, and not asked for the rest."""
    found = {"Items": [item("z"), item("y")], "LastEvaluatedKey": item("y")}
    with stubbed(("query", {**A_TO_Z, "Limit": 2}, found)) as table:
        assert ["z", "y"] == [row["sk"] for row in table.query("p", "a", "z", 2)]


def test_what_is_due_is_read_page_by_page() -> None:
    """From the index, which is never strongly consistent."""
    asked: dict[str, Any] = {
        "TableName": "ledger",
        "IndexName": "due",
        "KeyConditionExpression": "due = :due AND dueAt <= :until",
        "ExpressionAttributeValues": {":due": {"S": "CLOSE#0"}, ":until": {"S": "2025"}},
    }
    first = {"Items": [item("b")], "LastEvaluatedKey": item("b")}
    again = {**asked, "ExclusiveStartKey": item("b")}
    with stubbed(("query", asked, first), ("query", again, {"Items": [item("c")]})) as table:
        assert [Key("p", "b"), Key("p", "c")] == table.due("CLOSE#0", "2025")


def test_rows_are_read_a_hundred_at_a_time() -> None:
    """Strongly consistent."""
    wanted = [Key("p", f"{number:03}") for number in range(101)]

    def asked(some: Sequence[Key]) -> dict[str, Any]:
        return {"RequestItems": {"ledger": {"Keys": [item(key.sk) for key in some], "ConsistentRead": True}}}

    answers: list[dict[str, Any]] = [{"Responses": {"ledger": [item("000")]}}, {"Responses": {}}]
    calls = [("batch_get_item", asked(wanted[:100]), answers[0])]
    calls += [("batch_get_item", asked(wanted[100:]), answers[1])]
    with stubbed(*calls) as table:
        assert ["000"] == [row["sk"] for row in table.get_all(wanted)]


class UnprocessedClient:
    """DynamoDB that comes to one key of a request at a time, or to none."""

    def __init__(self, *, works: bool = True) -> None:
        self.requests = 0
        self._works = works

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Return the first row that is asked for, and leave the rest."""
        self.requests += 1
        ((name, asked),) = RequestItems.items()
        first, *rest = asked["Keys"] if self._works else [None, *asked["Keys"]]
        left = {"UnprocessedKeys": {name: {**asked, "Keys": rest}}} if rest else {}
        return {"Responses": {name: [first] if first else []}, **left}


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Among how many seconds each wait is drawn."""
    waits: list[float] = []
    monkeypatch.setattr(random, "uniform", lambda least, most: most - least)
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


def dynamo(client: object) -> Table:
    """Return the table over such a client."""
    return DynamoTable(cast("DynamoDBClient", client), "ledger")


def test_rows_that_dynamodb_did_not_come_to_are_asked_for_again(slept: list[float]) -> None:
    """What stands in UnprocessedKeys is no row that is missing; each wait for it is longer."""
    client = UnprocessedClient()
    wanted = [keys.profile(f"user-{number}") for number in range(4)]
    found = [Key(str(row["pk"]), str(row["sk"])) for row in dynamo(client).get_all(wanted)]
    assert (wanted, 4, [0.04, 0.08, 0.16]) == (found, client.requests, slept)


def test_rows_that_dynamodb_never_comes_to_are_unavailable(slept: list[float]) -> None:
    """After about a second: nobody waits for them without a bound, and nobody takes them for missing."""
    client = UnprocessedClient(works=False)
    with pytest.raises(UnavailableError):
        list(dynamo(client).get_all([keys.profile("ada")]))
    assert (MOST_ATTEMPTS, [0.04, 0.08, 0.16, 0.32, 0.64]) == (client.requests, slept)


class Failing:
    """DynamoDB that answers everything with one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**_: object) -> None:
            raise self._error

        return call


CALLS: dict[str, Callable[[Table], object]] = {
    "query": lambda table: table.query("p", "a", "z"),
    "due": lambda table: table.due("CLOSE#0", "2025"),
    "get_all": lambda table: [*table.get_all([Key("p", "a")])],
    "transact": lambda table: table.transact([Delete(Key("p", "a"))]),
}


def refusal(code: str, reasons: Sequence[dict[str, Any]] = ()) -> ClientError:
    """What boto3 raises where DynamoDB answers with a code."""
    answer: Any = {"Error": {"Code": code, "Message": ""}, "CancellationReasons": reasons}
    return ClientError(answer, "any")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "error",
    [
        refusal("InternalServerError"),
        refusal("ProvisionedThroughputExceededException"),
        refusal("RequestLimitExceeded"),
        refusal("ServiceUnavailable"),
        refusal("ThrottlingException"),
        refusal("TransactionInProgressException"),
        EndpointConnectionError(endpoint_url="https://dynamodb.test"),
        ReadTimeoutError(endpoint_url="https://dynamodb.test"),
    ],
    ids=lambda each: each.response["Error"]["Code"] if isinstance(each, ClientError) else type(each).__name__,
)
def test_what_passes_is_unavailable(call: Callable[[Table], object], error: Exception) -> None:
    """Throttles, DynamoDB's own trouble, and no answer, under the codes that it documents."""
    with pytest.raises(UnavailableError):
        call(dynamo(Failing(error)))


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException"])
def test_what_stays_is_an_error(code: str) -> None:
    """It is nobody's to wait for."""
    assert code not in PASSING
    with pytest.raises(ClientError, match=code):
        dynamo(Failing(refusal(code))).transact([Put(Key("p", "a"), {})])


def test_each_write_of_a_cancelled_transaction_says_what_became_of_it() -> None:
    """In order, refused by its condition with the row in its way or none, or by a race or a throttle."""
    reasons: list[dict[str, Any]] = [
        {"Code": "None"},
        {"Code": "ConditionalCheckFailed", "Item": {**item("a"), "n": {"N": "5"}, "yes": {"BOOL": True}}},
        {"Code": "ConditionalCheckFailed"},
        {"Code": "TransactionConflict"},
        {"Code": "ThrottlingError"},
    ]
    error = refusal("TransactionCanceledException", reasons)
    with pytest.raises(TransactionCancelledError) as caught:
        dynamo(Failing(error)).transact([Put(Key("p", "a"), {})] * len(reasons))
    assert [
        Refused(in_order=True),
        Refused(by_condition=True, row={"pk": "p", "sk": "a", "n": 5, "yes": True}),
        Refused(by_condition=True),
        Refused(),
        Refused(),
    ] == caught.value.refused


def test_a_transaction_asks_for_the_rows_in_its_way() -> None:
    """Each write does, in the one request; a change without conditions has none."""
    shown = {"TableName": "ledger", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    put = {"Item": {**item("a"), "n": {"N": "1"}}, "ConditionExpression": "attribute_not_exists(pk)", **shown}
    update = {
        "Key": item("b"),
        "UpdateExpression": "ADD #0 :0",
        "ExpressionAttributeNames": {"#0": "n"},
        "ExpressionAttributeValues": {":0": {"N": "1"}},
        **shown,
    }
    delete = {"Key": item("c"), **shown}
    items = {"TransactItems": [{"Put": put}, {"Update": update}, {"Delete": delete}]}
    with stubbed(("transact_write_items", items, {})) as table:
        table.transact(
            [
                Put(Key("p", "a"), {"n": 1, "none": None}),
                Change(Key("p", "b"), add={"n": 1}),
                Delete(Key("p", "c")),
            ]
        )
