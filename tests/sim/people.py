"""What customers, their product and the deployer's staff do. Whoever gets no answer asks the same again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.sim.features import Features
from tests.sim.house import ORIGIN, House
from tests.sim.journal import Journal
from tests.sim.weather import Died
from tollkeeper.ledger.consuming import ObstacleError, Release
from tollkeeper.ledger.decisions import UnderWayError
from tollkeeper.ledger.patience import ContendedError
from tollkeeper.ledger.table import TransactionCancelledError, UnavailableError
from tollkeeper.ledger.users import StaleRevisionError
from tollkeeper.quota.quota import Consume
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.subscriptions import errors
from tollkeeper.subscriptions.cancellations import CancelAt
from tollkeeper.subscriptions.checkout import CheckoutWish
from tollkeeper.usage.errors import NotQueuedError
from tollkeeper.usage.records import CorrectionIn

NO_ANSWER = (
    Died,
    UnavailableError,
    ContendedError,
    StaleRevisionError,
    StripeUnavailableError,
    TransactionCancelledError,
    NotQueuedError,
)
"""What an API answers 503 to, or not at all: the caller asks again."""

NO = (
    errors.AlreadySubscribedError,
    errors.NoSubscriptionError,
    errors.SubscriptionEndedError,
    errors.SubscriptionEndingError,
    errors.SamePlanError,
    errors.NotMadeGoodError,
    errors.PaymentDueError,
    UnderWayError,
)

AMOUNTS = {"apiCalls": (40, 420), "aiQueries": (3, 45), "exports": (2, 24), "designsCreated": (1, 12)}
"""What is used at a time, of which metric."""

GOOD, FAILS = "4242424242424242", "4000000000000341"


@dataclass
class Person:
    """One who pays, and what is remembered of them by those who serve them."""

    name: str
    member: str
    consumed: list[tuple[str, str]] = field(default_factory=list)
    sent: int = 0
    seen_end: datetime | None = None

    def next_id(self) -> str:
        """Return an id for a record."""
        self.sent += 1
        return f"{self.name}-{self.member}-{self.sent}"


class People:
    """Does what people do, through the functions, and writes it down."""

    def __init__(self, house: House, journal: Journal, features: Features, chance: Random) -> None:
        self.house = house
        self.journal = journal
        self.features = features
        self.chance = chance
        self.again: Callable[[timedelta, Callable[[], None]], None] = lambda _after, _work: None

    def ask(
        self,
        request: str,
        body: Mapping[str, Any],
        call: Callable[[], Mapping[str, Any]],
        then: Callable[[Mapping[str, Any]], None] = lambda _: None,
        tries: int = 60,
    ) -> None:
        """Ask for something, and go on asking until there is an answer."""
        answer: Mapping[str, Any] | None
        try:
            answer = call()
        except NO_ANSWER:
            answer = None
        except NO as refused:
            answer = {"refused": type(refused).__name__}
        self.journal.note(self.house.now, request, body, answer)
        if answer is not None:
            then(answer)
        elif tries:
            minutes = self.chance.choice([0, 1, 5, 40])
            self.again(
                timedelta(minutes=minutes, seconds=7), lambda: self.ask(request, body, call, then, tries - 1)
            )

    # What the product does.

    def uses(self, person: Person) -> None:
        """Report some usage, perhaps twice, perhaps late."""
        now, chance = self.house.now, self.chance
        records = []
        for _ in range(chance.choice([1, 1, 2, 4])):
            back = timedelta(seconds=chance.choice([0, 0, 30, 3_000]))
            if self.features.late and chance.random() < 0.12:
                back = timedelta(days=chance.uniform(0, 34))
            ahead = timedelta(minutes=4) if chance.random() < 0.02 else timedelta()
            metric = chance.choice([*AMOUNTS])
            records.append(
                {
                    "id": person.next_id(),
                    "userId": person.name,
                    "eventType": metric,
                    "quantity": chance.randint(*AMOUNTS[metric]),
                    "timestamp": (now - back + ahead).replace(microsecond=0).isoformat(),
                    **({"facilityId": chance.choice(["north", "south"])} if chance.random() < 0.3 else {}),
                }
            )
        self.reports(records)
        if self.features.repeats and chance.random() < 0.2:
            self.again(timedelta(hours=chance.choice([0, 2, 90])), lambda: self.reports(records))

    def reports(self, records: list[dict[str, Any]]) -> None:
        """Send records, and those that were not taken again."""

        def call() -> dict[str, Any]:
            accepted = self.house.intake().accept(records, self.house.now)
            return {
                "accepted": accepted.accepted,
                "rejected": [
                    {"index": each.index, "error": each.error, "retryable": each.retryable}
                    for each in accepted.rejected
                ],
            }

        def then(answer: Mapping[str, Any]) -> None:
            if left := [records[each["index"]] for each in answer["rejected"] if each["retryable"]]:
                self.again(timedelta(minutes=3), lambda: self.reports(left))

        self.ask("POST /usage", {"records": records}, call, then)

    def consumes(self, person: Person) -> None:
        """Ask for some of a limit."""
        metric = self.chance.choice([*AMOUNTS, "designsCreated"])
        quantity = self.chance.randint(*AMOUNTS[metric])
        name = person.next_id()

        def call() -> dict[str, Any]:
            now = self.house.now
            record = UsageRecord(name, person.name, metric, quantity, now, now)
            try:
                answer = self.house.quota().ask(Consume(record), self.house.patience(8))
            except ObstacleError as obstacle:
                return {"refused": str(obstacle)}
            return {"allowed": answer.allowed}

        def then(answer: Mapping[str, Any]) -> None:
            if answer.get("allowed"):
                person.consumed.append((name, metric))

        body = {"userId": person.name, "id": name, "eventType": metric, "quantity": quantity}
        self.ask("POST /quota/consume", body, call, then)

    def releases(self, person: Person) -> None:
        """Give back what was consumed."""
        if not person.consumed:
            return
        name, metric = person.consumed.pop(self.chance.randrange(len(person.consumed)))

        def call() -> dict[str, Any]:
            wish = Release(person.name, name, metric, self.house.now)
            try:
                self.house.quota().ask(wish, self.house.patience(8))
            except ObstacleError as obstacle:
                return {"refused": str(obstacle)}
            return {"released": True}

        self.ask("POST /quota/release", {"userId": person.name, "id": name, "eventType": metric}, call)

    def corrects(self, person: Person) -> None:
        """Take back usage that was a mistake."""
        metric = self.chance.choice([*AMOUNTS])
        body = {
            "userId": person.name,
            "id": person.next_id(),
            "eventType": metric,
            "quantity": -self.chance.randint(*AMOUNTS[metric]),
            "reason": "a mistake",
            "actor": "support",
        }

        def call() -> dict[str, Any]:
            accepted = self.house.intake().correct(CorrectionIn.model_validate(body), self.house.now)
            return {"accepted": accepted.accepted}

        self.ask("POST /usage/corrections", body, call)

    # What customers do.

    def subscribes(self, person: Person) -> None:
        """Check out, and pay."""
        plan = self.chance.choice(["starter", "starter", "professional"])
        wish = CheckoutWish(person.name, plan, f"{ORIGIN}/yes", f"{ORIGIN}/no")

        def call() -> dict[str, Any]:
            return {"id": self.house.checkout().open_session(wish, self.house.now).id}

        def then(answer: Mapping[str, Any]) -> None:
            if "id" in answer:
                card = FAILS if self.features.failing_cards and self.chance.random() < 0.15 else GOOD
                self.again(timedelta(minutes=2), lambda: self.pays(person, str(answer["id"]), card))

        self.ask("POST /checkout", {"userId": person.name, "plan": plan}, call, then)

    def pays(self, person: Person, session: str, card: str) -> None:
        """Pay on the session's page."""
        from infra.stripe_standin.checkout import completion  # noqa: PLC0415 - only people use the page
        from infra.stripe_standin.errors import RefusedError  # noqa: PLC0415 - the same

        try:
            completion.complete(self.house.stripe.account, session, card)
            told = "paid"
        except RefusedError as refused:
            told = f"not paid: {refused}"
        self.journal.tell(self.house.now, f"{person.name} on the checkout page: {told}")

    def caps(self, person: Person) -> None:
        """Accept no more than so much."""
        cap = self.chance.choice([None, 0, 250, 1_500, 6_000])

        def call() -> dict[str, Any]:
            self.house.caps().set(person.name, cap, self.house.now, self.house.patience(8))
            return {"amount": cap}

        self.ask("PUT /subscription/spending-cap", {"userId": person.name, "amount": cap}, call)

    def changes_plan(self, person: Person) -> None:
        """Go up or down."""
        plan = self.chance.choice(["starter", "professional", "enterprise"])
        key = person.next_id()

        def call() -> dict[str, Any]:
            now, patience = self.house.now, self.house.patience(8)
            change = self.house.plan_changes().change(person.name, plan, key, now, patience)
            return {"effective": str(change.effective), "at": change.at.isoformat()}

        self.ask("POST /subscription/plan", {"userId": person.name, "plan": plan}, call)

    def cancels(self, person: Person) -> None:
        """End it, now or then."""
        when = self.chance.choice([CancelAt.NOW, CancelAt.PERIOD_END])
        key = person.next_id()

        def call() -> dict[str, Any]:
            now, patience = self.house.now, self.house.patience(8)
            self.house.cancellations().cancel(person.name, when, key, now, patience)
            return {"cancelled": str(when)}

        self.ask("POST /subscription/cancel", {"userId": person.name, "at": str(when)}, call)

    def resumes(self, person: Person) -> None:
        """Take that back."""
        key = person.next_id()

        def call() -> dict[str, Any]:
            now, patience = self.house.now, self.house.patience(8)
            self.house.cancellations().resume(person.name, key, now, patience)
            return {"resumed": True}

        self.ask("POST /subscription/resume", {"userId": person.name}, call)

    def looks(self, person: Person) -> None:
        """Look at what there is."""
        view = self.house.reader().subscription(person.name)
        answer = {
            "plan": view.plan,
            "status": view.status,
            "subscriptionId": view.subscription_id,
            "currentPeriodStart": view.current_period_start and view.current_period_start.isoformat(),
            "currentPeriodEnd": view.current_period_end and view.current_period_end.isoformat(),
        }
        self.journal.note(self.house.now, "GET /subscription", {"userId": person.name}, answer)
        end = view.current_period_end
        if end and end != person.seen_end and end > self.house.now:
            person.seen_end = end
            self._uses_at_the_end(person, end)

    def _uses_at_the_end(self, person: Person, end: datetime) -> None:
        """Use something around the very end of a period."""
        for seconds in (-1, 0, self.chance.randint(-600, 600)):
            self.again(end + timedelta(seconds=seconds) - self.house.now, lambda: self.uses(person))
