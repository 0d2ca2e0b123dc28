"""What there is to do for each customer, and what stands in the way: pure, so that it can be shown first."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from infra.operate.adopt import obstacles
from infra.operate.adopt.customers import Customer, LicensedItem
from infra.operate.adopt.obstacles import Obstacle, noted_user
from tollkeeper.catalogue import Catalogue
from tollkeeper.rules.users import User


@dataclass(frozen=True, slots=True)
class Bind:
    """Note the customer in the ledger as the user's one customer."""

    def __str__(self) -> str:
        return "bind"


@dataclass(frozen=True, slots=True)
class NoteOnCustomer:
    """Note user and deployment on the customer at Stripe."""

    def __str__(self) -> str:
        return "note on customer"


@dataclass(frozen=True, slots=True)
class MoveToPlan:
    """Make a subscription's item one of a plan, at the amount that it has; nothing is prorated."""

    subscription_id: str
    item: LicensedItem
    plan: str

    def __str__(self) -> str:
        return f"move {self.subscription_id} to {self.plan}"


@dataclass(frozen=True, slots=True)
class NoteOnSubscription:
    """Note user, deployment and plan on a subscription at Stripe."""

    subscription_id: str
    plan: str

    def __str__(self) -> str:
        return f"note on {self.subscription_id}"


@dataclass(frozen=True, slots=True)
class Synchronise:
    """Write what Stripe says of the subscription to the user's row."""

    def __str__(self) -> str:
        return "write row"


type Task = Bind | NoteOnCustomer | MoveToPlan | NoteOnSubscription | Synchronise


class Fate(StrEnum):
    """What becomes of a customer."""

    ADOPT = "to adopt"
    REFUSED = "refused"
    ADOPTED = "adopted already"
    LEFT_ALONE = "left alone: nobody's who pays here, or another deployment's"


@dataclass(frozen=True, slots=True)
class Step:
    """One customer: whose it is, as far as that is known, and the tasks in their order, or the obstacles."""

    customer: Customer
    user_id: str | None
    tasks: tuple[Task, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def fate(self) -> Fate:
        """What becomes of the customer."""
        if self.obstacles:
            return Fate.REFUSED
        if self.tasks:
            return Fate.ADOPT
        return Fate.ADOPTED if self.user_id else Fate.LEFT_ALONE


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans for one deployment and what it sells; `products` are others that are sold as its plans."""

    catalogue: Catalogue
    deployment: str
    products: Mapping[str, str] = field(default_factory=dict)

    def plan(
        self,
        customers: Sequence[Customer],
        named: Mapping[str, frozenset[str]],
        users: Mapping[str, User],
    ) -> list[Step]:
        """Return what there is to do for each customer, and for each that is named and not at Stripe.

        `named` are the users that are named for customers, by the customers' ids; `users` are the ledger's
        rows of all of them and of all who are noted at Stripe. What is done already is no task: a plan made
        after a run died holds the rest.
        """
        claims: dict[str, list[str]] = defaultdict(list)
        for customer in customers:
            for user_id in self.claimed(customer, named):
                claims[user_id].append(customer.id)
        known = {customer.id for customer in customers}
        lost = [
            Step(
                Customer(customer_id, None, {}), min(users_named), obstacles=(obstacles.unknown(customer_id),)
            )
            for customer_id, users_named in named.items()
            if customer_id not in known and users_named
        ]
        return [self._step(each.sold_as(self.products), named, users, claims) for each in customers] + lost

    def claimed(self, customer: Customer, named: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Return whose a customer is said to be: whom the deployment noted on it, if nobody else."""
        noted = noted_user(customer.metadata, self.deployment)
        return named.get(customer.id) or frozenset([noted] if noted else [])

    def _step(
        self,
        customer: Customer,
        named: Mapping[str, frozenset[str]],
        users: Mapping[str, User],
        claims: Mapping[str, Sequence[str]],
    ) -> Step:
        claimed = sorted(self.claimed(customer, named))
        if not claimed:
            is_of_others = customer.metadata.get("deployment") not in {None, "", self.deployment}
            is_let_be = is_of_others or not customer.subscriptions
            return Step(customer, None, obstacles=() if is_let_be else (obstacles.nobody(customer),))
        user_id = claimed[0]
        user = users.get(user_id, User(user_id))
        tasks = tuple(self._tasks(customer, user))
        if len(claimed) == 1 and not tasks:
            return Step(customer, user_id)
        found = (
            *obstacles.of_what_names(customer, claimed, claims),
            *obstacles.of_others(customer, user, self.deployment),
            *obstacles.of_what_is_sold(customer, self.catalogue),
        )
        return Step(customer, user_id, () if found else tasks, found)

    def _tasks(self, customer: Customer, user: User) -> Iterator[Task]:
        """Return what is left to do. The ledger goes first: it alone sees to it that a user has one customer.

        Stripe announces a subscription that is noted on, and whoever follows that finds the customer noted.
        """
        if user.customer_id != customer.id:
            yield Bind()
        if noted_user(customer.metadata, self.deployment) != user.user_id:
            yield NoteOnCustomer()
        for each in customer.subscriptions:
            if each.moves and each.item:
                yield MoveToPlan(each.said.id, each.item, each.said.plan)
            if noted_user(each.metadata, self.deployment) != user.user_id:
                yield NoteOnSubscription(each.said.id, each.said.plan)
        written = user.subscription.id if user.subscription else None
        if customer.subscriptions and written not in {each.said.id for each in customer.subscriptions}:
            yield Synchronise()
