"""How consumed records come to stand on pages: a yes is answered before, and this follows from the stream."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.stream import RowChange
from tollkeeper.ledger.table import Put, Table, TransactionCancelledError, UnavailableError
from tollkeeper.telemetry import logger


def list_consumed(records: Sequence[Mapping[str, Any]], table: Table) -> list[str]:
    """Write a page for each consumed record of the stream; return the numbers of those that must come again.

    A record alone decides its page's key, so that listing it again changes nothing.
    """
    failed = []
    for each in records:
        try:
            _list(RowChange.read(each), table)
        except (KeyError, ValueError, TransactionCancelledError, UnavailableError):
            logger.exception("A consumed record could not be listed; it comes again")
            failed.append(str(each["dynamodb"]["SequenceNumber"]))
    return failed


def _list(change: RowChange, table: Table) -> None:
    if change.before is not None or change.after is None or "consumed" not in change.after:
        return
    record = rows.record(change.after)
    page = keys.page(
        record.user_id,
        str(change.after["period"]),
        record.billing_month,
        record.accepted_at,
        sha256(record.id.encode()).hexdigest()[:32],
    )
    try:
        table.transact([Put(page, rows.page([record]))])
    except TransactionCancelledError as cancelled:
        if not cancelled.only_by_condition:
            raise
