"""What there is to see of a world that has come to rest, in JSON's own values: all that the auditor sees."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import stripe as sdk
from stripe import Invoice, Subscription

from tests.sim.house import House
from tests.sim.stripe_at_hand import facts_of
from tests.sim.world import World
from tollkeeper.ledger import keys
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.history import History
from tollkeeper.periods.proving import Proving
from tollkeeper.rules.proofs import Proof
from tollkeeper.stripe.gateway import StripeGateway

LONGEST_HOLD = timedelta(hours=72)


def evidence_of(world: World) -> dict[str, Any]:
    """Return the journal, what Stripe holds and told, what the API shows, and what `prove` says of all."""
    house = world.house
    account = house.stripe.account
    return {
        "entries": world.journal.entries,
        "invoices": [facts_of(each) for each in account.all(Invoice)],
        "subscriptions": [facts_of(each) for each in account.all(Subscription)],
        "customers": {each.id: facts_of(each).get("metadata") or {} for each in account.all(sdk.Customer)},
        "words": [*_words(house)],
        "deadLetters": [each.body for each in house.dead_letters.waiting.values()],
        "deadEvents": [each.body for each in house.dead_events.waiting.values()],
        "deadChanges": [each.body for each in house.dead_changes.waiting.values()],
        "announcements": house.bus.told,
        "unannounced": len(house.memory.stream),
        "troubles": house.troubles,
        "proofs": [*_proofs(world)],
        "records": lambda user, period: _records(house, user, period),
    }


def _words(house: House) -> Iterator[dict[str, Any]]:
    """Return what Stripe told of subscriptions, the oldest first: its own record of what they were when."""
    events = list(house.stripe.account.all(sdk.Event))
    for event in reversed(events):
        if event.type.startswith("customer.subscription."):
            told = facts_of(event)
            yield {"at": told["created"], "subscription": told["data"]["object"]}


def _proofs(world: World) -> Iterator[dict[str, Any]]:
    """Return what `prove` says of each period of each user."""
    house = world.house
    stripe = StripeGateway(house.stripe.client(), house.catalogue, "live")
    proving = Proving(Closing(house.memory), History(house.memory), stripe, "live")
    for key in [*house.memory.rows]:
        if keys.is_period(key):
            user, _, period = keys.read_period(key)
            if proof := proving.prove(user, period, house.now):
                yield _told(user, proof)


def _told(user: str, proof: Proof) -> dict[str, Any]:
    return {
        "user": user,
        "start": proof.period.start.isoformat(),
        "subscription": proof.period.subscription_id,
        "closed": proof.period.closed_at is not None,
        "differences": [*proof.differences],
        "charged": {
            each.metric: {"quantity": each.charge.quantity, "amount": each.charge.amount}
            for each in proof.metrics
            if each.charge
        },
        "used": {each.metric: each.sums.total for each in proof.metrics},
    }


def _records(house: House, user: str, period: datetime) -> list[dict[str, Any]]:
    """Ask `GET /users/{userId}/records?period`, page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        query = f"period={period:%Y-%m-%dT%H:%M:%SZ}{cursor and f'&cursor={cursor}'}"
        answer = house.request("reader", "GET /users/{userId}/records", query=query, userId=user)
        if answer is None or answer.status != 200:
            raise AssertionError(f"the records of {user} since {period} are not shown: {answer}")
        found += answer.body["records"]
        if not answer.body["cursor"]:
            return found
        cursor = str(answer.body["cursor"])


def marks_of(world: World) -> Counter[str]:
    """Return how often each rare path was taken."""
    house, marks = world.house, Counter(world.house.weather.marks)
    for row in house.memory.rows.values():
        if "action" in row:
            marks[f"audited: {row['action']}"] += 1
    for user in world.users:
        for bill in Bills(house.memory).of_user(user):
            marks["own invoices"] += bill.is_own
            marks["bills that left an invoice"] += bool(bill.passed)
            marks["caps at the close"] += any(each.capped for each in bill.charges or ())
            marks["waived lines"] += len(bill.waived)
    marks["bills that moved"] += house.reported["moving"]
    marks["periods closed before they settled"] += house.reported["unsettled"]
    for invoice in house.stripe.account.all(Invoice):
        final = invoice.status_transitions.finalized_at if invoice.status_transitions else None
        held = final is not None and final - invoice.created >= LONGEST_HOLD.total_seconds()
        marks["holds that ran out"] += held and invoice.billing_reason == "subscription_cycle"
    found = house.stripe.added["unanswered"] - house.stripe.added["answered"]
    marks["lines found by reading after a crash"] += sum(map(bool, map(house.stripe.lines_on, found)))
    marks["functions called"] += len(house.functions.called)
    return marks
