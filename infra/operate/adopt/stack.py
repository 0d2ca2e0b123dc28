"""A deployed stack, as what adopts for it."""

from infra.operate.adopt.account import StripeAccount
from infra.operate.adopt.adoption import Adoption
from infra.operate.stacks import Deployed
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer


def adoption_of(stack: Deployed) -> Adoption:
    """Return what adopts for a deployed stack, under the stack's own key."""
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
