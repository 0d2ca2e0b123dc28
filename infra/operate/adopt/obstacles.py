"""What stands in the way of adopting a customer, each in a sentence that says what to do."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from infra.operate.adopt.customers import Customer, LiveSubscription
from tollkeeper.catalogue import FREE, Catalogue
from tollkeeper.rules.usage import LONGEST_USER_ID
from tollkeeper.rules.users import User


class Hurdle(StrEnum):
    """Why a customer is not adopted, in the words of the summary."""

    NOBODY = "with no userId"
    SEVERAL_USERS = "with several userIds"
    BAD_USER_ID = "with a userId that is too long"
    UNKNOWN = "not at Stripe"
    OTHER_DEPLOYMENT = "of another deployment"
    OTHER_USER = "of another user"
    SEVERAL_CUSTOMERS = "of a user with several customers"
    OTHER_CUSTOMER = "of a user who has another customer"
    CURRENCY = "in another currency"
    SEVERAL_SUBSCRIPTIONS = "with several live subscriptions"
    NO_PLAN = "on no plan of the catalogue"
    INTERVAL = "not billed by the month"
    METERED = "with metered items"
    FIRST_CHARGE_FAILED = "whose first charge after the trial failed"


class Obstacle(NamedTuple):
    """What stands in the way of adopting a customer; the sentence says what to do."""

    hurdle: Hurdle
    sentence: str


def noted_user(noted: Mapping[str, str], deployment: str) -> str | None:
    """Return whom a deployment noted in some metadata."""
    return noted.get("userId") if noted.get("deployment") == deployment else None


def unknown(customer_id: str) -> Obstacle:
    """Say that a customer is named whom Stripe does not list."""
    return Obstacle(
        Hurdle.UNKNOWN,
        f"{customer_id} is not in this Stripe account, or was deleted, or is on a test clock.",
    )


def _notes(customer: Customer) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield customer.id, customer.metadata
    for each in customer.subscriptions:
        yield each.said.id, each.metadata


def nobody(customer: Customer) -> Obstacle:
    """Say that nothing names the user of a customer who subscribes to something."""
    ids = ", ".join(each.said.id for each in customer.subscriptions)
    return Obstacle(
        Hurdle.NOBODY, f"{customer.id} has {ids}, and nothing says whose it is: name the user, or leave it."
    )


def of_what_names(
    customer: Customer, claimed: Sequence[str], claims: Mapping[str, Sequence[str]]
) -> Iterator[Obstacle]:
    """Return what is wrong with those named for a customer; `claims` are customers by the users named."""
    if len(claimed) > 1:
        yield Obstacle(
            Hurdle.SEVERAL_USERS, f"{customer.id} is said to be {' and '.join(claimed)}: name one user."
        )
    for user_id in claimed:
        if len(user_id) > LONGEST_USER_ID:
            yield Obstacle(
                Hurdle.BAD_USER_ID,
                f"The userId for {customer.id} has {len(user_id)} characters, of {LONGEST_USER_ID} at most.",
            )
        if len(claims[user_id]) > 1:
            yield Obstacle(
                Hurdle.SEVERAL_CUSTOMERS,
                f"{user_id} is named for {', '.join(claims[user_id])}, and a user has one customer: name the "
                "user for one of them only.",
            )


def of_others(customer: Customer, user: User, deployment: str) -> Iterator[Obstacle]:
    """Return what says that a customer is somebody else's: notes at Stripe, or the ledger."""
    for what, noted in _notes(customer):
        other = noted.get("deployment")
        if other not in {None, "", deployment}:
            yield Obstacle(
                Hurdle.OTHER_DEPLOYMENT,
                f"{what} belongs to the deployment {other}; if none has that name any more, take "
                "`deployment` off its metadata in Stripe.",
            )
        elif (theirs := noted_user(noted, deployment)) and theirs != user.user_id:
            yield Obstacle(
                Hurdle.OTHER_USER,
                f"{what} is {theirs}'s in this deployment, and not {user.user_id}'s: correct what names "
                "the user.",
            )
    if user.customer_id not in {None, customer.id}:
        yield Obstacle(
            Hurdle.OTHER_CUSTOMER,
            f"{user.user_id} has the customer {user.customer_id} in the ledger, and a user has one: end "
            f"what {customer.id} subscribes to, or name another user.",
        )


def of_what_is_sold(customer: Customer, catalogue: Catalogue) -> Iterator[Obstacle]:
    """Return what a customer pays for that Tollkeeper does not sell, or would not let go on."""
    currency = catalogue.currency
    others = {customer.currency or currency, *(each.currency for each in customer.subscriptions)}
    if other := sorted(others - {currency}):
        yield Obstacle(
            Hurdle.CURRENCY,
            f"{customer.id} pays in {', '.join(other)}, and the catalogue's prices are in {currency}; "
            "Stripe bills a customer in one currency only.",
        )
    if len(customer.subscriptions) > 1:
        ids = ", ".join(each.said.id for each in customer.subscriptions)
        yield Obstacle(
            Hurdle.SEVERAL_SUBSCRIPTIONS,
            f"{customer.id} has {ids}, and a user has one live subscription: Tollkeeper would cancel all "
            "but the oldest. End those that are not to stay.",
        )
    for each in customer.subscriptions:
        yield from _of_a_subscription(each, catalogue)


def _of_a_subscription(of: LiveSubscription, catalogue: Catalogue) -> Iterator[Obstacle]:
    name = of.said.id
    if of.said.plan == FREE:
        keys = ", ".join(plan.price_lookup_key for plan in catalogue.paid_plans)
        yield Obstacle(
            Hurdle.NO_PLAN,
            f"{name} is for {', '.join(of.products)}, which is no plan of the catalogue: say which it "
            f"is sold as (PRODUCTS=prod_…=plan), or change its price in Stripe to the plan's ({keys}).",
        )
    elif of.interval != "month":
        yield Obstacle(
            Hurdle.INTERVAL,
            f"{name} is billed by {of.interval}, and limits are a month's: change its price in Stripe to "
            "a monthly one.",
        )
    if of.metered:
        yield Obstacle(
            Hurdle.METERED,
            f"{name} has metered items ({', '.join(of.metered)}), which Stripe would bill beside the "
            "overage: remove them in Stripe once the running period is invoiced.",
        )
    if of.said.first_charge_failed:
        yield Obstacle(
            Hurdle.FIRST_CHARGE_FAILED,
            f"{name} could not be charged when its trial ended, and Tollkeeper would cancel it: have it "
            "paid, or cancel it.",
        )
