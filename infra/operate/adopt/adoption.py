"""Adopting: what is planned is done customer by customer, and can be done again from wherever it stopped."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from infra.operate.adopt.account import StripeAccount
from infra.operate.adopt.customers import Customer
from infra.operate.adopt.planning import (
    Bind,
    MoveToPlan,
    NoteOnCustomer,
    NoteOnSubscription,
    Planner,
    Step,
    Synchronise,
    Task,
)
from infra.operate.adopt.whose import Whose
from tollkeeper.catalogue import Catalogue
from tollkeeper.ledger.table import TransactionCancelledError, UnavailableError
from tollkeeper.ledger.users import StaleRevisionError, Users
from tollkeeper.rules.offers import Offer
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError
from tollkeeper.subscriptions.synchronisation import StripeForSynchronisation, Trigger, synchronise

ACTOR = "adopt"

MOST_SILENCES = 3
"""Customers in a row about whom Stripe or DynamoDB did not answer: then whoever waits is told so."""


class NotAdoptedError(Exception):
    """A customer could not be adopted after all; the message says why."""


class Result(NamedTuple):
    """What became of a step: None, or why it was not done."""

    step: Step
    failure: str | None


@dataclass(frozen=True, slots=True)
class Adoption:
    """Adopts the customers of a Stripe account for one deployment.

    `products` are those, by their ids, that are sold as plans of the catalogue, by their names.
    """

    account: StripeAccount
    users: Users
    stripe: StripeForSynchronisation
    catalogue: Catalogue
    offer: Offer
    deployment: str
    now: Callable[[], datetime]
    products: Mapping[str, str] = field(default_factory=dict)

    def plan(self, customers: Sequence[Customer], whose: Whose) -> list[Step]:
        """Return what there is to do, by what Stripe and the ledger say."""
        planner = Planner(self.catalogue, self.deployment, self.products)
        named = whose(customers)
        claimed = {user for each in customers for user in planner.claimed(each, named)}
        users = {user.user_id: user for user in self.users.profiles(sorted(claimed))}
        return planner.plan(customers, named, users)

    def apply(self, steps: Sequence[Step]) -> Iterator[Result]:
        """Take steps in their order, and tell of each; one customer's trouble is not another's.

        Raises:
            StripeUnavailableError, UnavailableError: three in a row had no answer. What is done stays done.
        """
        silences = 0
        for step in steps:
            try:
                self._take(step)
            except (StripeUnavailableError, UnavailableError) as error:
                silences += 1
                if silences == MOST_SILENCES:
                    raise
                yield Result(step, str(error))
            except (NotAdoptedError, StripeRefusedError) as error:
                silences = 0
                yield Result(step, str(error))
            except (StaleRevisionError, TransactionCancelledError):
                silences = 0
                yield Result(step, "somebody else was writing the user's row: run it again")
            else:
                silences = 0
                yield Result(step, None)

    def _take(self, step: Step) -> None:
        for task in step.tasks:
            self._do(task, step.customer.id, str(step.user_id))

    def _do(self, task: Task, customer_id: str, user_id: str) -> None:
        match task:
            case Bind():
                bound = self.users.bind_customer(user_id, customer_id)
                if bound != customer_id:
                    raise NotAdoptedError(f"{user_id} has got the customer {bound} meanwhile")
            case NoteOnCustomer():
                self.account.note_on_customer(customer_id, user_id)
            case MoveToPlan(subscription_id, item, plan):
                self.account.move(subscription_id, item, self.catalogue.plans[plan])
            case NoteOnSubscription(subscription_id, plan):
                self.account.note_on_subscription(subscription_id, user_id, plan)
            case Synchronise():
                trigger = Trigger(self.now(), actor=ACTOR, user_id=user_id)
                if not synchronise(customer_id, self.users, self.stripe, self.offer, trigger):
                    raise NotAdoptedError(f"{customer_id} is not {user_id}'s in the ledger any more")
