"""The stream of a table in memory, as DynamoDB writes it and as Lambda reads it."""

import json
from collections.abc import Container, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from tests.fakes.table import MemoryTable
from tests.ledger.tables import template
from tollkeeper.ledger.table import Key, Row, Write
from tollkeeper.rules.times import epoch

type Record = dict[str, Any]


class StreamingTable(MemoryTable):
    """A table in memory that keeps its stream: a record for each row that a transaction changed."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.stream: list[Record] = []
        self._now = now

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all writes, or none, and tell what they changed."""
        before = {write.key: dict(self.rows.get(write.key, {})) for write in writes}
        super().transact(writes)
        for key, old in before.items():
            if old != self.rows[key]:  # DynamoDB, too, tells nothing of a write that leaves a row as it was
                self.stream.append(self._record(key, old, self.rows[key]))

    def _record(self, key: Key, old: Row, new: Row) -> Record:
        return record(key, old, new, number=len(self.stream), at=self._now)


def record(key: Key, old: Row | None, new: Row | None, *, number: int, at: datetime) -> Record:
    """Return a record of the stream as Lambda hands it over."""
    images = {
        name: {cell: _marshalled(value) for cell, value in row.items()}
        for name, row in (("OldImage", old), ("NewImage", new))
        if row
    }
    return {
        "eventName": ("MODIFY" if new else "REMOVE") if old else "INSERT",
        "dynamodb": {
            "ApproximateCreationDateTime": epoch(at),
            "Keys": {"pk": {"S": key.pk}, "sk": {"S": key.sk}},
            "SequenceNumber": str(number),
            **images,
        },
    }


@cache
def let_through() -> dict[str, set[str]]:
    """Return what the filter in template.yaml lets through: how a sort key begins, and the events' names."""
    source = template()["Resources"]["Announcer"]["Properties"]["Events"]["Stream"]["Properties"]
    patterns = [json.loads(each["Pattern"]) for each in source["FilterCriteria"]["Filters"]]
    return {
        prefix["prefix"]: set(each["eventName"])
        for each in patterns
        for prefix in each["dynamodb"]["Keys"]["sk"]["S"]
    }


def is_delivered(of: Record) -> bool:
    """Whether the filter in template.yaml lets a record through."""
    sk: str = of["dynamodb"]["Keys"]["sk"]["S"]
    return any(sk.startswith(prefix) and of["eventName"] in names for prefix, names in let_through().items())


def left_to_deliver(batch: Sequence[Record], failed: Container[str]) -> Sequence[Record]:
    """Return what Lambda delivers again: all from the first record on whose sequence number failed."""
    numbers = [each["dynamodb"]["SequenceNumber"] in failed for each in batch]
    return batch[numbers.index(True) :] if any(numbers) else []


def _marshalled(value: str | int | bool) -> dict[str, object]:  # noqa: FBT001 - it is a value
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
    return {"S": value}
