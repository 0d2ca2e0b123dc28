"""/quota/{eventType}: what is left, consumed and released, in the very words of the contract."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

import pytest

from functions.quota.app import answer
from tests.examples import CATALOGUE, END, NOW, OFFER, RECORD, SUBSCRIPTION, bound
from tests.fakes.api_gateway import SERVICE_CLAIMS, Answer
from tests.fakes.table import MemoryTable
from tollkeeper.api.authorization import Authorizer
from tollkeeper.catalogue import Mode
from tollkeeper.ledger import keys, record_rows
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import ContendedError, Patience, for_seconds
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.users import Users
from tollkeeper.quota.quota import Quota
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.usage import UsageRecord

UPGRADE_URL = "https://app.example.com/pricing"
AUTHORIZER = Authorizer("tollkeeper", "tollkeeper-service", "billing:service")
AS_SERVICE = {"requestContext": {"authorizer": {"jwt": {"claims": SERVICE_CLAIMS}}}}
WISH: Mapping[str, object] = {"userId": "ada", "id": "wish-1"}

DESIGNS = {"allowed": True, "limit": 3, "current": 0, "remaining": 3, "planTier": "free", "onLimit": "block"}
IN_NOVEMBER = {"resetsAt": "2025-12-01T00:00:00Z"}
IN_HER_PERIOD = {"resetsAt": "2025-12-03T09:30:15Z"}


@pytest.fixture
def table() -> MemoryTable:
    """A ledger that knows nobody: everybody is on the free plan."""
    return MemoryTable()


def ask(consuming: Consuming, route: str, event: Mapping[str, Any], now: datetime) -> Answer:
    """Send an event as API Gateway would for a route."""
    found = answer(
        {"routeKey": route, **AS_SERVICE, **event},
        AUTHORIZER,
        Quota(consuming),
        CATALOGUE.metrics,
        UPGRADE_URL,
        now,
        for_seconds(8),
    )
    return Answer(found["statusCode"], json.loads(found["body"]), found["headers"])


def check(
    table: MemoryTable, metric: str, user: str | None = "ada", now: datetime = NOW, offer: Offer = OFFER
) -> Answer:
    """Ask what is left."""
    query = {} if user is None else {"userId": user}
    event = {"pathParameters": {"eventType": metric}, "queryStringParameters": query or None}
    return ask(Consuming(table, offer), "GET /quota/{eventType}", event, now)


def post(
    consuming: Consuming, verb: str, metric: str, body: object, now: datetime = NOW, *, encoded: bool = False
) -> Answer:
    """Ask to consume or to release; a body of text is sent as it is."""
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    if encoded and text is not None:
        text = b64encode(text.encode()).decode()
    event = {"pathParameters": {"eventType": metric}, "body": text, "isBase64Encoded": encoded}
    return ask(consuming, f"POST /quota/{{eventType}}/{verb}", event, now)


def consume(
    table: MemoryTable, metric: str, now: datetime = NOW, offer: Offer = OFFER, **changes: object
) -> Answer:
    """Ask to consume."""
    return post(Consuming(table, offer), "consume", metric, {**WISH, **changes}, now)


def release(table: MemoryTable, metric: str, now: datetime = NOW, **changes: object) -> Answer:
    """Ask to release."""
    return post(Consuming(table, OFFER), "release", metric, {**WISH, **changes}, now)


def subscribe(table: MemoryTable, subscription: Subscription = SUBSCRIPTION) -> None:
    """Write what Stripe says of Ada."""
    users = Users(table)
    user = users.history("ada")
    users.write_subscription(user, subscription, bound(user, subscription))


def track(table: MemoryTable, metric: str, quantity: int, offer: Offer = OFFER) -> None:
    """Count what Ada did without asking."""
    counting = Counting(table, offer)
    [user] = counting.profiles(["ada"])
    record = replace(RECORD, id=f"tracked-{metric}", metric=metric, quantity=quantity)
    counting.count(user, [record], now=NOW, patience=for_seconds(1))


def used(table: MemoryTable, metric: str) -> int:
    """Return what a check tells of Ada's usage."""
    current: int = check(table, metric).body["current"]
    return current


class TestCheck:
    """GET /quota/{eventType}."""

    def test_somebody_unknown_is_on_the_free_plan(self, table: MemoryTable) -> None:
        """A user without a row has what is free, until the calendar month ends."""
        assert (200, {**DESIGNS, **IN_NOVEMBER}) == check(table, "designsCreated")[:2]

    def test_a_limit_that_is_reached_allows_no_more(self, table: MemoryTable) -> None:
        """Tracking may have gone beyond it; what remains is nothing, never less."""
        track(table, "designsCreated", 4)
        expected = {**DESIGNS, **IN_NOVEMBER, "allowed": False, "current": 4, "remaining": 0}
        assert (200, expected) == check(table, "designsCreated")[:2]

    def test_what_is_billed_beyond_its_limit_stays_allowed(self, table: MemoryTable) -> None:
        """A metric with a price says so before its limit, and goes on after it."""
        subscribe(table)
        track(table, "exports", 600)
        expected = {
            "allowed": True,
            "limit": 500,
            "current": 600,
            "remaining": 0,
            "planTier": "professional",
            "onLimit": "bill",
            **IN_HER_PERIOD,
        }
        assert (200, expected) == check(table, "exports")[:2]

    def test_unlimited_is_minus_one(self, table: MemoryTable) -> None:
        """Both the limit and what remains of it."""
        subscribe(table)
        track(table, "designsCreated", 1_000)
        expected = {
            "allowed": True,
            "limit": -1,
            "current": 1_000,
            "remaining": -1,
            "planTier": "professional",
            "onLimit": "block",
            **IN_HER_PERIOD,
        }
        assert (200, expected) == check(table, "designsCreated")[:2]

    @pytest.mark.parametrize("metric", [*CATALOGUE.metrics])
    def test_every_metric_can_be_asked_for(self, table: MemoryTable, metric: str) -> None:
        """Those that are only counted are unlimited."""
        body = check(table, metric).body
        assert (True, CATALOGUE.plans["free"].limits[metric]) == (body["allowed"], body["limit"])

    def test_a_trial_bills_nothing(self, table: MemoryTable) -> None:
        """The plan's limits hold, and block: Stripe bills no usage in a trial."""
        subscribe(table, replace(SUBSCRIPTION, status=Status.TRIALING, trial_end=END))
        body = check(table, "exports").body
        assert ("professional", 500, "block") == (body["planTier"], body["limit"], body["onLimit"])

    def test_past_due_keeps_its_plan_within_the_grace(self, table: MemoryTable) -> None:
        """A second before seven days are over the plan still holds."""
        last = NOW + timedelta(days=7) - timedelta(seconds=1)
        subscribe(table, replace(SUBSCRIPTION, status=Status.PAST_DUE, past_due_since=NOW))
        body = check(table, "exports", now=last).body
        assert ("professional", 500, "bill") == (body["planTier"], body["limit"], body["onLimit"])

    def test_past_due_beyond_the_grace_has_what_is_free(self, table: MemoryTable) -> None:
        """The free plan's limits hold for all that the period has counted, until the period ends."""
        subscribe(table, replace(SUBSCRIPTION, status=Status.PAST_DUE, past_due_since=NOW))
        track(table, "exports", 7)
        expected = {
            "allowed": False,
            "limit": 5,
            "current": 7,
            "remaining": 0,
            "planTier": "free",
            "onLimit": "block",
            **IN_HER_PERIOD,
        }
        assert (200, expected) == check(table, "exports", now=NOW + timedelta(days=7))[:2]

    def test_a_period_without_an_end_resets_nobody_knows_when(self, table: MemoryTable) -> None:
        """Before Stripe has said what the renewed period is, there is room, and no end to tell."""
        subscribe(table)
        track(table, "exports", 7)
        body = check(table, "exports", now=END).body
        assert ("professional", 0, None) == (body["planTier"], body["current"], body["resetsAt"])

    def test_what_is_only_observed_is_always_allowed(self, table: MemoryTable) -> None:
        """The limit is shown, and passed without a price."""
        offer = observing("exports")
        track(table, "exports", 7, offer)
        body = check(table, "exports", offer=offer).body
        assert (True, 5, 7, 0, "block") == (
            body["allowed"],
            body["limit"],
            body["current"],
            body["remaining"],
            body["onLimit"],
        )

    def test_a_spending_cap_that_is_reached_allows_no_more(self, table: MemoryTable) -> None:
        """What the next one would cost is more than the user accepts."""
        subscribe(table)
        SpendingCaps(table, OFFER).set("ada", 100, NOW, for_seconds(5))
        track(table, "exports", 501)
        assert check(table, "exports").body["allowed"]
        consume(table, "exports")
        assert not check(table, "exports").body["allowed"]

    def test_an_unknown_metric_names_the_known_ones(self, table: MemoryTable) -> None:
        """422, with every metric that could have been meant."""
        told = check(table, "apiCall")
        known = f"there is no metric 'apiCall'. The metrics are {', '.join(CATALOGUE.metrics)}."
        assert (
            422,
            {
                "error": "validation_failed",
                "message": f"eventType: {known}",
                "fields": [{"path": "eventType", "message": known}],
            },
        ) == told[:2]

    @pytest.mark.parametrize("user", [None, "", "a" * 257])
    def test_somebody_must_be_asked_for(self, table: MemoryTable, user: str | None) -> None:
        """422 where it is not said for whom, or for nobody there can be."""
        message = "must be a text of 1 to 256 characters"
        assert (
            422,
            {
                "error": "validation_failed",
                "message": f"userId: {message}",
                "fields": [{"path": "userId", "message": message}],
            },
        ) == check(table, "exports", user)[:2]

    def test_nothing_is_written(self, table: MemoryTable) -> None:
        """Asking leaves no trace."""
        check(table, "exports")
        assert {} == table.rows


def observing(metric: str) -> Offer:
    """Return an offer in which a metric is only observed."""
    observed = replace(CATALOGUE.metrics[metric], mode=Mode.OBSERVE)
    return Offer(replace(CATALOGUE, metrics={**CATALOGUE.metrics, metric: observed}), OFFER.bill_overage_from)


class TestConsume:
    """POST /quota/{eventType}/consume."""

    def test_a_yes_says_what_is_left_after_it(self, table: MemoryTable) -> None:
        """What was consumed is counted already, and the id is repeated."""
        expected = {**DESIGNS, **IN_NOVEMBER, "current": 2, "remaining": 1, "id": "wish-1"}
        assert (200, expected) == consume(table, "designsCreated", quantity=2)[:2]

    def test_one_is_consumed_unless_more_is_said(self, table: MemoryTable) -> None:
        """Quantity is 1 where it is left out."""
        consume(table, "designsCreated")
        assert 1 == used(table, "designsCreated")

    def test_a_yes_is_repeated_even_at_the_limit(self, table: MemoryTable) -> None:
        """The same id is allowed again, though one more would not be, and counts once."""
        first = consume(table, "designsCreated", quantity=3)
        assert (200, True, 3) == (first.status, first.body["allowed"], first.body["current"])
        assert first == consume(table, "designsCreated", quantity=3)

    def test_a_no_is_in_the_words_of_the_contract(self, table: MemoryTable) -> None:
        """402 says what the limit is, how much of it is used, on which plan, and where to get more."""
        track(table, "designsCreated", 3)
        assert (
            402,
            {
                "error": "Usage limit exceeded",
                "message": "The plan includes no more of this in the present period.",
                "limit": 3,
                "current": 3,
                "remaining": 0,
                "planTier": "free",
                "onLimit": "block",
                **IN_NOVEMBER,
                "upgradeUrl": UPGRADE_URL,
            },
        ) == consume(table, "designsCreated")[:2]

    def test_a_request_that_straddles_the_limit_is_refused_whole(self, table: MemoryTable) -> None:
        """What would have fitted of it is not counted either, and is told as what remains."""
        track(table, "designsCreated", 2)
        answer = consume(table, "designsCreated", quantity=2)
        assert (402, 2, 1) == (answer.status, answer.body["current"], answer.body["remaining"])
        assert 2 == used(table, "designsCreated")

    def test_a_spending_cap_has_words_of_its_own(self, table: MemoryTable) -> None:
        """402 names the cap, beside all that a limit's no says; at 50 cents each, the third passes 149."""
        subscribe(table)
        SpendingCaps(table, OFFER).set("ada", 149, NOW, for_seconds(5))
        track(table, "exports", 502)
        assert (
            402,
            {
                "error": "Spending cap reached",
                "message": "The overage would cost more than the user accepts.",
                "limit": 500,
                "current": 502,
                "remaining": 0,
                "planTier": "professional",
                "onLimit": "bill",
                **IN_HER_PERIOD,
                "upgradeUrl": UPGRADE_URL,
                "spendingCap": 149,
            },
        ) == consume(table, "exports")[:2]

    def test_a_spending_cap_is_spent_to_the_cent(self, table: MemoryTable) -> None:
        """What costs as much as the cap exactly is accepted."""
        subscribe(table)
        SpendingCaps(table, OFFER).set("ada", 150, NOW, for_seconds(5))
        track(table, "exports", 502)
        assert 200 == consume(table, "exports").status

    def test_what_is_only_observed_is_counted_and_never_refused(self, table: MemoryTable) -> None:
        """Beyond its limit too."""
        answer = consume(table, "exports", offer=observing("exports"), quantity=7)
        assert (200, 7, 0) == (answer.status, answer.body["current"], answer.body["remaining"])

    def test_past_due_beyond_the_grace_is_refused_as_free(self, table: MemoryTable) -> None:
        """A professional who has not paid for a week has five exports, and is not billed for a sixth."""
        subscribe(table, replace(SUBSCRIPTION, status=Status.PAST_DUE, past_due_since=NOW))
        late = NOW + timedelta(days=7)
        assert 200 == consume(table, "exports", late, id="wish-0", quantity=5).status
        answer = consume(table, "exports", late)
        assert (402, "free", 5) == (answer.status, answer.body["planTier"], answer.body["limit"])

    @pytest.mark.parametrize(("metric", "quantity"), [("designsCreated", 2), ("exports", 1)])
    def test_an_id_stands_for_one_thing(self, table: MemoryTable, metric: str, quantity: int) -> None:
        """409 where it was consumed for another quantity or metric."""
        consume(table, "designsCreated")
        message = "This id stands for something else; use a new one."
        expected = (409, {"error": "id_conflict", "message": message})
        assert expected == consume(table, metric, quantity=quantity)[:2]

    def test_a_released_id_is_spent(self, table: MemoryTable) -> None:
        """409, since a yes for it would count nothing."""
        consume(table, "designsCreated")
        release(table, "designsCreated")
        message = "This id was consumed and released; use a new one."
        assert (409, {"error": "already_released", "message": message}) == consume(table, "designsCreated")[
            :2
        ]

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"quantity": 0}, "quantity"),
            ({"quantity": -1}, "quantity"),
            ({"quantity": 1.5}, "quantity"),
            ({"quantity": True}, "quantity"),
            ({"quantity": 1_000_000_001}, "quantity"),
            ({"id": None}, "id"),
            ({"id": "x" * 129}, "id"),
            ({"userId": ""}, "userId"),
            ({"facilityId": 7}, "facilityId"),
            ({"eventData": []}, "eventData"),
            ({"eventData": {"note": "x" * 4_096}}, "eventData"),
            ({"eventData": {"a": json.loads("[" * 32 + "]" * 32)}}, "eventData"),
            ({"eventdata": {}}, "eventdata"),
            ({"user_id": "ada"}, "user_id"),
        ],
    )
    def test_a_field_that_cannot_be_used_is_named(
        self, table: MemoryTable, changes: Mapping[str, object], path: str
    ) -> None:
        """422, and nothing is counted."""
        answer = post(Consuming(table, OFFER), "consume", "designsCreated", {**WISH, **changes})
        assert (422, "validation_failed", [path]) == (
            answer.status,
            answer.body["error"],
            [field["path"] for field in answer.body["fields"]],
        )
        assert {} == table.rows

    def test_what_is_consumed_is_kept_with_where_and_what(self, table: MemoryTable) -> None:
        """Facility and data stand on the record, the data as compact JSON."""
        consume(table, "exports", facilityId="north", eventData={"format": "pdf"})
        [row] = table.get_all([keys.record("ada", "wish-1")])
        record = record_rows.record(row)
        assert ("north", '{"format":"pdf"}') == (record.facility_id, record.event_data)


class TestRelease:
    """POST /quota/{eventType}/release."""

    def test_all_of_it_comes_back(self, table: MemoryTable) -> None:
        """The answer says what is left then."""
        consume(table, "designsCreated", quantity=3)
        assert (200, {**DESIGNS, **IN_NOVEMBER, "id": "wish-1"}) == release(table, "designsCreated")[:2]

    def test_a_part_of_it_comes_back(self, table: MemoryTable) -> None:
        """The rest stays counted."""
        consume(table, "designsCreated", quantity=3)
        answer = release(table, "designsCreated", quantity=2)
        assert (200, 1, 2) == (answer.status, answer.body["current"], answer.body["remaining"])

    def test_releasing_again_answers_the_same(self, table: MemoryTable) -> None:
        """It gives nothing more."""
        consume(table, "designsCreated", quantity=3)
        assert release(table, "designsCreated", quantity=2) == release(table, "designsCreated", quantity=2)

    def test_an_unknown_id_is_not_found(self, table: MemoryTable) -> None:
        """404 for what was never consumed of this metric."""
        consume(table, "exports")
        message = "This id was never consumed of this metric."
        assert (404, {"error": "unknown_id", "message": message}) == release(table, "designsCreated")[:2]

    def test_what_somebody_else_consumed_is_not_found(self, table: MemoryTable) -> None:
        """An id is one user's: another's is as good as none."""
        consume(table, "exports")
        assert 404 == release(table, "exports", userId="bob").status

    def test_more_than_was_consumed_is_a_conflict(self, table: MemoryTable) -> None:
        """409, and all of it stays counted."""
        consume(table, "designsCreated")
        assert (409, "id_conflict") == failure(release(table, "designsCreated", quantity=2))
        assert 1 == used(table, "designsCreated")

    def test_a_closed_period_gives_nothing_back(self, table: MemoryTable) -> None:
        """409: what was consumed in it may be on an invoice."""
        subscribe(table)
        consume(table, "exports")
        [period] = Users(table).history("ada").periods
        Closing(table).close("ada", period, {}, END)
        message = "The period is closed; report a correction instead."
        expected = (409, {"error": "period_closed", "message": message})
        assert expected == release(table, "exports", now=END)[:2]

    @pytest.mark.parametrize(
        ("changes", "path"),
        [({"quantity": 0}, "quantity"), ({"id": ""}, "id"), ({"facilityId": "north"}, "facilityId")],
    )
    def test_a_field_that_cannot_be_used_is_named(
        self, table: MemoryTable, changes: Mapping[str, object], path: str
    ) -> None:
        """422."""
        answer = post(Consuming(table, OFFER), "release", "exports", {**WISH, **changes})
        assert (422, [path]) == (answer.status, [field["path"] for field in answer.body["fields"]])


def failure(answer: Answer) -> tuple[int, str]:
    """Return what programs read of an error."""
    return answer.status, answer.body["error"]


@pytest.mark.parametrize("verb", ["consume", "release"])
class TestBodies:
    """What is sent to either."""

    @pytest.mark.parametrize("body", [None, "", "{", "[]", "null", '"text"', "[" * 100_000, "9" * 5_000])
    def test_must_be_a_json_object(self, table: MemoryTable, verb: str, body: str | None) -> None:
        """422, however it is broken."""
        answer = post(Consuming(table, OFFER), verb, "exports", body)
        assert (422, "body") == (answer.status, answer.body["fields"][0]["path"])

    def test_may_be_a_megabyte_and_no_more(self, table: MemoryTable, verb: str) -> None:
        """413 for a byte too much, before anybody reads it."""
        full = json.dumps(WISH).ljust(1_048_576)
        assert 413 != post(Consuming(table, OFFER), verb, "exports", full).status
        answer = post(Consuming(table, OFFER), verb, "exports", full + " ")
        assert (413, {"error": "too_large", "message": "Send at most 1048576 bytes."}) == answer[:2]

    def test_may_come_in_base64(self, table: MemoryTable, verb: str) -> None:
        """So API Gateway hands over what its sender does not call JSON; it is read all the same."""
        consume(table, "exports")
        assert 200 == post(Consuming(table, OFFER), verb, "exports", WISH, encoded=True).status


class Contended(Consuming):
    """A book at which others are, all the time."""

    def consume(self, record: UsageRecord, patience: Patience) -> NoReturn:  # noqa: ARG002 - as the book has it
        """Lose the race."""
        raise ContendedError


def test_contention_is_never_a_false_no(table: MemoryTable) -> None:
    """503 says when to come again, and nothing of any limit."""
    answer = post(Contended(table, OFFER), "consume", "designsCreated", WISH)
    assert (
        503,
        {"error": "unavailable", "message": "Please try again in a moment."},
        "2",
    ) == (answer.status, answer.body, answer.headers["Retry-After"])
