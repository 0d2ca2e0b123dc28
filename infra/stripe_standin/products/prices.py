"""Prices (docs.stripe.com/api/prices): one-time and recurring licensed, per unit."""

from decimal import ROUND_HALF_UP, Decimal

from stripe import ListObject, Plan, Price, Product
from stripe.params import PriceCreateParams, PriceListParams, PriceRetrieveParams, PriceUpdateParams

from infra.stripe_standin.account.shapes import make, metadata, new_id, reference
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.products import products
from infra.stripe_standin.server.lists import matching, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()


@routes.post("/v1/prices", PriceCreateParams)
def create(account: Account, params: PriceCreateParams) -> Price:
    """Create a price (docs.stripe.com/api/prices/create)."""
    if params.get("tiers") or params.get("transform_quantity") or params.get("custom_unit_amount"):
        raise lacking("tiers, transformed quantities and custom amounts")
    if "unit_amount" in params:
        amount = Decimal(params["unit_amount"])
    elif "unit_amount_decimal" in params:
        amount = params["unit_amount_decimal"]
    else:
        raise RefusedError(
            "Missing required param: unit_amount.", code="parameter_missing", param="unit_amount"
        )
    if lookup_key := params.get("lookup_key"):
        _claim_lookup_key(account, lookup_key, transfer=params.get("transfer_lookup_key", False))
    recurring = _recurring(params)
    price = make(
        Price,
        id=new_id("price"),
        active=params.get("active", True),
        billing_scheme="per_unit",
        created=account.now(),
        currency=params["currency"].lower(),
        lookup_key=lookup_key,
        metadata=metadata(params.get("metadata")),
        nickname=params.get("nickname"),
        product=_product(account, params),
        recurring=recurring,
        tax_behavior=params.get("tax_behavior", "unspecified"),
        type="recurring" if recurring else "one_time",
        unit_amount=int(amount) if amount == amount.to_integral_value() else None,
        unit_amount_decimal=amount,
    )
    account.emit("price.created", account.keep(price))
    return price


def _product(account: Account, params: PriceCreateParams) -> str:
    if "product" in params:
        return account.get(Product, params["product"], "product").id
    if "product_data" in params:
        data = params["product_data"]
        return products.create(
            account, {"name": data["name"], "metadata": metadata(data.get("metadata")).to_dict()}
        ).id
    raise RefusedError("Missing required param: product.", code="parameter_missing", param="product")


def _recurring(params: PriceCreateParams) -> dict[str, object] | None:
    if "recurring" not in params:
        return None
    recurring = params["recurring"]
    if recurring.get("usage_type", "licensed") == "metered":
        raise lacking("metered prices: its meters count, and bill nothing")
    if "meter" in recurring:
        raise RefusedError("Only metered prices take a meter.", param="recurring[meter]")
    return {
        "interval": recurring["interval"],
        "interval_count": recurring.get("interval_count", 1),
        "meter": None,
        "usage_type": "licensed",
    }


def _claim_lookup_key(account: Account, lookup_key: str, *, transfer: bool) -> None:
    """A lookup key names one price; it moves only when told to.

    See docs.stripe.com/products-prices/manage-prices.
    """
    for holder in account.all(Price):
        if holder.lookup_key != lookup_key:
            continue
        if not transfer:
            raise RefusedError(
                f"A price (`{holder.id}`) already uses that lookup key.",
                code="resource_already_exists",
                param="lookup_key",
            )
        with account.changing("price.updated", holder):
            holder.lookup_key = None


@routes.get("/v1/prices", PriceListParams)
def listed(account: Account, params: PriceListParams) -> ListObject[Price]:
    """List prices, by lookup keys among others (docs.stripe.com/api/prices/list)."""
    found = matching(account.all(Price), params, "active", "currency", "product", "type")
    if "lookup_keys" in params:
        found = [price for price in found if price.lookup_key in params["lookup_keys"]]
    if "recurring" in params:
        wanted = params["recurring"].items()
        found = [price for price in found if price.recurring and wanted <= price.recurring.to_dict().items()]
    return page(found, params, "/v1/prices")


@routes.get("/v1/prices/{price}", PriceRetrieveParams)
def retrieve(account: Account, _params: PriceRetrieveParams, price: str) -> Price:
    """Retrieve a price (docs.stripe.com/api/prices/retrieve)."""
    return account.get(Price, price)


@routes.post("/v1/prices/{price}", PriceUpdateParams)
def update(account: Account, params: PriceUpdateParams, price: str) -> Price:
    """Update a price; amounts and intervals never change (docs.stripe.com/api/prices/update).

    How tax stands is said once (docs.stripe.com/tax/products-prices-tax-categories-tax-behavior).
    """
    known = account.get(Price, price)
    if (tax_behavior := params.get("tax_behavior", known.tax_behavior)) != known.tax_behavior:
        if known.tax_behavior != "unspecified":
            raise RefusedError("The tax behavior of a price cannot be changed.", param="tax_behavior")
        known.tax_behavior = tax_behavior
    if lookup_key := params.get("lookup_key"):
        if lookup_key != known.lookup_key:
            _claim_lookup_key(account, lookup_key, transfer=params.get("transfer_lookup_key", False))
        known.lookup_key = lookup_key
    with account.changing("price.updated", known):
        known.active = params.get("active", known.active)
        known.nickname = params.get("nickname", known.nickname) or None
        known.metadata = metadata(params.get("metadata"), known.metadata)
    return known


def is_metered(price: Price) -> bool:
    """Whether the price bills what a meter counted, in arrears."""
    return price.recurring is not None and price.recurring.usage_type == "metered"


def unit_amount(price: Price) -> Decimal:
    """Cents per unit, possibly fractional."""
    return price.unit_amount_decimal or Decimal(0)


def cents(amount: Decimal) -> int:
    """Whole cents, halves away from zero (*unverified* that Stripe rounds halves so)."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def plan(price: Price) -> Plan:
    """The legacy twin that each subscription item still carries (docs.stripe.com/api/plans)."""
    if price.recurring is None:
        raise RefusedError("The price specified is set to `type=one_time`.", param="items[0][price]")
    return make(
        Plan,
        id=price.id,
        active=price.active,
        amount=price.unit_amount,
        amount_decimal=price.unit_amount_decimal,
        billing_scheme="per_unit",
        created=price.created,
        currency=price.currency,
        interval=price.recurring.interval,
        interval_count=price.recurring.interval_count,
        metadata=price.metadata,
        meter=price.recurring.meter,
        nickname=price.nickname,
        product=reference(price.product),
        usage_type=price.recurring.usage_type,
    )
