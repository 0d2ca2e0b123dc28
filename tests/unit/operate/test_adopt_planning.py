"""What there is to do to adopt a customer, and what stands in the way."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.operate.adopt.customers import Customer, LicensedItem, LiveSubscription
from infra.operate.adopt.obstacles import Hurdle
from infra.operate.adopt.planning import (
    Bind,
    Fate,
    MoveToPlan,
    NoteOnCustomer,
    NoteOnSubscription,
    Planner,
    Step,
    Synchronise,
    Task,
)
from tollkeeper.catalogue import FREE, load
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.users import User

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PLANNER = Planner(load(), "live", {"prod_1": "starter"})
OURS = {"userId": "ada", "deployment": "live"}
SAID = Subscription(
    "sub_1", "cus_1", "starter", Status.ACTIVE, NOW, NOW, NOW + timedelta(days=30), payment_method=None
)
SUBSCRIPTION = LiveSubscription(SAID, "usd", {}, "month", ("tollkeeper_starter",))
OF_OLD = replace(
    SUBSCRIPTION,
    said=replace(SAID, plan=FREE),
    item=LicensedItem("si_1", "prod_1", Decimal(900), 1, "exclusive"),
)
CUSTOMER = Customer("cus_1", "usd", {}, (SUBSCRIPTION,))
ADA = {"cus_1": frozenset({"ada"})}


def plan(
    *customers: Customer,
    named: Mapping[str, frozenset[str]] = ADA,
    users: Mapping[str, User] | None = None,
) -> list[Step]:
    """What there is to do."""
    return PLANNER.plan(customers, named, users or {})


def hurdles(*customers: Customer, named: Mapping[str, frozenset[str]] = ADA) -> list[list[Hurdle]]:
    """What stands in each customer's way."""
    return [[each.hurdle for each in step.obstacles] for step in plan(*customers, named=named)]


def subscribing(**changes: object) -> Customer:
    """A customer whose subscription is other than usual."""
    return replace(CUSTOMER, subscriptions=(replace(SUBSCRIPTION, **changes),))  # type: ignore[arg-type]


def test_the_ledger_goes_first_and_what_stripe_announces_comes_last() -> None:
    """So that whoever follows the event finds the customer bound and noted."""
    (step,) = plan(CUSTOMER)
    expected = (Bind(), NoteOnCustomer(), NoteOnSubscription("sub_1", "starter"), Synchronise())
    assert (expected, Fate.ADOPT) == (step.tasks, step.fate)


def test_what_is_sold_as_a_plan_is_moved_to_it_first() -> None:
    """So that the subscription is noted only once it can be read."""
    (step,) = plan(replace(CUSTOMER, subscriptions=(OF_OLD,)))
    moved = MoveToPlan("sub_1", LicensedItem("si_1", "prod_1", Decimal(900), 1, "exclusive"), "starter")
    assert (moved, NoteOnSubscription("sub_1", "starter"), Synchronise()) == step.tasks[2:]


def test_who_subscribes_to_nothing_is_bound_and_noted() -> None:
    """They come to Checkout as the customer that they are."""
    (step,) = plan(replace(CUSTOMER, subscriptions=()))
    assert (Bind(), NoteOnCustomer()) == step.tasks


def test_who_is_nobodys_and_pays_nothing_is_left_alone() -> None:
    """And so is another deployment's customer, unless somebody names a user for them."""
    theirs = replace(CUSTOMER, metadata={"userId": "bob", "deployment": "other"})
    steps = plan(replace(CUSTOMER, subscriptions=()), theirs, named={})
    assert [Fate.LEFT_ALONE] * 2 == [step.fate for step in steps]


def test_whom_tollkeeper_has_is_left_alone() -> None:
    """By whatever way they came, and also if nothing names them any more."""
    customer = replace(subscribing(metadata=OURS), metadata=OURS)
    users = {"ada": User("ada", customer_id="cus_1", subscription=SAID)}
    steps = [*plan(customer, users=users), *plan(customer, named={}, users=users)]
    assert [(Fate.ADOPTED, "ada")] * 2 == [(step.fate, step.user_id) for step in steps]


def test_whom_only_a_webhook_has_missed_is_synchronised() -> None:
    """Checkout made everything but the row."""
    customer = replace(subscribing(metadata=OURS), metadata=OURS)
    (step,) = plan(customer, named={}, users={"ada": User("ada", customer_id="cus_1")})
    assert (Synchronise(),) == step.tasks


@pytest.mark.parametrize(
    ("customer", "hurdle"),
    [
        (replace(CUSTOMER, currency="eur"), Hurdle.CURRENCY),
        (subscribing(currency="eur"), Hurdle.CURRENCY),
        (subscribing(said=replace(SAID, plan=FREE)), Hurdle.NO_PLAN),
        (subscribing(interval="year"), Hurdle.INTERVAL),
        (subscribing(metered=("price_1",)), Hurdle.METERED),
        (subscribing(said=replace(SAID, first_charge_failed=True)), Hurdle.FIRST_CHARGE_FAILED),
        (
            replace(CUSTOMER, subscriptions=(SUBSCRIPTION, replace(SUBSCRIPTION))),
            Hurdle.SEVERAL_SUBSCRIPTIONS,
        ),
        (replace(CUSTOMER, metadata={"deployment": "other"}), Hurdle.OTHER_DEPLOYMENT),
        (subscribing(metadata={**OURS, "deployment": "other"}), Hurdle.OTHER_DEPLOYMENT),
        (replace(CUSTOMER, metadata={**OURS, "userId": "bob"}), Hurdle.OTHER_USER),
        (subscribing(metadata={**OURS, "userId": "bob"}), Hurdle.OTHER_USER),
    ],
)
def test_what_stands_in_the_way_is_told_and_nothing_is_done(customer: Customer, hurdle: Hurdle) -> None:
    """In a sentence that names the customer or the subscription."""
    (step,) = plan(customer)
    (obstacle,) = step.obstacles
    assert (hurdle, (), Fate.REFUSED) == (obstacle.hurdle, step.tasks, step.fate)
    assert "cus_1" in obstacle.sentence or "sub_1" in obstacle.sentence


def test_all_that_stands_in_the_way_is_told_at_once() -> None:
    """Whoever mends it need not run it for each."""
    customer = subscribing(currency="eur", said=replace(SAID, plan=FREE), metered=("price_1",))
    assert [[Hurdle.CURRENCY, Hurdle.NO_PLAN, Hurdle.METERED]] == hurdles(customer)


def test_a_user_has_one_customer() -> None:
    """Of two that are named neither is adopted, nor one beside the ledger's."""
    second = replace(CUSTOMER, id="cus_2", subscriptions=())
    both = {"cus_1": frozenset({"ada"}), "cus_2": frozenset({"ada"})}
    assert [[Hurdle.SEVERAL_CUSTOMERS]] * 2 == hurdles(CUSTOMER, second, named=both)
    (step,) = plan(CUSTOMER, users={"ada": User("ada", customer_id="cus_9")})
    assert [Hurdle.OTHER_CUSTOMER] == [each.hurdle for each in step.obstacles]


def test_a_customer_who_was_adopted_stays_so_when_another_claims_their_user() -> None:
    """Only the other one is refused."""
    adopted = replace(CUSTOMER, metadata=OURS, subscriptions=())
    other = Customer("cus_2", None, {})
    users = {"ada": User("ada", customer_id="cus_1")}
    steps = plan(adopted, other, named={"cus_2": frozenset({"ada"})}, users=users)
    assert [Fate.ADOPTED, Fate.REFUSED] == [step.fate for step in steps]


def test_a_customer_has_one_user() -> None:
    """None, two, or one whose name is no name, is told."""
    assert [[Hurdle.NOBODY]] == hurdles(CUSTOMER, named={})
    assert [[Hurdle.SEVERAL_USERS]] == hurdles(CUSTOMER, named={"cus_1": frozenset({"ada", "bob"})})
    assert [[Hurdle.BAD_USER_ID]] == hurdles(CUSTOMER, named={"cus_1": frozenset({"a" * 257})})


def test_a_customer_who_is_not_there_is_told() -> None:
    """A file may name one that was deleted."""
    assert [[Hurdle.UNKNOWN]] == hurdles(named=ADA)


# Dying, and going on.


def done(task: Task, customer: Customer, user: User) -> tuple[Customer, User]:
    """What Stripe and the ledger say after a task."""
    match task:
        case Bind():
            return customer, replace(user, customer_id=customer.id)
        case NoteOnCustomer():
            return replace(customer, metadata={**customer.metadata, **OURS}), user
        case MoveToPlan():
            (bought,) = customer.subscriptions
            return replace(customer, subscriptions=(replace(bought, said=SAID, item=None),)), user
        case NoteOnSubscription():
            noted = [replace(each, metadata={**each.metadata, **OURS}) for each in customer.subscriptions]
            return replace(customer, subscriptions=tuple(noted)), user
        case Synchronise():
            return customer, replace(user, subscription=SAID)


NOTES = st.sampled_from([{}, {"user_id": "ada"}, OURS])
CUSTOMERS = st.builds(
    lambda notes, bought: replace(CUSTOMER, metadata=notes, subscriptions=bought),
    NOTES,
    st.just(())
    | st.builds(
        lambda bought, notes: (replace(bought, metadata=notes),),
        st.sampled_from([SUBSCRIPTION, OF_OLD]),
        NOTES,
    ),
)
USERS = st.builds(
    User,
    st.just("ada"),
    customer_id=st.sampled_from([None, "cus_1"]),
    subscription=st.sampled_from([None, SAID]),
)


@given(CUSTOMERS, USERS)
def test_a_plan_made_after_any_task_holds_the_rest_and_no_more(customer: Customer, user: User) -> None:
    """However far it had come before, and however far it comes now."""
    (step,) = plan(customer, users={"ada": user})
    states = accumulate(step.tasks, lambda state, task: done(task, *state), initial=(customer, user))
    left = [plan(each, users={"ada": theirs})[0].tasks for each, theirs in states]
    assert [step.tasks[number:] for number in range(len(step.tasks) + 1)] == left


STRANGE = [
    Customer("cus_2", "eur", {}),
    replace(CUSTOMER, id="cus_3", metadata={"deployment": "other"}),
    replace(CUSTOMER, id="cus_4", subscriptions=(SUBSCRIPTION, SUBSCRIPTION)),
]


@given(st.permutations([CUSTOMER, *STRANGE]))
def test_nobodys_trouble_is_anybody_elses(customers: list[Customer]) -> None:
    """Whoever else there is, and in whatever order, a customer's tasks are the same."""
    named = {each.id: frozenset({"ada" if each is CUSTOMER else each.id}) for each in customers}
    steps = {step.customer.id: step for step in plan(*customers, named=named)}
    assert plan(CUSTOMER) == [steps.pop("cus_1")]
    assert {Fate.REFUSED} == {step.fate for step in steps.values()}
