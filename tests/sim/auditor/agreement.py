"""Whether the product's own proofs, its announcements and the auditor say the same."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.sim.auditor.timeline import Span

type Lines = Mapping[tuple[str, str, datetime], Sequence[Mapping[str, Any]]]
"""Overage on final invoices, by user, metric and the period's start."""


def proved(proofs: Sequence[Mapping[str, Any]], lines: Lines, seen: dict[str, int]) -> Iterator[str]:
    """Return where `prove` finds something to differ, or another number than stands on the invoice."""
    for proof in proofs:
        start = datetime.fromisoformat(proof["start"])
        of = f"{proof['user']} since {start}"
        seen["periods proved"] = seen.get("periods proved", 0) + 1
        for each in proof["differences"]:
            yield f"prove says of {of}: {each}"
        for metric, charge in proof["charged"].items():
            for line in lines.get((proof["user"], metric, start), ()):
                if (line["quantity"], line["amount"]) != (charge["quantity"], charge["amount"]):
                    yield f"prove says {charge} of {metric} of {of}, the invoice {line['quantity']}"


def closed(proofs: Sequence[Mapping[str, Any]], spans: Sequence[Span], over_by: datetime) -> Iterator[str]:
    """Return the periods that were used and have long ended, and of which `prove` knows no closed one."""
    known = {(each["user"], datetime.fromisoformat(each["start"])) for each in proofs if each["closed"]}
    for span in spans:
        is_used = any(span.used.values())
        if span.end < over_by and is_used and (span.user, span.start) not in known:
            yield f"the period of {span.user} since {span.start} ended at {span.end}, and is not closed"


def announced(
    evidence: Mapping[str, Any], looks: Sequence[Mapping[str, Any]], seen: dict[str, int]
) -> Iterator[str]:
    """Return what was not announced, or as something else under the same id (rule 17)."""
    for body in evidence["deadChanges"]:
        yield f"a change is a dead letter: {body[:120]}"
    if evidence["unannounced"]:
        yield f"{evidence['unannounced']} changes are not announced"
    first: dict[str, Mapping[str, Any]] = {}
    for each in evidence["announcements"]:
        known = first.setdefault(each["id"], each)
        seen["announcements"] = seen.get("announcements", 0) + 1
        if (known["kind"], known.get("userId")) != (each["kind"], each.get("userId")):
            yield f"{each['id']} is announced as {known['kind']} and as {each['kind']}"
        if each["kind"] == "billing.drift":
            yield f"drift is announced: {each}"
    told = {
        (each["userId"], each["subscriptionId"])
        for each in evidence["announcements"]
        if each["kind"] in {"subscription.activated", "subscription.changed"}
    }
    for entry in looks:
        answer = entry["answer"]
        whose = (entry["body"]["userId"], answer["subscriptionId"])
        if answer["status"] in {"active", "trialing"} and whose not in told:
            yield f"{whose} was shown as {answer['status']}, and never announced"
            return
