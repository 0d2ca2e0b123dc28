"""Tax rates that somebody writes down by hand (docs.stripe.com/api/tax_rates)."""

from collections.abc import Sequence

from stripe import ListObject, TaxRate
from stripe.params import TaxRateCreateParams, TaxRateListParams, TaxRateRetrieveParams, TaxRateUpdateParams

from infra.stripe_standin.account.shapes import make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.server.lists import matching, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()

PLAIN_FIELDS = ("country", "description", "jurisdiction", "state", "tax_type")


@routes.post("/v1/tax_rates", TaxRateCreateParams)
def create(account: Account, params: TaxRateCreateParams) -> TaxRate:
    """Create a tax rate (docs.stripe.com/api/tax_rates/create)."""
    rate = make(
        TaxRate,
        id=new_id("txr"),
        active=params.get("active", True),
        created=account.now(),
        display_name=params["display_name"],
        effective_percentage=params["percentage"],
        inclusive=params["inclusive"],
        metadata=metadata(params.get("metadata")),
        percentage=params["percentage"],
        rate_type="percentage",
        **{name: params.get(name) for name in PLAIN_FIELDS},
    )
    account.emit("tax_rate.created", account.keep(rate))
    return rate


@routes.get("/v1/tax_rates", TaxRateListParams)
def listed(account: Account, params: TaxRateListParams) -> ListObject[TaxRate]:
    """List tax rates (docs.stripe.com/api/tax_rates/list)."""
    return page(matching(account.all(TaxRate), params, "active", "inclusive"), params, "/v1/tax_rates")


@routes.get("/v1/tax_rates/{tax_rate}", TaxRateRetrieveParams)
def retrieve(account: Account, _params: TaxRateRetrieveParams, tax_rate: str) -> TaxRate:
    """Retrieve a tax rate (docs.stripe.com/api/tax_rates/retrieve)."""
    return account.get(TaxRate, tax_rate)


@routes.post("/v1/tax_rates/{tax_rate}", TaxRateUpdateParams)
def update(account: Account, params: TaxRateUpdateParams, tax_rate: str) -> TaxRate:
    """Update a tax rate; its percentage never changes (docs.stripe.com/api/tax_rates/update)."""
    known = account.get(TaxRate, tax_rate)
    with account.changing("tax_rate.updated", known):
        known.active = params.get("active", known.active)
        known.display_name = params.get("display_name", known.display_name)
        known.metadata = metadata(params.get("metadata"), known.metadata)
        for name in PLAIN_FIELDS:
            if name in params:
                known[name] = params.get(name)
    return known


def rates(account: Account, given: Sequence[str] | str | None, param: str) -> list[TaxRate]:
    """The rates of a parameter like `default_tax_rates`; an empty text is none."""
    return [
        account.get(TaxRate, identifier, f"{param}[{at}]")
        for at, identifier in enumerate([] if isinstance(given, str) else given or [])
    ]
