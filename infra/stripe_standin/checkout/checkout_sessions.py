"""Checkout sessions in subscription mode (docs.stripe.com/api/checkout/sessions)."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from stripe import Customer, LineItem, ListObject, Price, Product
from stripe.checkout import Session
from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionLineItemListParams,
    SessionListParams,
    SessionRetrieveParams,
)

from infra.stripe_standin.account.shapes import listing, make, metadata, new_id, reference
from infra.stripe_standin.account.state import Account, Due
from infra.stripe_standin.checkout import options
from infra.stripe_standin.customers import customers
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.products.prices import cents, unit_amount
from infra.stripe_standin.server.lists import matching, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()

SHORTEST, LONGEST = 30 * 60, 24 * 3600
MOST_ITEMS = 20
LONGEST_TEXT = 1200


@routes.post("/v1/checkout/sessions", SessionCreateParams)
def create(account: Account, params: SessionCreateParams) -> Session:
    """Open a session with a page to pay on (docs.stripe.com/api/checkout/sessions/create)."""
    if params.get("mode") != "subscription":
        raise lacking("Checkout modes other than subscription")
    if "success_url" not in params:
        raise RefusedError(
            "Missing required param: success_url.", code="parameter_missing", param="success_url"
        )
    if params.get("allow_promotion_codes") and params.get("discounts"):
        raise RefusedError("You may only specify one of these parameters: allow_promotion_codes, discounts.")
    customer = customers.living(account, params["customer"]) if "customer" in params else None
    if "customer_update" in params and customer is None:
        raise RefusedError("customer_update needs a customer.", param="customer_update")
    now = account.now(customer.test_clock if customer else None)
    expires_at = params.get("expires_at", now + LONGEST)
    if not now + SHORTEST <= expires_at <= now + LONGEST:
        raise RefusedError(
            "The expires_at timestamp must be between 30 minutes and 24 hours from creation.",
            param="expires_at",
        )
    items = _items(account, list(params.get("line_items", [])))
    trial = bool(params.get("subscription_data", {}).get("trial_period_days"))
    tax_ids = options.tax_id_collection(params, customer)
    identifier = new_id("cs_test")
    amount = 0 if trial else sum(item.amount_total for item in items)
    session = make(
        Session,
        id=identifier,
        allow_promotion_codes=params.get("allow_promotion_codes"),
        allowed_payment_method_types=params.get("allowed_payment_method_types"),
        amount_subtotal=amount,
        amount_total=amount,
        automatic_tax=options.automatic_tax(params, customer),
        billing_address_collection=params.get("billing_address_collection"),
        cancel_url=params.get("cancel_url"),
        client_reference_id=params.get("client_reference_id"),
        created=now,
        currency=items[0].currency,
        custom_fields=[],
        custom_text=_custom_text(params.get("custom_text", {})),
        customer=customer.id if customer else None,
        customer_creation=None if customer else "always",
        customer_email=params.get("customer_email"),
        discounts=[dict(discount) for discount in params.get("discounts", [])],
        expires_at=expires_at,
        line_items=None,
        metadata=metadata(params.get("metadata")),
        mode="subscription",
        payment_method_collection=params.get("payment_method_collection", "always"),
        payment_method_types=options.payment_method_types(params),
        payment_status="unpaid",
        shipping_options=[],
        status="open",
        success_url=params["success_url"],
        **({"tax_id_collection": tax_ids} if tax_ids else {}),
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        ui_mode="hosted_page",
        url=f"{account.public_url}/checkout/{identifier}",
    )
    session.line_items = listing(items, f"/v1/checkout/sessions/{identifier}/line_items")
    taxed = {"automatic_tax": {"enabled": session.automatic_tax.enabled}}
    account.subscription_data[identifier] = {**params.get("subscription_data", {}), **taxed}
    account.customer_updates[identifier] = params.get("customer_update", {})
    return account.keep(session)


def _custom_text(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What the page says in the seller's words, by the place where it says so.

    See docs.stripe.com/payments/checkout/customization/policies. An empty text is none.
    """
    for place, text in wanted.items():
        if text and len(text["message"]) > LONGEST_TEXT:
            raise RefusedError(
                f"Invalid string: must be at most {LONGEST_TEXT} characters.",
                param=f"custom_text[{place}][message]",
            )
    return {place: dict(text) for place, text in wanted.items() if text}


def _items(account: Account, wanted: list[Any]) -> list[LineItem]:
    """Line items of ready-made recurring prices."""
    if not 0 < len(wanted) <= MOST_ITEMS:
        raise RefusedError(f"Give between 1 and {MOST_ITEMS} line items.", param="line_items")
    return [_item(account, item, f"line_items[{at}]") for at, item in enumerate(wanted)]


def _item(account: Account, wanted: Mapping[str, Any], param: str) -> LineItem:
    if "price" not in wanted:
        raise lacking("line items without a ready-made price")
    price = account.get(Price, wanted["price"], f"{param}[price]")
    if price.recurring is None:
        raise lacking("one-time line items")
    if "quantity" not in wanted:
        raise RefusedError("Quantity is required.", code="parameter_missing", param=f"{param}[quantity]")
    quantity = int(wanted["quantity"])
    amount = cents(quantity * unit_amount(price))
    return make(
        LineItem,
        id=new_id("li"),
        amount_discount=0,
        amount_subtotal=amount,
        amount_tax=0,
        amount_total=amount,
        currency=price.currency,
        description=account.get(Product, reference(price.product)).name,
        price=price,
        quantity=quantity,
    )


@routes.get("/v1/checkout/sessions", SessionListParams)
def listed(account: Account, params: SessionListParams) -> ListObject[Session]:
    """List sessions (docs.stripe.com/api/checkout/sessions/list)."""
    found = matching(account.all(Session), params, "customer", "status", "subscription")
    return page(found, params, "/v1/checkout/sessions")


@routes.get("/v1/checkout/sessions/{session}", SessionRetrieveParams)
def retrieve(account: Account, _params: SessionRetrieveParams, session: str) -> Session:
    """Retrieve a session (docs.stripe.com/api/checkout/sessions/retrieve)."""
    return account.get(Session, session)


@routes.get("/v1/checkout/sessions/{session}/line_items", SessionLineItemListParams)
def line_items(account: Account, params: SessionLineItemListParams, session: str) -> ListObject[LineItem]:
    """List a session's line items (docs.stripe.com/api/checkout/sessions/line_items)."""
    found = account.get(Session, session).line_items
    return page(found.data if found else [], params, f"/v1/checkout/sessions/{session}/line_items")


@routes.post("/v1/checkout/sessions/{session}/expire", SessionExpireParams)
def expire(account: Account, _params: SessionExpireParams, session: str) -> Session:
    """Close an open session (docs.stripe.com/api/checkout/sessions/expire)."""
    known = account.get(Session, session)
    if known.status != "open":
        raise RefusedError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {known.status}.',
            param="session",
        )
    _close(account, known)
    return known


def due(account: Account) -> Iterator[Due]:
    """Sessions that run out."""
    for session in account.all(Session):
        if session.status == "open":
            customer = account.find(Customer, str(session.customer))
            clock = str(customer.test_clock) if customer and customer.test_clock else None
            yield Due(session.expires_at, partial(_close, account, session), clock)


def _close(account: Account, session: Session) -> None:
    session.status = "expired"
    session.url = None
    account.emit("checkout.session.expired", session)
