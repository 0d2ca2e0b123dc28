"""What is on offer when a period starts (DESIGN §2 and rule 5)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tollkeeper.catalogue import FREE, Catalogue, Mode
from tollkeeper.rules.periods import Terms
from tollkeeper.rules.times import start_of_day

LEAST_LIFETIME = timedelta(days=400)
"""How long a record is kept at least: as long its id is refused if it comes again (DESIGN rule 1)."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The catalogue of today, the day from which overage is billed, and how long records are kept."""

    catalogue: Catalogue
    bill_overage_from: date
    record_lifetime: timedelta = LEAST_LIFETIME

    def terms(self, plan: str, start: datetime, *, trial: bool = False) -> Terms:
        """Return what a period of a plan pins if it starts at `start`.

        A metric may be exceeded at a price on a paid plan outside its trial, unless it is only observed.
        A plan that the catalogue no longer knows has nothing to offer: its subscriber gets what is free.
        """
        plans, metrics = self.catalogue.plans, self.catalogue.metrics.values()
        known = plans.get(plan, plans[FREE])
        payable = known.name != FREE and not trial
        prices = {
            metric.name: metric.overage_price
            for metric in metrics
            if payable and metric.overage_price is not None and metric.mode is Mode.ENFORCE
        }
        return Terms(
            plan=known.name,
            limits=known.limits,
            prices=prices,
            billed=payable and start >= start_of_day(self.bill_overage_from),
            observed=frozenset(metric.name for metric in metrics if metric.mode is Mode.OBSERVE),
        )

    def free(self, start: datetime) -> Terms:
        """Return what a user without a subscription has."""
        return self.terms(FREE, start)

    def price(self, plan: str) -> int:
        """Return what a plan costs a month, in cents; one that is sold no more costs nothing."""
        plans = self.catalogue.plans
        return plans[plan].price if plan in plans else 0

    def is_upgrade(self, plan: str, to: str) -> bool:
        """Whether a plan costs more than another does; one that is sold no more costs nothing."""
        return to in self.catalogue.plans and self.price(to) > self.price(plan)
