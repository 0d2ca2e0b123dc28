"""What customers, their product and staff ask of the API. Whoever gets no answer asks again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.fakes.api_gateway import user_claims
from tests.sim.deployment import ORIGIN, Answer
from tests.sim.features import Features
from tests.sim.house import House
from tests.sim.journal import Journal

AMOUNTS = {"apiCalls": (40, 420), "aiQueries": (3, 45), "exports": (2, 24), "designsCreated": (1, 12)}
"""What is used at a time, of which metric."""

SHOWN = (
    *("plan", "status", "subscriptionId", "currentPeriodStart", "currentPeriodEnd"),
    *("pendingPlan", "cancelAt"),
)
"""What is written down of a subscription."""

WHAT_THERE_IS = 8

GOOD, FAILS = "4242424242424242", "4000000000000341"
TRIES = 150


@dataclass
class Person:
    """One who pays, or a member of the organisation that does, and what their product remembers of them."""

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
    """Does what people do, over the API, and writes it down."""

    def __init__(self, house: House, journal: Journal, features: Features, chance: Random) -> None:
        self.house = house
        self.journal = journal
        self.features = features
        self.chance = chance
        self.again: Callable[[timedelta, Callable[[], None]], None] = lambda _after, _work: None
        self.sees_an_end: Callable[[Person, datetime], None] = lambda _person, _end: None

    def ask(
        self,
        request: str,
        body: Mapping[str, Any],
        call: Callable[[], Answer | None],
        then: Callable[[Mapping[str, Any]], None] = lambda _: None,
        tries: int = TRIES,
    ) -> None:
        """Ask for something, and go on asking until there is an answer."""
        answered = call()
        answer = None if answered is None else _told(answered)
        self.journal.note(self.house.now, request, body, answer)
        if answer is not None:
            then(answer)
        elif tries:
            minutes = self.chance.choice([0, 1, 5, 40])
            self.again(
                timedelta(minutes=minutes, seconds=7), lambda: self.ask(request, body, call, then, tries - 1)
            )

    def as_member(self, person: Person) -> Mapping[str, str]:
        """Return what a person's token claims: of an organisation, member `a` may buy."""
        if not self.features.organisations:
            return user_claims(person.name)
        role = "admin" if person.member == "a" else "member"
        return {**user_claims(f"member-{person.member}"), "org_id": person.name, "org_role": role}

    def decides(
        self,
        person: Person,
        route: str,
        body: Mapping[str, Any] | None,
        function: str = "subscriptions",
        then: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> None:
        """Ask for something that a user's own token allows."""
        key = {"idempotency-key": person.next_id()}

        def call() -> Answer | None:
            claims = self.as_member(person)
            return self.house.request(function, route, body, claims=claims, headers=key)

        told = {"userId": person.name, "member": person.member, **(body or {})}
        self.ask(route, told, call, then)

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

        def then(answer: Mapping[str, Any]) -> None:
            rejected = answer.get("rejected", ())
            if left := [records[each["index"]] for each in rejected if each["retryable"]]:
                self.again(timedelta(minutes=3), lambda: self.reports(left))

        body = {"records": records}
        self.ask("POST /usage", body, lambda: self.house.request("usage_intake", "POST /usage", body), then)

    def consumes(self, person: Person) -> None:
        """Ask for some of a limit."""
        metric = self.chance.choice([*AMOUNTS, "designsCreated"])
        name, quantity = person.next_id(), self.chance.randint(*AMOUNTS[metric])
        body = {"userId": person.name, "id": name, "quantity": quantity}

        def then(answer: Mapping[str, Any]) -> None:
            if answer.get("allowed"):
                person.consumed.append((name, metric))

        self._asks_for_quota("consume", metric, body, then)

    def releases(self, person: Person) -> None:
        """Give back what was consumed."""
        if person.consumed:
            name, metric = person.consumed.pop(self.chance.randrange(len(person.consumed)))
            self._asks_for_quota("release", metric, {"userId": person.name, "id": name})

    def _asks_for_quota(
        self,
        verb: str,
        metric: str,
        body: Mapping[str, Any],
        then: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> None:
        def call() -> Answer | None:
            return self.house.request("quota", f"POST /quota/{{eventType}}/{verb}", body, eventType=metric)

        self.ask(f"POST /quota/{verb}", {**body, "eventType": metric}, call, then)

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
        route = "POST /usage/corrections"
        self.ask(route, body, lambda: self.house.request("usage_intake", route, body))

    # What customers do.

    def subscribes(self, person: Person) -> None:
        """Check out, and pay."""
        plan = self.chance.choice(["starter", "starter", "professional"])

        def then(answer: Mapping[str, Any]) -> None:
            if "id" in answer:
                card = FAILS if self.features.failing_cards and self.chance.random() < 0.15 else GOOD
                self.again(timedelta(minutes=2), lambda: self.pays(person, str(answer["id"]), card))

        body = {"plan": plan, "successUrl": f"{ORIGIN}/yes", "cancelUrl": f"{ORIGIN}/no"}
        self.decides(person, "POST /checkout", body, "checkout", then)

    def pays(self, person: Person, session: str, card: str) -> None:
        """Pay on the session's page."""
        from infra.stripe_standin.checkout import completion  # noqa: PLC0415 - only people use the page
        from infra.stripe_standin.errors import RefusedError  # noqa: PLC0415 - the same

        try:
            completion.complete(self.house.stripe.account, session, card)
            told = "paid"
        except RefusedError as refused:
            told = f"not paid: {refused}"
        self.house.stripe.touched()
        self.journal.tell(self.house.now, f"{person.name} on the checkout page: {told}")

    def caps(self, person: Person) -> None:
        """Accept no more than so much."""
        cap = self.chance.choice([None, 0, 250, 1_500, 6_000])
        self.decides(person, "PUT /subscription/spending-cap", {"amount": cap})

    def changes_plan(self, person: Person) -> None:
        """Go up or down."""
        plan = self.chance.choice(["starter", "professional", "enterprise"])
        self.decides(person, "POST /subscription/plan", {"plan": plan})

    def cancels(self, person: Person) -> None:
        """End it, now or then."""
        self.decides(person, "POST /subscription/cancel", {"at": self.chance.choice(["now", "period_end"])})

    def resumes(self, person: Person) -> None:
        """Take that back."""
        self.decides(person, "POST /subscription/resume", None)

    def looks(self, person: Person) -> None:
        """Look at what there is."""
        claims = self.as_member(person)
        answered = self.house.request("reader", "GET /subscription", claims=claims)
        if answered is None:
            return
        shown = answered.body
        answer = {**{name: shown[name] for name in SHOWN}, "trial": {"endsAt": shown["trial"]["endsAt"]}}
        self.journal.note(self.house.now, "GET /subscription", {"userId": person.name}, answer)
        end = shown["currentPeriodEnd"] and datetime.fromisoformat(shown["currentPeriodEnd"])
        if end and end != person.seen_end and end > self.house.now:
            person.seen_end = end
            self._uses_at_the_end(person, end)
            if shown["subscriptionId"]:
                self.sees_an_end(person, end)

    def browses(self, person: Person) -> None:
        """Look at something of what there is."""
        self._looks_at(self.chance.randrange(WHAT_THERE_IS), person)

    def looks_around(self, person: Person) -> None:
        """Look at all there is."""
        for what in range(WHAT_THERE_IS):
            self._looks_at(what, person)

    def _looks_at(self, what: int, person: Person) -> None:
        """Look at invoices, days, quota, the page, Stripe's portal, or what hosts have told."""
        claims, hour = self.as_member(person), self.house.now.replace(minute=0, second=0, microsecond=0)
        seen = {"host": "shop", "process": person.member, "hour": hour.isoformat(), "metered": {"exports": 1}}
        house = self.house
        match what:
            case 0:
                self._explains(claims)
            case 1:
                house.request("invoices", "GET /invoices/upcoming", claims=claims)
            case 2:
                house.request("reader", "GET /usage", claims=claims)
            case 3:
                asked = "GET /quota/{eventType}"
                house.request("quota", asked, query=f"userId={person.name}", eventType="exports")
            case 4:
                self._opens_the_page(claims)
            case 5:
                body = {"returnUrl": f"{ORIGIN}/account"}
                house.request("portal", "POST /portal", body, claims=claims)
            case 6:
                house.request("coverage", "POST /coverage", seen)
                house.request("coverage", "GET /coverage")
            case _:
                wanted = "plan=professional"
                house.request("subscriptions", "GET /subscription/plan/preview", claims=claims, query=wanted)

    def _explains(self, claims: Mapping[str, str]) -> None:
        found = self.house.request("invoices", "GET /invoices", claims=claims)
        for each in found.body["invoices"][:2] if found and found.status == 200 else ():
            route = "GET /invoices/{invoiceId}/explain"
            self.house.request("invoices", route, claims=claims, invoiceId=each["id"])

    def _opens_the_page(self, claims: Mapping[str, str]) -> None:
        link = self.house.request("dashboard", "POST /dashboard-link", claims=claims)
        if link and link.status < 300:
            query = str(link.body["url"]).partition("?")[2]
            self.house.request("dashboard", "GET /dashboard", query=query)

    def _uses_at_the_end(self, person: Person, end: datetime) -> None:
        """Use something around the very end of a period."""
        for seconds in (-1, 0, self.chance.randint(-600, 600)):
            self.again(end + timedelta(seconds=seconds) - self.house.now, lambda: self.uses(person))


def _told(answer: Answer) -> Mapping[str, Any]:
    """Return an answer as it is written down: its body, and what was refused."""
    if answer.status < 300:
        body = answer.body if isinstance(answer.body, Mapping) else {}
        return {name: value for name, value in body.items() if name not in {"url", "resetsAt"}}
    return {"refused": answer.body.get("error"), "status": answer.status, "rejected": []}
