"""Customers (docs.stripe.com/api/customers)."""

import secrets
from collections.abc import Mapping
from typing import Any

from stripe import Customer, Discount, ListObject, PaymentMethod, Subscription
from stripe.params import (
    CustomerCreateParams,
    CustomerDeleteDiscountParams,
    CustomerDeleteParams,
    CustomerListParams,
    CustomerRetrieveParams,
    CustomerUpdateParams,
)
from stripe.test_helpers import TestClock

from infra.stripe_standin.account.shapes import deleted, make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError, missing
from infra.stripe_standin.products import discounts
from infra.stripe_standin.server.lists import matching, outside_clocks, page
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions import subscription_status

routes = Routes()

MOST_ON_A_CLOCK = 3
PLAIN_FIELDS = ("description", "email", "name", "phone")


@routes.post("/v1/customers", CustomerCreateParams)
def create(account: Account, params: CustomerCreateParams) -> Customer:
    """Create a customer, on a test clock if asked (docs.stripe.com/api/customers/create)."""
    test_clock = params.get("test_clock")
    if test_clock:
        _check_room(account, account.get(TestClock, test_clock, "test_clock"))
    customer = make(
        Customer,
        id=new_id("cus"),
        address=params.get("address") or None,
        balance=params.get("balance", 0),
        created=account.now(test_clock),
        delinquent=False,
        invoice_prefix=params.get("invoice_prefix", secrets.token_hex(4).upper()),
        invoice_settings={},
        metadata=metadata(params.get("metadata")),
        next_invoice_sequence=params.get("next_invoice_sequence", 1),
        preferred_locales=params.get("preferred_locales", []),
        tax_exempt=params.get("tax_exempt") or "none",
        test_clock=test_clock,
        **{name: params.get(name) for name in PLAIN_FIELDS},
    )
    account.keep(customer)
    _settle_default(account, customer, params)
    account.emit("customer.created", customer)
    return customer


@routes.get("/v1/customers", CustomerListParams)
def listed(account: Account, params: CustomerListParams) -> ListObject[Customer]:
    """List customers (docs.stripe.com/api/customers/list)."""
    found = [
        customer
        for customer in outside_clocks(
            matching(account.all(Customer), params, "email", "test_clock"), params, "test_clock"
        )
        if "deleted" not in customer
    ]
    return page(found, params, "/v1/customers")


@routes.get("/v1/customers/{customer}", CustomerRetrieveParams)
def retrieve(account: Account, _params: CustomerRetrieveParams, customer: str) -> Customer:
    """Retrieve a customer, even a deleted one (docs.stripe.com/api/customers/retrieve)."""
    known = account.get(Customer, customer)
    return deleted(Customer, customer) if "deleted" in known else known


@routes.post("/v1/customers/{customer}", CustomerUpdateParams)
def update(account: Account, params: CustomerUpdateParams, customer: str) -> Customer:
    """Update a customer (docs.stripe.com/api/customers/update)."""
    known = living(account, customer)
    with account.changing("customer.updated", known):
        for name in PLAIN_FIELDS:
            if name in params:
                known[name] = params.get(name) or None
        if "address" in params:
            known.address = make(Customer.Address, **params["address"]) if params["address"] else None
        known.balance = params.get("balance", known.balance)
        known.metadata = metadata(params.get("metadata"), known.metadata)
        _settle_default(account, known, params)
    return known


@routes.delete("/v1/customers/{customer}", CustomerDeleteParams)
def delete(account: Account, _params: CustomerDeleteParams, customer: str) -> Customer:
    """Delete a customer and cancel what they subscribed to at once (docs.stripe.com/api/customers/delete)."""
    known = living(account, customer)
    for subscription in account.all(Subscription):
        if subscription.customer == known.id and subscription.status not in subscription_status.ENDED:
            subscription_status.end(account, subscription, reason="cancellation_requested")
    account.emit("customer.deleted", known)
    known.deleted = True
    return deleted(Customer, customer)


@routes.delete("/v1/customers/{customer}/discount", CustomerDeleteDiscountParams)
def delete_discount(account: Account, _params: CustomerDeleteDiscountParams, customer: str) -> Discount:
    """Take a customer's coupon away (docs.stripe.com/api/discounts/delete)."""
    known = living(account, customer)
    if known.discount is None:
        raise missing("active discount for customer", customer, "customer")
    gone = known.discount.id
    discounts.take(account, known)
    return deleted(Discount, gone)


def _check_room(account: Account, clock: TestClock) -> None:
    """A test clock takes three customers (docs.stripe.com/billing/testing/test-clocks)."""
    there = [known for known in account.all(Customer) if known.test_clock == clock.id]
    if len([known for known in there if "deleted" not in known]) >= MOST_ON_A_CLOCK:
        raise RefusedError(f"A test clock takes {MOST_ON_A_CLOCK} customers at most.", param="test_clock")


def living(account: Account, customer: str, param: str = "customer") -> Customer:
    """A customer that is not deleted.

    Raises:
        RefusedError: There is none of that id.
    """
    known = account.get(Customer, customer, param)
    if "deleted" in known:
        raise RefusedError(f"No such customer: '{customer}'", code="resource_missing", param=param)
    return known


def _settle_default(account: Account, customer: Customer, params: Mapping[str, Any]) -> None:
    """Set the card that invoices use when the subscription names none.

    See docs.stripe.com/api/customers/object.
    """
    settings = params.get("invoice_settings", {})
    if customer.invoice_settings is None or "default_payment_method" not in settings:
        return
    method = account.get(
        PaymentMethod, settings["default_payment_method"], "invoice_settings[default_payment_method]"
    )
    if method.customer != customer.id:
        raise RefusedError(
            "The payment method must be attached to the customer.",
            param="invoice_settings[default_payment_method]",
        )
    customer.invoice_settings.default_payment_method = method.id
