"""Products (docs.stripe.com/api/products)."""

from stripe import ListObject, Product
from stripe.params import ProductCreateParams, ProductListParams, ProductRetrieveParams, ProductUpdateParams

from infra.stripe_standin.account.shapes import make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.server.lists import matching, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()


@routes.post("/v1/products", ProductCreateParams)
def create(account: Account, params: ProductCreateParams) -> Product:
    """Create a product; an id may be chosen (docs.stripe.com/api/products/create)."""
    identifier = params.get("id") or new_id("prod")
    if account.find(Product, identifier):
        raise RefusedError("Product already exists.", code="resource_already_exists", param="id")
    now = account.now()
    product = make(
        Product,
        id=identifier,
        active=params.get("active", True),
        created=now,
        description=params.get("description"),
        images=params.get("images", []),
        marketing_features=[],
        metadata=metadata(params.get("metadata")),
        name=params["name"],
        statement_descriptor=params.get("statement_descriptor"),
        tax_code=params.get("tax_code"),
        type=params.get("type", "service"),
        unit_label=params.get("unit_label"),
        updated=now,
        url=params.get("url"),
    )
    account.emit("product.created", account.keep(product))
    return product


@routes.get("/v1/products", ProductListParams)
def listed(account: Account, params: ProductListParams) -> ListObject[Product]:
    """List products (docs.stripe.com/api/products/list)."""
    found = matching(account.all(Product), params, "active", "url")
    if "ids" in params:
        found = [product for product in found if product.id in params["ids"]]
    return page(found, params, "/v1/products")


@routes.get("/v1/products/{product}", ProductRetrieveParams)
def retrieve(account: Account, _params: ProductRetrieveParams, product: str) -> Product:
    """Retrieve a product (docs.stripe.com/api/products/retrieve)."""
    return account.get(Product, product)


@routes.post("/v1/products/{product}", ProductUpdateParams)
def update(account: Account, params: ProductUpdateParams, product: str) -> Product:
    """Update a product (docs.stripe.com/api/products/update)."""
    known = account.get(Product, product)
    with account.changing("product.updated", known):
        known.active = params.get("active", known.active)
        known.name = params.get("name", known.name)
        known.description = params.get("description", known.description) or None
        known.default_price = params.get("default_price", known.default_price)
        known.unit_label = params.get("unit_label", known.unit_label) or None
        known.metadata = metadata(params.get("metadata"), known.metadata)
        known.updated = account.now()
    return known
