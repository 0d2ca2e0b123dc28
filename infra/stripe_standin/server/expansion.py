"""`expand`: ids replaced by objects, and fields that come only when asked for.

See docs.stripe.com/api/expanding_objects.
"""

from collections.abc import Sequence
from typing import Any

from stripe import Customer, Invoice, InvoicePayment, StripeObject, Subscription

from infra.stripe_standin.account.presence_facts import INCLUDABLE
from infra.stripe_standin.account.shapes import deleted, listing, plain, shown
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError

DEEPEST = 4


def render(account: Account, answer: StripeObject, expand: Sequence[str]) -> dict[str, Any]:
    """An answer's JSON with `expand` applied; of what was deleted nothing is left to expand.

    See docs.stripe.com/api/customers/retrieve.

    Raises:
        RefusedError: A path leads nowhere, or deeper than four levels.
    """
    body = plain(answer)
    if "deleted" in body:
        return body
    if body.get("object") == "list":
        body["data"] = [shown(item) for item in body.get("data", ())]
    for path in expand:
        parts = path.split(".")
        if len(parts) > DEEPEST:
            raise RefusedError(f"You cannot expand more than 4 levels of a property: {path}", param="expand")
        _expand(account, body, parts, path)
    return body


def _expand(account: Account, node: Any, parts: list[str], path: str) -> None:  # noqa: ANN401 - JSON
    if not parts or node is None:
        return
    if isinstance(node, list):
        for item in node:
            _expand(account, item, parts, path)
        return
    name, rest = parts[0], parts[1:]
    if not isinstance(node, dict) or not (name in node or name in INCLUDABLE.get(node.get("object", ""), ())):
        raise RefusedError(
            f"This property cannot be expanded ({path}).", code="property_cannot_be_expanded", param="expand"
        )
    value = node.get(name)
    if name in INCLUDABLE.get(node.get("object", ""), ()) and value is None:
        value = _included(account, str(node["id"]), name)
    elif isinstance(value, str):
        value = _object(account, value)
    elif isinstance(value, list):
        value = [_object(account, item) if isinstance(item, str) else item for item in value]
    node[name] = value
    _expand(account, value, rest, path)


def _object(account: Account, identifier: str) -> dict[str, Any] | str:
    found = account.anything(identifier)
    if found is None:
        return identifier
    return plain(deleted(type(found), identifier) if "deleted" in found else found)


def _included(account: Account, identifier: str, name: str) -> dict[str, Any] | None:
    owner = account.anything(identifier)
    if isinstance(owner, Invoice) and name == "payments":
        payments = [p for p in account.all(InvoicePayment) if p.invoice == owner.id]
        return plain(listing(payments, "/v1/invoice_payments"))
    if isinstance(owner, Customer) and name == "subscriptions":
        live = [s for s in account.all(Subscription) if s.customer == owner.id and not s.ended_at]
        return plain(listing(live, f"/v1/customers/{owner.id}/subscriptions"))
    return plain(owner, {name}).get(name) if owner else None
