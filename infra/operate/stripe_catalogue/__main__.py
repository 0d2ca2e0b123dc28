"""`plan` or `apply`: make Stripe sell what the catalogue file says. `destinations`: have it call the webhook.

Reads the account's key from STRIPE_SECRET_KEY, and from STRIPE_API_BASE the address of a stand-in for Stripe.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from stripe import StripeClient, StripeError

from infra.operate.stripe_catalogue.destinations import DestinationExistsError, create_destinations
from infra.operate.stripe_catalogue.gateway import StripeCatalogue
from infra.operate.stripe_catalogue.planning import Billed, Clash, Keep, Metered, plan, wanted
from tollkeeper.catalogue import Catalogue, CatalogueError, load


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command line.

    Returns:
        The exit code: 0, also when there was nothing to do; 1 when Stripe or the catalogue file stood in the
        way; 2 when something has to be set or added first.
    """
    parser = argparse.ArgumentParser(
        prog="python -m infra.operate.stripe_catalogue",
        description="Make Stripe sell what the catalogue file says.",
    )
    parser.add_argument(
        "command",
        choices=["plan", "apply", "destinations"],
        help="show what would change; change it; or have Stripe send its events to a webhook",
    )
    parser.add_argument("--webhook", metavar="URL", help="where `destinations` has events sent")
    parser.add_argument("--live", action="store_true", help="needed with a live key: real customers pay this")
    options = parser.parse_args(arguments)
    key = environment.get("STRIPE_SECRET_KEY", "")
    if not key:
        return _stop("Set STRIPE_SECRET_KEY to your account's secret key (sk_test_… to try it).", 2)
    if key.startswith(("sk_live_", "rk_live_")) and not options.live:
        return _stop("STRIPE_SECRET_KEY is a live key: add --live if you mean real customers.", 2)
    base = environment.get("STRIPE_API_BASE")
    client = StripeClient(key, max_network_retries=3, base_addresses={"api": base} if base else {})
    try:
        if options.command == "destinations":
            return _create_destinations(client, options.webhook)
        return _run(load(), StripeCatalogue(client), apply=options.command == "apply")
    except (CatalogueError, DestinationExistsError) as error:
        return _stop(str(error), 1)
    except StripeError as error:
        return _stop(f"Stripe: {error}\nRun it again: it goes on where it stopped.", 1)


def _create_destinations(client: StripeClient, webhook: str | None) -> int:
    if not webhook:
        return _stop("Add --webhook with the stack's output WebhookUrl.", 2)
    print(",".join(create_destinations(client, webhook)))
    return 0


def _run(catalogue: Catalogue, stripe: StripeCatalogue, *, apply: bool) -> int:
    now = datetime.now(UTC)
    steps = plan(catalogue, stripe.read([*wanted(catalogue)]), now)
    obstacles = [step for step in steps if isinstance(step, Clash | Billed)]
    if apply and obstacles:
        return _stop("\n".join(map(str, obstacles)), 1)
    for step in steps:
        if apply:
            stripe.take(step, now)
        print(step)
    changes = sum(not isinstance(step, Keep | Metered | Clash | Billed) for step in steps)
    print(f"{changes or 'Nothing'} to change" if not apply else f"{changes or 'Nothing'} changed")
    return 1 if obstacles else 0


def _stop(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
