"""Figures from the queues and the table's sparse index: a few cheap reads, however many users there are."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from infra.operate.status.figures import Figure, at_most
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.table import Table
from tollkeeper.rules.bill_steps import is_overdue
from tollkeeper.rules.coverage import CoverageShown
from tollkeeper.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_sqs import SQSClient

    from tollkeeper.rules.bills import Bill

MOST_BILLS = 2_000
"""That are read to be told apart by their state: twenty reads."""

LONGEST_OPEN = timedelta(minutes=45)
"""How long after its end a period may be open."""


def of_queues(client: "SQSClient", settings: Settings) -> Iterator[Figure]:
    """Return what waits on the queues, and the dead letters."""
    queues = {"usage": settings.usage_queue_url, "Stripe's events": settings.stripe_event_queue_url}
    for name, url in queues.items():
        waiting, taken = _depth(client, url)
        yield Figure("queues", f"{name}: waiting", waiting, "messages")
        yield Figure("queues", f"{name}: being worked on", taken, "messages")
    for name, queue, url in (
        ("usage", "usage", settings.usage_dead_letter_queue_url),
        ("Stripe's events", "stripe", settings.stripe_event_dead_letter_queue_url),
        ("changes", "stream", settings.stream_dead_letter_queue_url),
    ):
        note = f"`tollkeeper dead-letters --queue {queue}` says why; mend it, then `tollkeeper redrive`"
        yield at_most("dead letters", name, sum(_depth(client, url)), 0, "letters", note)


def of_reporter(table: Table, now: datetime) -> Iterator[Figure]:
    """Return what the reporter has before it: periods that have ended, and bills by their state."""
    number, first = Closing(table).backlog(until=now)
    age = (now - first) if first else timedelta(0)
    yield Figure("reporter", "ended, to be closed", number, "periods")
    note = "see the logs of Reporter and UsageTracker: does the usage queue settle?"
    yield at_most(
        "reporter", "ended, the longest ago", age.total_seconds(), LONGEST_OPEN.total_seconds(), "s", note
    )
    bills = Bills(table).unfinished(MOST_BILLS)
    by_state: dict[str, list[Bill]] = defaultdict(list)
    for bill in bills:
        # Until its period has closed, a bill only holds the draft.
        by_state[bill.state.value if bill.charges is not None else f"{bill.state} (period open)"].append(bill)
    for state, some in sorted(by_state.items()):
        oldest = max(now - each.since for each in some)
        more = " or more" if len(bills) == MOST_BILLS else ""
        since = f"the oldest for {_words(oldest)}"
        yield Figure("reporter", f"bills {state}", len(some), f"bills{more}", note=since)
    overdue = sum(is_overdue(each, now) for each in bills)
    note = "the log of Reporter names user, invoice and trouble"
    yield at_most("reporter", "bills overdue", overdue, 0, "bills", note)


def of_coverage(seen: CoverageShown) -> Iterator[Figure]:
    """Return what hosts have told of the last day."""
    share = seen.requests.share
    yield Figure("coverage", "metered or excused", None if share is None else 100 * share, "%")
    note = "`tollkeeper coverage` names them: map or excuse each"
    yield at_most("coverage", "paths not mapped", len(seen.unmapped_paths), 0, "paths", note)
    silent = [each.host for each in seen.hosts if each.silent]
    yield Figure("coverage", "hosts", len(seen.hosts), "hosts")
    yield at_most("coverage", "hosts fallen silent", len(silent), 0, "hosts", ", ".join(silent))


def of_alarms(client: "CloudWatchClient", names: list[str]) -> Iterator[Figure]:
    """Return how many alarms ring, and which."""
    pages = client.get_paginator("describe_alarms").paginate(
        AlarmNames=names, StateValue="ALARM", AlarmTypes=["MetricAlarm"]
    )
    ringing = [each["AlarmName"] for page in pages for each in page["MetricAlarms"]]
    yield at_most("alarms", "ringing", len(ringing), 0, f"of {len(names)}", ", ".join(ringing))


def _depth(client: "SQSClient", url: str) -> tuple[int, int]:
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    delayed = int(found.get("ApproximateNumberOfMessagesDelayed", 0))
    waiting = int(found["ApproximateNumberOfMessages"]) + delayed
    return waiting, int(found["ApproximateNumberOfMessagesNotVisible"])


def _words(age: timedelta) -> str:
    hours, minutes = divmod(int(age.total_seconds()) // 60, 60)
    return f"{hours} h {minutes:02} min"
