"""Payment methods: cards, and some without a card (docs.stripe.com/api/payment_methods)."""

from collections.abc import Mapping
from typing import Any, cast

from stripe import Customer, ListObject, PaymentMethod
from stripe.params import (
    CustomerPaymentMethodListParams,
    PaymentMethodAttachParams,
    PaymentMethodCreateParams,
    PaymentMethodDetachParams,
    PaymentMethodListParams,
    PaymentMethodRetrieveParams,
    PaymentMethodUpdateParams,
)

from infra.stripe_standin.account.shapes import make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.customers import cardless, cards, customers
from infra.stripe_standin.customers.cards import Card
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.server.lists import matching, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()


@routes.post("/v1/payment_methods", PaymentMethodCreateParams)
def create(account: Account, params: PaymentMethodCreateParams) -> PaymentMethod:
    """Create a payment method of a card or without (docs.stripe.com/api/payment_methods/create)."""
    kind = params.get("type", "card")
    given = cast("Mapping[str, Any]", params.get(kind, {}))
    typed = cast("Mapping[str, Any]", params.get("billing_details", {}))
    billing_details = {name: value or None for name, value in typed.items()}
    if kind == "card":
        method = _from_card(account, given)
    else:
        details = cardless.details(kind, given, billing_details.get("email"))
        method = _keep(account, kind, details)
    method.billing_details = make(PaymentMethod.BillingDetails, **{"address": {}, **billing_details})
    method.metadata = metadata(params.get("metadata"))
    return method


def _from_card(account: Account, given: Mapping[str, Any]) -> PaymentMethod:
    if token := given.get("token"):
        card = cards.by_alias(f"pm_card_{token.removeprefix('tok_')}")
        if card is None:
            raise RefusedError(f"No such token: '{token}'", code="resource_missing", param="card[token]")
    else:
        card = cards.by_number(str(given.get("number", "")))
    return from_card(
        account,
        card,
        exp_month=int(given.get("exp_month", 12)),
        exp_year=int(given.get("exp_year", 0)),
    )


def from_card(account: Account, card: Card, *, exp_month: int = 12, exp_year: int = 0) -> PaymentMethod:
    """A payment method of a test card, good for four more years unless said otherwise."""
    details = {
        "brand": card.brand,
        "checks": {"cvc_check": "pass"},
        "country": "US",
        "display_brand": card.brand,
        "exp_month": exp_month,
        "exp_year": exp_year or account.clock.now().year + 4,
        "fingerprint": f"standin{card.number[-4:]}",
        "funding": "credit",
        "last4": card.number[-4:],
        "networks": {"available": [card.brand]},
        "three_d_secure_usage": {"supported": True},
    }
    return _keep(account, "card", details)


def without_card(account: Account, kind: str, email: str | None) -> PaymentMethod:
    """A payment method of another type, as somebody known by `email` gives it on a page of Stripe's."""
    return _keep(account, kind, cardless.details(kind, cardless.TYPED.get(kind, {}), email))


def _keep(account: Account, kind: str, details: Mapping[str, Any]) -> PaymentMethod:
    """It has the key of its own type, and no other's."""
    return account.keep(
        make(
            PaymentMethod,
            id=new_id("pm"),
            billing_details={"address": {}},
            created=account.now(),
            metadata=metadata(None),
            type=kind,
            **{kind: details},
        )
    )


def resolve(account: Account, identifier: str, param: str = "payment_method") -> PaymentMethod:
    """A payment method by id; `pm_card_visa` and its like make a new one each time.

    See docs.stripe.com/testing.
    """
    alias = cards.by_alias(identifier)
    return from_card(account, alias) if alias else account.get(PaymentMethod, identifier, param)


@routes.post("/v1/payment_methods/{payment_method}/attach", PaymentMethodAttachParams)
def attach(account: Account, params: PaymentMethodAttachParams, payment_method: str) -> PaymentMethod:
    """Save a payment method for a customer (docs.stripe.com/api/payment_methods/attach)."""
    method = resolve(account, payment_method)
    join(account, method, customers.living(account, params["customer"]) if "customer" in params else None)
    return method


def join(account: Account, method: PaymentMethod, customer: Customer | None) -> None:
    """Attach, unless the bank refuses or the method belongs to somebody else."""
    if customer is None:
        raise RefusedError("Missing required param: customer.", code="parameter_missing", param="customer")
    if method.customer not in (None, customer.id):
        raise RefusedError(
            "The payment method you provided has already been attached to a customer.", param="payment_method"
        )
    cards.check(method, attaching=True, now=account.now(customer.test_clock))
    method.customer = customer.id
    account.emit("payment_method.attached", method)


@routes.post("/v1/payment_methods/{payment_method}/detach", PaymentMethodDetachParams)
def detach(account: Account, _params: PaymentMethodDetachParams, payment_method: str) -> PaymentMethod:
    """Forget a customer's payment method (docs.stripe.com/api/payment_methods/detach)."""
    method = account.get(PaymentMethod, payment_method)
    if method.customer is None:
        raise RefusedError("The payment method is not attached to a customer.", param="payment_method")
    customer = account.find(Customer, str(method.customer))
    if (
        customer
        and customer.invoice_settings
        and customer.invoice_settings.default_payment_method == method.id
    ):
        customer.invoice_settings.default_payment_method = None
    owner, method.customer = method.customer, None
    account.emit("payment_method.detached", method, {"customer": owner})
    return method


@routes.post("/v1/payment_methods/{payment_method}", PaymentMethodUpdateParams)
def update(account: Account, params: PaymentMethodUpdateParams, payment_method: str) -> PaymentMethod:
    """Change a card's expiry or metadata (docs.stripe.com/api/payment_methods/update)."""
    method = account.get(PaymentMethod, payment_method)
    if method.customer is None:
        raise RefusedError("You must attach the payment method to a customer first.", param="payment_method")
    with account.changing("payment_method.updated", method):
        card = params.get("card", {})
        set_expiry(method, card.get("exp_month"), card.get("exp_year"))
        method.metadata = metadata(params.get("metadata"), method.metadata)
    return method


def set_expiry(method: PaymentMethod, exp_month: int | None, exp_year: int | None) -> None:
    """Change when a card expires; what is not given stays."""
    if "card" in method and method.card:
        method.card.exp_month = exp_month or method.card.exp_month
        method.card.exp_year = exp_year or method.card.exp_year


@routes.get("/v1/payment_methods/{payment_method}", PaymentMethodRetrieveParams)
def retrieve(account: Account, _params: PaymentMethodRetrieveParams, payment_method: str) -> PaymentMethod:
    """Retrieve a payment method (docs.stripe.com/api/payment_methods/retrieve)."""
    return account.get(PaymentMethod, payment_method)


@routes.get("/v1/payment_methods", PaymentMethodListParams)
def listed(account: Account, params: PaymentMethodListParams) -> ListObject[PaymentMethod]:
    """List payment methods (docs.stripe.com/api/payment_methods/list)."""
    return _page(account, params, params.get("customer"), "/v1/payment_methods")


@routes.get("/v1/customers/{customer}/payment_methods", CustomerPaymentMethodListParams)
def of_customer(
    account: Account, params: CustomerPaymentMethodListParams, customer: str
) -> ListObject[PaymentMethod]:
    """List a customer's payment methods (docs.stripe.com/api/payment_methods/customer_list)."""
    customers.living(account, customer)
    return _page(account, params, customer, f"/v1/customers/{customer}/payment_methods")


def _page(
    account: Account, params: Mapping[str, object], customer: str | None, url: str
) -> ListObject[PaymentMethod]:
    found = [
        method
        for method in matching(account.all(PaymentMethod), params, "type")
        if method.customer == customer
    ]
    return page(found, params, url)
