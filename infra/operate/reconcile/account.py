"""Whether a Stripe account holds the catalogue."""

from datetime import datetime

from stripe import StripeClient

from infra.operate.stripe_catalogue.gateway import StripeCatalogue
from infra.operate.stripe_catalogue.planning import Keep, plan, wanted
from tollkeeper.catalogue import Catalogue


def catalogue_changes(client: StripeClient, catalogue: Catalogue, now: datetime) -> list[str]:
    """Return what `make stripe-apply` would change, or could not; nothing where all is as applied."""
    steps = plan(catalogue, StripeCatalogue(client).read([*wanted(catalogue)]), now)
    return [str(step) for step in steps if not isinstance(step, Keep)]
