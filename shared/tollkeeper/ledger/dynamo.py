"""DynamoDB, spoken in the vocabulary of `table`."""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import batched, islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from tollkeeper.ledger.table import (
    MOST_READS,
    Cells,
    Change,
    Condition,
    Delete,
    Key,
    Put,
    Refused,
    Row,
    TransactionCancelledError,
    UnavailableError,
    Value,
    Write,
)
from tollkeeper.rules.times import iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_ATTEMPTS = 6
FIRST_WAIT = 0.02
"""Seconds: rows that DynamoDB did not come to are asked for again, for about a second in all."""

PASSING = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
"""Codes with which DynamoDB refuses today what it may do in a moment."""


class DynamoTable:
    """The table in DynamoDB, by the name its stack gave it."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Return the rows of a partition between two sort keys; one request for each megabyte of them."""
        items = self._query(
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=_marshal({":pk": pk, ":first": first, ":last": last}),
            ConsistentRead=True,
            ScanIndexForward=False,
            **({} if most is None else {"Limit": most}),
        )
        return [unmarshal(item) for item in islice(items, most)]

    def due(self, shard: str, until: str) -> list[Key]:
        """Return the keys in a shard of the index whose time has come."""
        items = self._query(
            IndexName="due",
            KeyConditionExpression="due = :due AND dueAt <= :until",
            ExpressionAttributeValues=_marshal({":due": shard, ":until": until}),
        )
        return [Key(item["pk"]["S"], item["sk"]["S"]) for item in items]

    def _query(self, **parameters: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - they are boto3's own
        while True:
            with _translated():
                answer = self._client.query(TableName=self._name, **parameters)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Return those of the rows that exist; one request for each hundred keys."""
        for some in batched(keys, MOST_READS, strict=False):
            asked: Any = {"Keys": [_marshal(key._asdict()) for key in some], "ConsistentRead": True}
            attempt = 0
            while asked:
                if attempt:
                    time.sleep(random.uniform(0, FIRST_WAIT * 2**attempt))  # noqa: S311 - spreads load
                with _translated():
                    answer = self._client.batch_get_item(RequestItems={self._name: asked})
                found = answer["Responses"].get(self._name, [])
                yield from map(unmarshal, found)
                asked = answer.get("UnprocessedKeys", {}).get(self._name)
                attempt += 1
                if asked and attempt == MOST_ATTEMPTS:
                    raise UnavailableError

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all writes, or none, in one request."""
        items: Any = [self._written(write) for write in writes]
        with _translated():
            self._client.transact_write_items(TransactItems=items)

    def _written(self, write: Write) -> dict[str, Any]:
        shown = {"TableName": self._name, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if isinstance(write, Put):
            item = _marshal({**write.key._asdict(), **write.cells})
            return {"Put": {"Item": item, "ConditionExpression": "attribute_not_exists(pk)", **shown}}
        if isinstance(write, Delete):
            return {"Delete": {"Key": _marshal(write.key._asdict()), **_ends(write), **shown}}
        return {"Update": {"Key": _marshal(write.key._asdict()), **_expressions(write), **shown}}


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what DynamoDB refuses into what the ledger can decide on."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "TransactionCanceledException":
            raise TransactionCancelledError(_refused(error)) from error
        if code in PASSING:
            raise UnavailableError from error
        raise
    except (HTTPClientError, BotoConnectionError) as error:
        raise UnavailableError from error


class _Placeholders:
    """Stands placeholders in for names and values, since a name may be a word that DynamoDB reserves."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Value | datetime] = {}

    def name(self, name: str) -> str:
        return self._names.setdefault(name, f"#{len(self._names)}")

    def value(self, value: Value | datetime) -> str:
        placeholder = f":{len(self._values)}"
        self._values[placeholder] = value
        return placeholder

    def used(self) -> dict[str, Any]:
        used: dict[str, Any] = {
            "ExpressionAttributeNames": {short: name for name, short in self._names.items()}
        }
        if self._values:
            used["ExpressionAttributeValues"] = _marshal(self._values)
        return used


def _expressions(change: Change) -> dict[str, Any]:
    put = _Placeholders()
    begin = {name: value for name, value in change.begin.items() if value is not None}
    set_ = {name: value for name, value in change.set.items() if value is not None}
    clauses = {
        "SET": [
            *(f"{put.name(n)} = if_not_exists({put.name(n)}, {put.value(v)})" for n, v in begin.items()),
            *(f"{put.name(n)} = {put.value(v)}" for n, v in set_.items()),
        ],
        "ADD": [f"{put.name(n)} {put.value(v)}" for n, v in change.add.items()],
        "REMOVE": [put.name(n) for n in change.remove],
    }
    conditions = [_condition(each, put) for each in change.only_if]
    update = " ".join(f"{word} {', '.join(parts)}" for word, parts in clauses.items() if parts)
    condition = {"ConditionExpression": " AND ".join(conditions)} if conditions else {}
    return {"UpdateExpression": update, **condition, **put.used()}


def _ends(delete: Delete) -> dict[str, Any]:
    if not delete.only_if:
        return {}
    put = _Placeholders()
    conditions = [_condition(each, put) for each in delete.only_if]
    return {"ConditionExpression": " AND ".join(conditions), **put.used()}


def _condition(of: Condition, put: _Placeholders) -> str:
    name = put.name(of.name)
    if of.value is None:
        return f"attribute_not_exists({name})"
    compared = f"{name} {of.comparison} {put.value(of.value)}"
    return f"(attribute_not_exists({name}) OR {compared})" if of.or_absent else compared


def _marshal(cells: Cells) -> dict[str, dict[str, Any]]:
    return {name: _marshalled(value) for name, value in cells.items() if value is not None}


def _marshalled(value: Value | datetime) -> dict[str, str | bool]:
    if isinstance(value, str):
        return {"S": str(value)}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    return {"S": iso(value)}


def unmarshal(item: Mapping[str, Mapping[str, Any]]) -> Row:
    """Read a row as DynamoDB writes it, in an answer or in its stream."""
    return {n: int(typed["N"]) if "N" in typed else next(iter(typed.values())) for n, typed in item.items()}


def _refused(error: ClientError) -> list[Refused]:
    reasons: Any = error.response.get("CancellationReasons", [])
    return [
        Refused(
            by_condition=reason.get("Code") == "ConditionalCheckFailed",
            in_order=reason.get("Code", "None") == "None",
            row=unmarshal(reason["Item"]) if reason.get("Item") else None,
        )
        for reason in reasons
    ]
