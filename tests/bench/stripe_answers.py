"""Stripe's answers about renewals, in process: just enough for its SDK to be timed without a wire."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import stripe
from stripe import StripeClient

PRICES = {
    "tollkeeper_apiCalls_overage": 1,
    "tollkeeper_aiQueries_overage": 10,
    "tollkeeper_exports_overage": 50,
}
"""The catalogue's overage prices by their lookup keys, in cents."""


class Answers(stripe.HTTPClient):
    """Answers calls about the drafts of subscriptions, each made at one instant; what is written is kept."""

    name = "answers"

    def __init__(self, created: int, drafts: Mapping[str, str]) -> None:
        super().__init__()
        self._drafts = drafts
        self._invoices = {name: _draft(name, of, created) for of, name in drafts.items()}

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: object) -> Any:  # noqa: ANN401 - the SDK's
        """Answer a request."""
        del headers
        path, query = urlsplit(url).path.split("/")[2:], parse_qs(urlsplit(url).query)
        return json.dumps(self._answered(method, path, query, parse_qs(post_data or ""))), 200, {}

    def close(self) -> None:
        """There is nothing to close."""

    def _answered(
        self, method: str, path: list[str], query: dict[str, list[str]], posted: dict[str, list[str]]
    ) -> dict[str, Any]:
        match method.upper(), path:
            case "GET", ["prices"]:
                return _list([_price(name, cents) for name, cents in PRICES.items()])
            case "GET", ["invoices"]:
                return _list([self._invoices[self._drafts[query["subscription"][0]]]])
            case "POST", ["invoices", name, "add_lines"]:
                self._invoices[name]["lines"]["data"] += _added(posted)
            case "POST", ["invoices", name]:
                self._invoices[name]["automatically_finalizes_at"] = int(
                    posted["automatically_finalizes_at"][0]
                )
        return self._invoices[path[1]]


def client(answers: Answers) -> StripeClient:
    """Return the SDK's client, answered in process."""
    return StripeClient("sk_test_1", http_client=answers, max_network_retries=0)


def _list(data: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": data, "has_more": False, "url": "/v1/things"}


def _price(lookup_key: str, cents: int) -> dict[str, Any]:
    return {
        "id": f"price_{cents}",
        "object": "price",
        "lookup_key": lookup_key,
        "unit_amount": cents,
        "unit_amount_decimal": str(cents),
    }


def _draft(name: str, subscription: str, created: int) -> dict[str, Any]:
    base = {
        "id": f"il_{name}",
        "object": "line_item",
        "discount_amounts": [],
        "discountable": True,
        "amount": 2_900,
        "quantity": 1,
        "metadata": {},
        "period": {"start": created, "end": created + 2_592_000},
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": {"proration": False, "subscription": subscription},
        },
    }
    return {
        "id": name,
        "object": "invoice",
        "status": "draft",
        "pre_payment_credit_notes_amount": 0,
        "post_payment_credit_notes_amount": 0,
        "auto_advance": True,
        "created": created,
        "automatically_finalizes_at": created + 3_600,
        "currency": "usd",
        "metadata": {},
        "lines": _list([base]),
        "parent": {
            "type": "subscription_details",
            "subscription_details": {
                "subscription": {"id": subscription, "object": "subscription", "pause_collection": None}
            },
        },
    }


def _added(posted: dict[str, list[str]]) -> list[dict[str, Any]]:
    found = []
    for number in range(3):
        quantity = int(posted[f"lines[{number}][quantity]"][0])
        price = posted[f"lines[{number}][pricing][price]"][0]
        noted = {
            name: posted[f"lines[{number}][metadata][{name}]"][0]
            for name in ("charge", "eventType", "userId", "deployment")
        }
        found.append(
            {
                "id": f"il_added_{number}",
                "object": "line_item",
                "discount_amounts": [],
                "discountable": False,
                "quantity": quantity,
                "amount": quantity * int(price.rpartition("_")[2]),
                "metadata": noted,
                "period": {"start": 1, "end": 2},
                "parent": {"type": "invoice_item_details", "invoice_item_details": {"proration": False}},
            }
        )
    return found
