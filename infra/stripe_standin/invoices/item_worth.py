"""What an invoice item is worth: a one-time price or an amount, times a quantity.

See docs.stripe.com/api/invoiceitems/create.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stripe import Price

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.products import prices
from infra.stripe_standin.products.prices import cents, unit_amount

PRICED_BY = ("pricing", "price_data", "unit_amount_decimal", "amount")


@dataclass(frozen=True, slots=True)
class Worth:
    """What an item comes to.

    Attributes:
        amount: Whole cents.
        quantity: How many.
        currency: In lower case.
        price: The price behind it, if it has one.
        tax_behavior: Whether that includes taxes: `inclusive`, `exclusive` or `unspecified`.
    """

    amount: int
    quantity: Decimal
    currency: str
    price: Price | None
    tax_behavior: str


def worth(
    account: Account,
    given: Mapping[str, Any],
    currency: str | None,
    at: str = "",
    *,
    keep: bool = True,
    present: Price | None = None,
) -> Worth:
    """Weigh an item's parameters.

    A line is whole cents: the quantity times the unit's amount, rounded once (`PUT /_sandbox/rounding`).

    Args:
        account: The account.
        given: `pricing`, `price_data`, `unit_amount_decimal` or `amount`; `quantity` or `quantity_decimal`.
        currency: That of the invoice, if it has one; else the price's, or dollars.
        at: Where the parameters stand in the request: `lines[0]`.
        keep: Whether a price made of `price_data` lasts.
        present: The price that an item has and keeps, if its parameters name none.

    Raises:
        RefusedError: The price is recurring, inactive or of another currency, or there is nothing to weigh.
    """
    quantity = given.get("quantity_decimal", Decimal(given.get("quantity", 1)))
    if quantity < 0:
        raise RefusedError("quantity must not be negative.", param=inside(at, "quantity"))
    price = present or _price(account, given, at, keep=keep)
    if price:
        each = unit_amount(price)
    elif "unit_amount_decimal" in given:
        each = given["unit_amount_decimal"]
    elif "amount" not in given:
        raise RefusedError(
            "Missing required param: amount.", code="parameter_missing", param=inside(at, "amount")
        )
    elif "quantity" in given:
        raise RefusedError(
            "You may only specify one of these parameters: amount, quantity.", param=inside(at, "quantity")
        )
    else:
        each, quantity = Decimal(given["amount"]), Decimal(1)
    own = price.currency if price else currency or "usd"
    if own != (currency or own):
        raise RefusedError(
            f"The price is in {own}, and the invoice in {currency}.", param=inside(at, "currency")
        )
    tax_behavior = price.tax_behavior if price else given.get("tax_behavior")
    amount = cents(quantity * each, account.rounding)
    return Worth(amount, quantity, own, price, tax_behavior or "unspecified")


def _price(account: Account, given: Mapping[str, Any], at: str, *, keep: bool) -> Price | None:
    if "price_data" in given:
        return prices.inline(account, given["price_data"], inside(at, "price_data"), keep=keep)
    if "pricing" not in given:
        return None
    param = inside(inside(at, "pricing"), "price")
    price = account.get(Price, given["pricing"].get("price", ""), param)
    if price.recurring:
        raise RefusedError(
            "The price specified is set to `type=recurring` but this field only accepts prices with "
            "`type=one_time`.",
            param=param,
        )
    if not price.active:
        raise RefusedError(
            f"The price specified is inactive. This field only accepts active prices: {price.id}", param=param
        )
    return price


def inside(at: str, name: str) -> str:
    """The name of a parameter within another: `lines[0][amount]`."""
    return f"{at}[{name}]" if at else name
