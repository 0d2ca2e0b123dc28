"""What requests are made of beside chance: names that mean something, and texts that are often trouble."""

from typing import Any

from schemathesis import Config

from tollkeeper.catalogue import load

KNOWN = {
    "metrics": [*load().metrics],
    "plans": [each.name for each in load().paid_plans],
    "users": ["ada", "somebody-else"],
    "pages": ["https://app.example.com/", "http://localhost:3000/pricing?from=mail"],
    "ids": ["record-1", "record-2"],
    "instants": ["2025-11-15T11:59:00Z", "2025-11-01T00:00:00+01:00", "2025-11-15T12:04:59.999Z"],
    "months": ["2025-11", "2025-02"],
}
"""Names that mean something in the house. The rest of what is made is unknown to it."""

TROUBLE = [
    "",
    "%",
    "%00",
    "..",
    "\0",
    "\uffff",
    "-1",
    "null",
    "a,b",
]
"""Texts that are often trouble."""

PLACES = {
    "path.eventType": "metrics",
    "query.eventType": "metrics",
    "body.eventType": "metrics",
    "body.records[*].eventType": "metrics",
    "query.plan": "plans",
    "body.plan": "plans",
    "path.userId": "users",
    "query.userId": "users",
    "body.userId": "users",
    "body.records[*].userId": "users",
    "body.successUrl": "pages",
    "body.cancelUrl": "pages",
    "body.returnUrl": "pages",
    "body.id": "ids",
    "body.records[*].id": "ids",
    "body.records[*].timestamp": "instants",
    "query.from": "instants",
    "query.to": "instants",
    "query.billingMonth": "months",
}
"""Where they are said."""

CONFIG: dict[str, Any] = {
    "dictionaries": {name: {"values": words} for name, words in {**KNOWN, "trouble": TROUBLE}.items()},
    "generation": {
        # Who calls is said by the test.
        "with-security-parameters": False,
        "dictionaries": {"string": {"dictionary": "trouble", "probability": 0.1}},
    },
    "parameters": {place: {"dictionary": name, "probability": 0.8} for place, name in PLACES.items()},
    "analysis": {"constants": {"enabled": False}},
}


def config() -> Config:
    """Return how requests are made."""
    return Config.from_dict(CONFIG)
