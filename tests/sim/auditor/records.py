"""What was sent and answered: the facts that must be counted, those that may be, and the caps."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass
class Fact:
    """A usage record as it was sent. `taken_at` is when it was surely accepted, None while it only may be."""

    id: str
    user: str
    metric: str
    quantity: int
    stamp: datetime
    first_sent: datetime
    taken_at: datetime | None = None
    is_correction: bool = False
    is_consumed: bool = False
    released: bool = False
    release_asked: bool = False


def when(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text)


def facts(entries: Sequence[Mapping[str, Any]]) -> dict[str, Fact]:
    """Return every record that may have been counted, by its id."""
    found: dict[str, Fact] = {}
    refused: set[str] = set()
    for entry in entries:
        at, body, answer = when(entry["at"]), entry["body"], entry["answer"]
        match entry["request"]:
            case "POST /usage":
                _report(found, body["records"], answer, at)
            case "POST /usage/corrections":
                fact = found.setdefault(body["id"], _fact(body, at, at))
                fact.is_correction = True
                if answer and answer.get("accepted"):
                    fact.taken_at = fact.taken_at or at
            case "POST /quota/consume":
                fact = found.setdefault(body["id"], _fact(body, at, at))
                fact.is_consumed = True
                if answer and answer.get("allowed"):
                    fact.taken_at = at
                elif answer is not None:
                    refused.add(body["id"])
            case "POST /quota/release":
                found[body["id"]].release_asked = True
                found[body["id"]].released |= answer is not None and "refused" not in answer
            case _:
                pass
    return {name: fact for name, fact in found.items() if name not in refused}


def _report(
    found: dict[str, Fact],
    records: Sequence[Mapping[str, Any]],
    answer: Mapping[str, Any] | None,
    at: datetime,
) -> None:
    rejected = {each["index"] for each in (answer or {"rejected": []})["rejected"]}
    for index, each in enumerate(records):
        fact = found.setdefault(each["id"], _fact(each, when(each["timestamp"]), at))
        if answer is not None and index not in rejected:
            fact.taken_at = fact.taken_at or at


def _fact(body: Mapping[str, Any], stamp: datetime, at: datetime) -> Fact:
    return Fact(body["id"], body["userId"], body["eventType"], body["quantity"], stamp, at)


def put_aside(bodies: Iterable[str]) -> dict[str, str]:
    """Return which records are dead letters, and why."""
    found: dict[str, str] = {}
    for body in bodies:
        letter = json.loads(body)
        found |= {str(each["id"]): str(letter.get("reason")) for each in letter.get("records", ())}
    return found


def heard(entries: Sequence[Mapping[str, Any]]) -> dict[str, datetime]:
    """Return since when each subscription was shown to its user."""
    found: dict[str, datetime] = {}
    for entry in entries:
        if entry["request"] == "GET /subscription" and (name := entry["answer"]["subscriptionId"]):
            found.setdefault(name, when(entry["at"]))
    return found


def caps_in(
    entries: Sequence[Mapping[str, Any]], user: str, start: datetime, end: datetime
) -> list[int | None]:
    """Return the caps that may have held in a stretch of time: the one before it, and those set in it."""
    before: list[int | None] = [None]
    inside: list[int | None] = []
    for entry in entries:
        if entry["request"] != "PUT /subscription/spending-cap" or entry["body"]["userId"] != user:
            continue
        if when(entry["at"]) >= end or "refused" in (entry["answer"] or {}):
            continue
        amount = entry["body"]["amount"]
        if when(entry["at"]) > start:
            inside.append(amount)
        elif entry["answer"] is None:
            before.append(amount)
        else:
            before = [amount]
    return [*before, *inside]
