"""What a session may ask for beside its items: taxes, tax ids, and what is paid with."""

from collections.abc import Mapping
from typing import Any

from stripe import Customer
from stripe.checkout import Session

from infra.stripe_standin.account.shapes import make
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.customers import cardless
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import taxes


def automatic_tax(params: Mapping[str, Any], customer: Customer | None) -> dict[str, object]:
    """What a session says of automatic tax (docs.stripe.com/tax/checkout).

    Raises:
        RefusedError: Nobody knows where a customer is who is known already, nor is to be asked.
    """
    enabled = bool(params.get("automatic_tax", {}).get("enabled"))
    asks = params.get("customer_update", {}).get("address") == "auto"
    if enabled and customer is not None and customer.address is None and not asks:
        raise RefusedError(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid "
            "address to the Customer or set either `customer_update[address]` to 'auto' or "
            "`customer_update[shipping]` to 'auto' to save the address entered in Checkout to the Customer.",
            code="customer_tax_location_invalid",
        )
    return taxes.automatic(enabled=enabled)


def tax_id_collection(params: Mapping[str, Any], customer: Customer | None) -> dict[str, object] | None:
    """What a session says of tax ids, if anything (docs.stripe.com/tax/checkout/tax-ids).

    Raises:
        RefusedError: A customer who is known already would keep another name than the tax id's.
    """
    given = params.get("tax_id_collection")
    if given is None:
        return None
    if given["enabled"] and customer and params.get("customer_update", {}).get("name") != "auto":
        raise RefusedError(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection "
            "for an existing customer, please set `customer_update[name]` to `auto`."
        )
    return {"enabled": given["enabled"], "required": given.get("required", "never")}


def payment_method_types(params: Mapping[str, Any]) -> list[str]:
    """What can be paid with: of what the account takes those that are allowed, if any are named.

    See docs.stripe.com/api/checkout/sessions/create, `allowed_payment_method_types`.

    Raises:
        RefusedError: None is left. *Unverified*, as are its words.
    """
    allowed = params.get("allowed_payment_method_types")
    left = [kind for kind in cardless.TAKEN if allowed is None or kind in allowed]
    if not left:
        raise RefusedError(
            "No valid payment method types for this Checkout Session.", param="allowed_payment_method_types"
        )
    return left


def may_go_without(session: Session) -> bool:
    """Whether a session is completed without a payment method.

    See docs.stripe.com/payments/checkout/free-trials.
    """
    return session.payment_method_collection == "if_required" and not session.amount_total


def check_tax_id(session: Session, tax_id: Mapping[str, str] | None) -> None:
    """Whether a customer can have typed a tax id (docs.stripe.com/tax/checkout/tax-ids).

    Raises:
        RefusedError: They were not asked for one.
    """
    collection = session.tax_id_collection if "tax_id_collection" in session else None
    if tax_id and not (collection and collection.enabled):
        raise RefusedError("This session collects no tax ids.", param="tax_id")


def save(
    account: Account,
    session: Session,
    customer: Customer,
    address: Mapping[str, str] | None,
    tax_id: Mapping[str, str] | None,
) -> None:
    """Save to a customer what they typed, as far as the session asked for it.

    See docs.stripe.com/api/checkout/sessions/create, `customer_update`, and
    docs.stripe.com/tax/checkout/tax-ids: a tax id stays with its customer, and is on their invoices.
    """
    if tax_id:
        account.tax_ids[customer.id] = [*account.tax_ids.get(customer.id, []), dict(tax_id)]
    if address and account.customer_updates[session.id].get("address") == "auto":
        with account.changing("customer.updated", customer):
            customer.address = make(Customer.Address, **address)
