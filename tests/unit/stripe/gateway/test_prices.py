"""Which plan a price of Stripe's is of."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from tests.examples import CATALOGUE
from tollkeeper.catalogue import FREE
from tollkeeper.stripe.gateway import StripeGateway

if TYPE_CHECKING:
    from stripe import StripeClient


def test_a_price_is_of_the_plan_of_its_product_and_is_asked_for_once() -> None:
    """A phase of a schedule names a price alone; one of a product that is not ours is no plan."""
    asked = list[str]()
    products = {"price_pro": CATALOGUE.plans["professional"].product_id, "price_other": "prod_other"}

    def retrieve(price_id: str) -> SimpleNamespace:
        asked.append(price_id)
        return SimpleNamespace(product=products[price_id])

    v1 = SimpleNamespace(prices=SimpleNamespace(retrieve=retrieve))
    gateway = StripeGateway(cast("StripeClient", SimpleNamespace(v1=v1)), CATALOGUE, "live")
    for _ in range(2):
        assert ("professional", FREE) == (gateway._plan_of("price_pro"), gateway._plan_of("price_other"))  # noqa: SLF001 - the port asks by schedules, which hold much else
    assert ["price_pro", "price_other"] == asked
