"""What users, back ends and strangers do in a round of the soak, and what they are answered."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from itertools import count
from urllib.parse import parse_qs, urlsplit

import httpx

from infra.local.places import Stack
from tests.e2e.callers import Callers
from tests.e2e.queues import Queues
from tests.e2e.soak_books import Books

type Act = Callable[[], None]

AMOUNTS = {"apiCalls": 900, "aiQueries": 90, "exports": 60, "roomsCreated": 9}
"""The most that is reported of a metric at a time."""

CONSUMED = {"designsCreated": 1, "mlPredictions": 40, "exports": 15}
TRIES = 40
EXPECTED = {
    "reports": {202},
    "consumes": {200, 402},
    "releases": {200},
    "checks": {200},
    "looks": {200},
    "pages": {200, 201, 303},
    "forges a webhook": {400},
    "comes without a token": {401},
    "sends nonsense": {422},
}
"""What may be answered beside 503, after which the same is asked again."""


class Traffic:
    """Draws what is done in a round. `answers` counts all answers by what was done."""

    def __init__(self, stack: Stack, callers: Callers, queues: Queues, books: Books) -> None:
        self._stack = stack
        self._callers = callers
        self._queues = queues
        self._books = books
        self._ids = count()
        self._lock = threading.Lock()
        self.answers: Counter[str] = Counter()

    def is_bad(self, what: str) -> bool:
        """Whether an answer that was counted should not have been given."""
        done, _, status = what.rpartition(": ")
        return int(status) not in EXPECTED[done] | {503}

    def round(self, now: datetime, users: Sequence[str], chance: random.Random) -> list[Act]:
        """Return what is done in a round, in the order of chance."""
        acts: list[Act] = [self._forges, self._comes_without_a_token, self._sends_nonsense]
        for user in users:
            for _ in range(4):
                acts.append(self._reports(user, now, chance))
                acts.append(self._consumes(user, now, chance))
            looks = ("/subscription", "/usage", "/invoices", "/usage/records?billingMonth=" + f"{now:%Y-%m}")
            acts += [partial(self._looks, user, chance.choice(looks)), partial(self._checks, user)]
            acts.append(partial(self._opens_the_page, user))
        chance.shuffle(acts)
        return acts

    def _id(self, user: str) -> str:
        return f"{user}-{next(self._ids)}"

    def _answered(self, done: str, ask: Callable[[], httpx.Response]) -> httpx.Response:
        """Ask until there is an answer that is no 503, and count all answers."""
        for attempt in range(TRIES):
            answer = ask()
            with self._lock:
                self.answers[f"{done}: {answer.status_code}"] += 1
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            time.sleep(0.2 * (attempt + 1))
        return answer

    def _reports(self, user: str, now: datetime, chance: random.Random) -> Act:
        """Report a batch, perhaps twice, perhaps to the queue as well."""
        records = [
            {
                "id": self._id(user),
                "userId": user,
                "eventType": (metric := chance.choice([*AMOUNTS])),
                "quantity": chance.randint(1, AMOUNTS[metric] // 3),
                "timestamp": now.isoformat(),
            }
            for _ in range(chance.choice([1, 3, 12]))
        ]
        times, by_both_doors = chance.choice([1, 1, 2]), chance.random() < 0.2

        def act() -> None:
            def report() -> httpx.Response:
                return self._callers.service.post("/usage", json={"records": records})

            for _ in range(times):
                answer = self._answered("reports", report)
                if answer.status_code != HTTPStatus.ACCEPTED or answer.json()["rejected"]:
                    raise RuntimeError(f"usage was not taken: {answer.text}")
            if by_both_doors:
                self._queues.send(json.dumps({"records": records}))
            for each in records:
                self._books.acknowledge(user, str(each["eventType"]), int(str(each["quantity"])), now)

        return act

    def _consumes(self, user: str, now: datetime, chance: random.Random) -> Act:
        """Consume, perhaps asking twice under one id, and perhaps give it back."""
        metric = chance.choice([*CONSUMED])
        quantity, record_id = chance.randint(1, CONSUMED[metric]), self._id(user)
        times, gives_back = chance.choice([1, 2]), chance.random() < 0.3

        def act() -> None:
            def consume() -> httpx.Response:
                return self._callers.consume(user, metric, record_id, quantity)

            answers = [self._answered("consumes", consume).status_code for _ in range(times)]
            if HTTPStatus.OK not in answers:
                return
            if not gives_back:
                self._books.acknowledge(user, metric, quantity, now)
                return
            body, path = {"userId": user, "id": record_id}, f"/quota/{metric}/release"
            self._answered("releases", lambda: self._callers.service.post(path, json=body))

        return act

    def _looks(self, user: str, path: str) -> None:
        self._answered("looks", lambda: self._callers.user(user).get(path))

    def _checks(self, user: str) -> None:
        asked = {"userId": user}
        self._answered("checks", lambda: self._callers.service.get("/quota/apiCalls", params=asked))

    def _opens_the_page(self, user: str) -> None:
        """Follow a link to the usage page, as a browser does."""
        told = self._answered("pages", lambda: self._callers.user(user).post("/dashboard-link"))
        [secret] = parse_qs(urlsplit(told.json()["url"]).query)["link"]
        browser = self._callers.bearing(None)
        entered = self._answered("pages", lambda: browser.get("/dashboard", params={"link": secret}))
        browser.headers["cookie"] = entered.headers["set-cookie"].partition(";")[0]
        self._answered("pages", lambda: browser.get("/dashboard"))

    def _forges(self) -> None:
        signed = {"stripe-signature": f"t={int(time.time())},v1={'0' * 64}"}
        event = '{"type": "customer.deleted"}'
        self._answered(
            "forges a webhook",
            lambda: httpx.post(
                self._stack.webhook, content=event, headers=signed, trust_env=False, timeout=60
            ),
        )

    def _comes_without_a_token(self) -> None:
        self._answered("comes without a token", lambda: self._callers.bearing(None).get("/subscription"))

    def _sends_nonsense(self) -> None:
        self._answered("sends nonsense", lambda: self._callers.service.post("/usage", content=b"nonsense"))
