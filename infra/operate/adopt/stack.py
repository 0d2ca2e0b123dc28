"""The deployed stack that adopts: its name at Stripe, its table, its key, all as its functions have them."""

from infra.operate.adopt.account import StripeAccount
from infra.operate.adopt.adoption import Adoption
from infra.operate.deployed import deployed
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer


def of_stack(name: str, *, live: bool) -> Adoption:
    """Return what adopts for a deployed stack, under the stack's own key.

    Raises:
        UnfitError: there is no such stack here, or its key is live and that was not expected.
        SettingsError: the stack lacks a key, or has one of the other mode than its stage's.
        CatalogueError: the catalogue file cannot be read.
    """
    stack = deployed(name, live=live)
    deployment = stack.settings.deployment
    return Adoption(
        account=StripeAccount(stack.client, stack.catalogue, deployment),
        users=Users(stack.table),
        stripe=stack.stripe,
        catalogue=stack.catalogue,
        offer=Offer(stack.catalogue, stack.settings.bill_overage_from),
        deployment=deployment,
        now=stack.clock.now,
    )
